// The two elements that stand where webrtcbin expects nicesrc and nicesink.
//
// They know no socket: what the source pushes was given to it, and what the sink gets is handed to
// a function. Only DTLS passes. RTP and RTCP are the I/O thread's and never enter webrtcbin; what
// webrtcbin makes of its own accord (receiver reports) ends in the sink.
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "wrap/gst.h"

namespace parley::media {

// Called with each outgoing DTLS datagram on a thread of GStreamer's: post and return.
using DtlsOut = std::function<void(std::vector<std::uint8_t>)>;

// (transfer floating) for the bin that they go into.
[[nodiscard]] GstElement* new_ice_source();
[[nodiscard]] GstElement* new_ice_sink(DtlsOut out);

// Pushes one datagram into what is linked to `source`; on one thread at a time. It goes as far as
// the next queue, or blocks where a pad is blocked.
void push_datagram(GstElement* source, std::span<const std::uint8_t> datagram);

}  // namespace parley::media
