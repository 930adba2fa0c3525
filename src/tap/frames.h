// What a media worker and a job say to each other over a Unix socket (SOCK_SEQPACKET): one frame a
// datagram, in the host's byte order, for both ends are on one machine and of one build.
//
// A job opens one connection per thing: a Watch (which tracks there are), a Tap (one track's
// packets) or an Inject (one track it makes). It says Hello, then what it wants; the worker answers
// with Accepted or Refused and closes on everything else. Nobody waits for the other: what does not
// fit into the socket is dropped, counted, and told with the next frame that fits.
//
// Everything here is pure and may be called on any thread. decode() takes untrusted bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/source.h"
#include "base/time.h"
#include "rtp/codec.h"

namespace parley::tap {

inline constexpr std::uint32_t kVersion = 2;
inline constexpr std::size_t kMaxFrameBytes = 2048;  // an RTP packet of a datagram, and its head

// ---- from a job -----------------------------------------------------------------------------

struct Hello {  // first frame of every connection
  std::uint32_t version = kVersion;
  std::string secret;
};
struct Watch {
  std::string group;
};
struct Tap {
  std::string group;
  std::string owner;
  base::Source source = base::Source::kMic;
  bool patient = false;  // nobody waits for the packets: they may come later and more at once
};
// As `source` of the port that was opened for `owner`.
struct Inject {
  std::string group;
  std::string owner;
  base::Source source = base::Source::kMic;
  rtp::Codec codec = rtp::Codec::kOpus;
};

// ---- from the worker ------------------------------------------------------------------------

struct Accepted {};
struct Refused {  // ... and the connection is closed
  std::string why;
};
// To a Watch: what is there now, each once, and then what changes.
struct TrackAdded {
  std::string owner;
  base::Source source = base::Source::kMic;
};
struct TrackRemoved {
  std::string owner;
  base::Source source = base::Source::kMic;
};
struct PortAdded {  // something to Inject into
  std::string owner;
};
struct PortRemoved {
  std::string owner;
};
// To a Tap: before the first packet, and whenever it changes.
struct Format {
  rtp::Codec codec = rtp::Codec::kOpus;
  std::uint8_t payload_type = 0;
  std::uint32_t clock_hz = 0;
  std::uint32_t ssrc = 0;  // a new one: numbers and timestamps start anew
};
// The moment at which the sample of `timestamp` was captured, by this machine's CLOCK_MONOTONIC. By
// the sender's reports (RFC 3550, 6.4.1) and the offset of its clock, which is the same for all its
// tracks; until its first report, by the arrival of the track's first packet.
struct Clock {
  std::uint32_t ssrc = 0;
  std::uint32_t timestamp = 0;
  base::TimePoint captured;
  bool reported = false;
};
struct Muted {  // what is missing from now on is meant to be
  bool muted = false;
};
struct Dropped {  // packets that did not fit into the socket, since the last such frame
  std::uint64_t packets = 0;
};

// ---- both ways ------------------------------------------------------------------------------

struct Packet {                       // RTP (RFC 3550, 5.1), decrypted
  base::TimePoint arrived;            // from a job: when it was captured
  std::span<const std::uint8_t> rtp;  // into the decoded frame
};
struct KeyFrame {};  // the receiving side wants one
struct End {};       // the track is over

using Frame =
    std::variant<Hello, Watch, Tap, Inject, Accepted, Refused, TrackAdded, TrackRemoved, PortAdded,
                 PortRemoved, Format, Clock, Muted, Dropped, Packet, KeyFrame, End>;

// The frame as bytes, into `out`, which is overwritten. Texts longer than 256 bytes are cut.
void encode(const Frame& frame, std::vector<std::uint8_t>& out);

// The head of a Packet frame, to be sent before the packet's own bytes in one datagram (sendmsg
// with two pieces): no copy.
inline constexpr std::size_t kPacketHeadBytes = 16;
void encode_packet_head(base::TimePoint arrived, std::span<std::uint8_t, kPacketHeadBytes> out);

// Whether a frame that encode() or encode_packet_head() made is a Packet.
[[nodiscard]] bool is_packet(std::span<const std::uint8_t> bytes);

// kInvalid: what is wrong with it.
[[nodiscard]] base::Result<Frame> decode(std::span<const std::uint8_t> bytes);

}  // namespace parley::tap
