// A session description cut into lines, strictly (RFC 8866): the first thing that looks at what a
// peer sent. Names no attribute but checks the form and the bounds of all of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace parley::sdp {

struct Attribute {  // a=name or a=name:value
  std::string_view name;
  std::string_view value;
  std::size_t line = 0;  // from 1
};

struct MediaSection {  // m=media port proto formats, and what follows it
  std::string_view media;
  std::uint16_t port = 0;
  std::string_view proto;
  std::vector<std::string_view> formats;
  std::vector<Attribute> attributes;
  std::size_t line = 0;
};

// Views into the text it was parsed from.
struct Document {
  std::vector<Attribute> session;
  std::vector<MediaSection> media;
};

// kInvalid: what is wrong in which line, and what would be right.
[[nodiscard]] base::Result<Document> parse_document(std::string_view text);

// The error sentence for line `line`.
[[nodiscard]] tl::unexpected<base::Error> wrong(std::size_t line, const std::string& what);
// A peer's words as they may stand in an error: at most 40 characters, printable ASCII.
[[nodiscard]] std::string quoted(std::string_view text);

// A decimal number without sign or spaces, at most `max`.
[[nodiscard]] std::optional<std::uint32_t> parse_number(std::string_view text, std::uint32_t max);
// Cuts the first word off `text`, at a space.
[[nodiscard]] std::string_view take_word(std::string_view& text);

}  // namespace parley::sdp
