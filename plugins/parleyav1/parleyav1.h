// The elements parleyav1depay and parleyav1pay: AV1 out of RTP and into it, which GStreamer 1.22
// cannot do by itself. See their SECTION comments.
#pragma once

#include <gst/gst.h>

extern "C" {
GType parley_av1_depay_get_type();
GType parley_av1_pay_get_type();
}
