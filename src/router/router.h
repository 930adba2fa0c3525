// The packet path of one I/O worker: decrypts what publishers send once, and rewrites, encrypts and
// queues it for every receiving leg. Sockets are elsewhere: datagrams in, datagrams out.
//
// Owned by the I/O thread. No lock; no allocation per packet.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/source.h"
#include "base/time.h"
#include "router/outbox.h"
#include "router/taps.h"
#include "rtp/codec.h"
#include "srtp/session.h"

namespace parley::router {

using base::LegId;
using base::StreamId;

// What a peer that made the offer calls a payload type, or a header extension, of ours.
struct TheirName {
  std::uint8_t theirs = 0;
  std::uint8_t ours = 0;
};

// What a leg's peer sends for one of its sources, after an accepted answer.
struct IncomingTrack {
  base::Source source = base::Source::kMic;
  std::string mid;                   // for SSRCs that were not announced
  std::vector<std::uint32_t> ssrcs;  // announced; may be empty
  // Not empty: a guest's. Its packets have these payload types and no other, which also tell the
  // track of an SSRC that was not announced.
  std::vector<TheirName> payload_names = {};
  // The peer sends packets again, on the same SSRC, when it is asked to (generic NACK).
  bool resends = false;
  std::vector<TheirName> extension_names = {};  // a guest's, that mean anything to us
};

// One track as one receiving leg gets it.
struct OutgoingTrack {
  StreamId stream;
  base::Source source = base::Source::kMic;
  std::uint32_t ssrc = 0;
  std::array<char, 2> mid{};
  std::vector<std::uint8_t> payload_types;    // the receiver takes these
  std::vector<std::uint8_t> extensions;       // ids the receiver takes (sdp::Extension)
  std::vector<TheirName> payload_names = {};  // of those it calls otherwise
};

struct RouterStats {
  std::uint64_t packets_in = 0;   // authentic RTP
  std::uint64_t bytes_in = 0;     // of its datagrams
  std::uint64_t packets_out = 0;  // RTP queued for receivers
  std::uint64_t bytes_out = 0;
  std::uint64_t auth_failures = 0;
  std::uint64_t replays = 0;
  std::uint64_t malformed = 0;
  std::uint64_t unroutable = 0;         // SSRC of no known track, or payload type nobody takes
  std::uint64_t keyframe_requests = 0;  // PLIs sent
  std::uint64_t nacked = 0;             // packets asked for again, each time
  std::uint64_t outbox_drops = 0;       // no room and Outbox::on_full() made none
};

class Router {
 public:
  // Key frame requests to one source are at least this far apart (our choice: a browser needs
  // 20–130 ms for a key frame, and every request costs all receivers a burst).
  static constexpr base::Duration kKeyframeInterval = std::chrono::milliseconds(500);
  // ... but for a receiver that has had none of the track yet (our choice: who joins sees a picture
  // at once, and many who join together share it).
  static constexpr base::Duration kFirstKeyframeInterval = std::chrono::milliseconds(100);
  static constexpr base::Duration kReportInterval = std::chrono::seconds(1);

  // `outbox` and `taps` must outlive the router; the caller sends and clears the outbox after each
  // batch. Without `taps` there can be no taps and no ports.
  explicit Router(Outbox& outbox, TapSink* taps = nullptr);
  ~Router();
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  // What a payload type holds, for every peer alike. A video payload type that is not told of has
  // no recognised key frames: its receivers start with any packet.
  void set_codec(std::uint8_t payload_type, rtp::Codec codec);

  // Legs. Nothing of a leg is accepted or sent before its gate is open: keys are known and the
  // peer's certificate is the announced one.
  void add_leg(LegId leg);
  void remove_leg(LegId leg);
  void open_gate(LegId leg, srtp::Inbound in, srtp::Outbound out);

  // What the peer of `leg` sends; replaces the former list.
  void set_incoming(LegId leg, std::vector<IncomingTrack> tracks);
  // What `leg` receives; replaces the former list. A video track that is new here gets a key frame
  // asked for at its source. A track that is left out may come back with its SSRC and goes on where
  // it was; `ended` are SSRCs that never will, of which nothing is remembered.
  void set_outgoing(LegId leg, const std::vector<OutgoingTrack>& tracks,
                    std::span<const std::uint32_t> ended = {});
  // Whose media a stream is. Receivers see one continuous track across a change.
  void feed(StreamId stream, std::optional<LegId> leg);
  // Of microphone and camera; a shared screen and its sound are never muted.
  void mute(StreamId stream, bool audio_muted, bool video_muted);
  // A stream is forgotten when nobody feeds or receives it and it is not muted. This one forgets
  // the mutes of a stream that will not come back.
  void forget(StreamId stream);

  // Taps and ports (router/taps.h). The stream of a tap is not forgotten.
  void add_tap(TapId tap, StreamId stream, base::Source source);
  void remove_tap(TapId tap);
  // Whoever reads the tap needs a key frame.
  void want_keyframe(TapId tap, base::TimePoint now);
  // A leg without keys: it feeds streams and receives nothing. remove_leg() ends it.
  void add_port(LegId port);
  // A packet with our payload types, of one of the sources that set_incoming() named; false when
  // it was dropped. `captured`, by our clock, keeps the sources of a port in step. The memory of
  // `rtp` is written to.
  bool on_plain(LegId port, base::Source source, std::span<std::uint8_t> rtp,
                base::TimePoint captured, base::TimePoint now);

  // One datagram that came from `leg`'s selected path and is RTP or RTCP by its first bytes
  // (RFC 7983, RFC 5761). Decrypts in place. True when it was authentic.
  bool on_datagram(LegId leg, std::span<std::uint8_t> datagram, base::TimePoint now);

  // Reports and key frame requests that are due. Calls without a time, such as set_outgoing(), make
  // their requests here: look at deadline() after them; it may lie in the past.
  void on_timer(base::TimePoint now);
  [[nodiscard]] std::optional<base::TimePoint> deadline() const;

  [[nodiscard]] const RouterStats& stats() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace parley::router
