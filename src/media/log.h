// The room's debug category, `parley-media`. Never an SDP body, a key or, above DEBUG, an address.
#pragma once

#include <gst/gst.h>

#include <string>

namespace parley::media {

// Any thread. For rare things: nothing of the packet path logs.
void log(GstDebugLevel level, const std::string& text);

}  // namespace parley::media
