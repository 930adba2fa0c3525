// Everything that reaches the control thread, in one mailbox so that it keeps its order: commands
// from above, reports of the I/O thread, of GStreamer's threads and of the reaper.
#pragma once

#include <gst/webrtc/webrtc.h>

#include <cstdint>
#include <memory>
#include <string>
#include <variant>

#include "media/command.h"
#include "media/io_values.h"
#include "srtp/session.h"
#include "wrap/mailbox.h"
#include "wrap/owned.h"

namespace parley::wrap {
template <>
struct OwnedTraits<GstWebRTCSessionDescription> {
  static void free(GstWebRTCSessionDescription* p) { gst_webrtc_session_description_free(p); }
};
}  // namespace parley::wrap

namespace parley::media {

// webrtcbin's own offer; null when it made none.
struct BaseOffered {
  TransportId id;
  wrap::Owned<GstWebRTCSessionDescription> description;
};
// webrtcbin has taken the remote description: datagrams may flow.
struct RemoteTaken {
  TransportId id;
};
// DTLS has a key for what comes in, and the peer's certificate as PEM.
struct DecoderKeyed {
  TransportId id;
  srtp::KeyMaterial key;
  std::string peer_pem;
};
// DTLS has a key for what goes out.
struct EncoderKeyed {
  TransportId id;
  srtp::KeyMaterial key;
};
// An element of the leg's pipeline gave up.
struct PipelineFailed {
  TransportId id;
  std::string message;
};
// The reaper is done with a pipeline: its webrtcbin is finalised.
struct Reaped {
  TransportId id;
};

using ControlInput = std::variant<Command, IoReport, BaseOffered, RemoteTaken, DecoderKeyed,
                                  EncoderKeyed, PipelineFailed, Reaped>;
using ControlBox = wrap::ContextMailbox<ControlInput>::Box;

}  // namespace parley::media
