// The ICE agent that webrtcbin is given in place of libnice's: it claims to have gathered, keeps
// quiet about candidates (the wire's offer names them), and supplies our elements as its transport.
// The real ICE is done by ice::LiteAgent in the I/O thread.
#pragma once

#include <gst/gst.h>
#include <gst/webrtc/ice.h>
#include <gst/webrtc/webrtc.h>

#include "media/transport_elements.h"
#include "wrap/gst.h"

namespace parley::wrap {
template <>
struct RefTraits<GstWebRTCICE> : GObjectTraits<GstWebRTCICE> {};
template <>
struct RefTraits<GstWebRTCICETransport> : GObjectTraits<GstWebRTCICETransport> {};
template <>
struct RefTraits<GstWebRTCICEStream> : GObjectTraits<GstWebRTCICEStream> {};
}  // namespace parley::wrap

namespace parley::media {

// For webrtcbin's construct-only property `ice-agent`, which takes over a reference without adding
// one. `out` gets the DTLS datagrams.
[[nodiscard]] wrap::Ref<GstWebRTCICE> new_ice_agent(DtlsOut out);

// The transport that webrtcbin has asked the agent for; empty before and after. Any thread.
[[nodiscard]] wrap::Ref<GstWebRTCICETransport> transport_of(GstWebRTCICE* agent);

}  // namespace parley::media
