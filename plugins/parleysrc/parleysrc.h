// The element parleysrc: one track of a call, as RTP. See its SECTION comment.
#pragma once

#include <gst/gst.h>

extern "C" {
GType parley_src_get_type();
}
