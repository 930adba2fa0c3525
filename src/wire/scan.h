// A strict check of a frame's text, before json-glib sees it.
//
// json-glib's parser is recursive and lenient: it takes comments, octal numbers and members given
// twice, and what it takes for a string need not be what another reader takes for one. The scan is
// linear, keeps its own stack of kMaxDepth, and lets through only what RFC 8259 calls JSON, so that
// depth and width are bounded whatever the parser does.
#pragma once

#include <string_view>

#include "wire/wire.h"

namespace parley::wire {

// How many members the objects and arrays of the frame have together; the tree json-glib makes
// of it has fewer only if it dropped one that was given twice.
[[nodiscard]] tl::expected<int, FrameError> scan(std::string_view frame);

}  // namespace parley::wire
