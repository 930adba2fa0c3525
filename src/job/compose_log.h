// Warnings of composing and mixing, in GStreamer's log (GST_DEBUG=parley-compose:2).
#pragma once

#include <string>

namespace parley::job {

// Any thread.
void warn(const std::string& message);

}  // namespace parley::job
