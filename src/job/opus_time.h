// How long the sound of an Opus packet is.
#pragma once

#include <gst/gst.h>

namespace parley::job {

// 0: it is empty. Any thread.
[[nodiscard]] GstClockTime opus_duration(GstBuffer* packet);

}  // namespace parley::job
