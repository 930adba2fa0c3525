// The element parleysink: RTP as a track of a participant. See its SECTION comment.
#pragma once

#include <gst/gst.h>

extern "C" {
GType parley_sink_get_type();
}
