// What the control thread tells the I/O thread about legs, and what it hears back. Values only.
//
// `generation` counts the transports a leg has had: a restart from scratch makes a new one. What
// speaks of an older generation crossed the restart on its way and is ignored.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "ice/agent.h"
#include "media/owned_fd.h"
#include "router/router.h"
#include "srtp/session.h"

namespace parley::media {

using base::LegId;
using base::StreamId;

// One transport of one leg.
struct TransportId {
  LegId leg;
  std::uint32_t generation = 0;
  friend bool operator==(const TransportId&, const TransportId&) = default;
};

// One connection of a job's; never used again.
using ConnectionId = base::Number<struct ConnectionOfJobTag>;

// ---- to the I/O thread ----------------------------------------------------------------------

struct AddTransport {  // in place of the leg's former one
  TransportId id;
  ice::Credentials credentials;
};
struct DropTransport {  // answered by TransportDropped
  TransportId id;
};
struct RestartIce {
  TransportId id;
  ice::Credentials credentials;
};
struct OpenGate {
  TransportId id;
  srtp::Inbound in;
  srtp::Outbound out;
};
struct SetIncoming {
  LegId leg;
  std::vector<router::IncomingTrack> tracks;
};
struct SetOutgoing {
  LegId leg;
  std::vector<router::OutgoingTrack> tracks;
  std::vector<std::uint32_t> ended;  // SSRCs that will not be used again
};
struct SetFeed {
  StreamId stream;
  std::optional<LegId> leg;
};
struct SetMute {
  StreamId stream;
  bool audio_muted = false;
  bool video_muted = false;
};
struct ForgetStream {
  StreamId stream;
};
struct SendDtls {  // a datagram of the leg's DTLS, for its peer
  TransportId id;
  std::vector<std::uint8_t> datagram;
};
struct AddPort {
  LegId leg;
};
struct DropPort {  // answered by TransportDropped, generation 0
  LegId leg;
};
struct AddTap {
  ConnectionId id;
  OwnedFd fd;
  StreamId stream;
  base::Source source = base::Source::kMic;
  bool patient = false;
};
struct AddInjection {
  ConnectionId id;
  OwnedFd fd;
  LegId port;
  base::Source source = base::Source::kMic;
};
struct EndConnection {  // answered by ConnectionGone, unless that crossed it
  ConnectionId id;
};
struct StopIo {};

using IoCommand = std::variant<AddTransport, DropTransport, RestartIce, OpenGate, SetIncoming,
                               SetOutgoing, SetFeed, SetMute, ForgetStream, SendDtls, AddPort,
                               DropPort, AddTap, AddInjection, EndConnection, StopIo>;

// ---- from the I/O thread --------------------------------------------------------------------

struct PathSelected {  // the first path of a transport: ICE is connected
  TransportId id;
};
struct DtlsReceived {
  TransportId id;
  std::vector<std::uint8_t> datagram;
};
struct FellSilent {  // a transport, or with generation 0 a port
  TransportId id;
};
struct BecameAudible {
  TransportId id;
};
struct TransportDropped {  // nothing of it is left in the I/O thread
  TransportId id;
};

struct ConnectionGone {  // a job's, by its own doing or by ours
  ConnectionId id;
};

using IoReport = std::variant<PathSelected, DtlsReceived, FellSilent, BecameAudible,
                              TransportDropped, ConnectionGone>;

}  // namespace parley::media
