// What the router knows of legs, streams and tracks. Private to the room.
//
// A publisher's packets come from a Source (one SSRC) of an InTrack; they go to the OutTracks in
// InTrack::receivers, which relink() keeps up to date, so that a packet looks nothing up.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/flat_index.h"
#include "base/ids.h"
#include "base/source.h"
#include "base/time.h"
#include "router/router.h"
#include "rtp/codec.h"
#include "rtp/missing_packets.h"
#include "rtp/packet.h"
#include "rtp/picture_ids.h"
#include "rtp/receive_statistics.h"
#include "rtp/rtcp.h"
#include "rtp/seq_mapper.h"
#include "rtp/sequence.h"
#include "rtp/splicer.h"
#include "rtp/transport_feedback.h"
#include "srtp/session.h"

namespace parley::router {

using base::Duration;
using base::Kind;
using base::TimePoint;

// RFC 7587, 4.1; RFC 7741, 4.1 and the other video formats alike.
[[nodiscard]] constexpr std::uint32_t clock_hz(Kind kind) {
  return kind == Kind::kAudio ? 48'000 : 90'000;
}

// Our NTP time is our monotonic time, moved so that it is never near 0: receivers only compare such
// times with each other (RFC 3550, 6.4.1).
inline constexpr Duration kNtpOffset = std::chrono::seconds(0x80000000);

// SSRCs of one publisher at a time (our choice: a browser sends at most mic, three layers of camera
// and of screen, and an RTX source for each).
inline constexpr std::size_t kMaxActiveSources = 20;

struct Leg;
struct InTrack;

// What a sender report says: this RTP timestamp was at that time of the sender's clock.
struct SenderClock {
  rtp::NtpTime ntp = 0;
  std::uint32_t timestamp = 0;
};

// One SSRC of a publisher.
struct Source {
  Source(std::uint32_t ssrc_of, std::uint32_t serial_of, InTrack& track_of, std::uint32_t hz)
      : ssrc(ssrc_of), serial(serial_of), track(&track_of), statistics(ssrc_of, hz) {}
  std::uint32_t ssrc;
  std::uint32_t serial;  // never 0, never used again: tells incarnations of an SSRC apart
  InTrack* track;
  bool learned = false;  // by MID; not announced
  TimePoint last_at{};
  rtp::SequenceUnwrapper sequence;
  rtp::SeqMapper mapper;  // hides packets that go to nobody
  rtp::ReceiveStatistics statistics;
  std::optional<SenderClock> clock;
  std::unique_ptr<rtp::MissingPackets> missing;  // once something was, of a peer that resends
  std::optional<TimePoint> placed_at;            // of a port: when it was last put on our clock
};

// One track as a job gets it.
struct Tap {
  TapId id;
  StreamId stream;
  base::Source source = base::Source::kMic;
  InTrack* from = nullptr;        // gets packets of, when linked
  std::uint32_t serial = 0;       // of the Source that was last given; 0: none so far
  std::uint8_t payload_type = 0;  // ... and of its last packet
  bool muted = false;
};

// By payload type, another one; kNoPayloadType: none.
using PayloadTypes = std::array<std::uint8_t, 128>;
inline constexpr std::uint8_t kNoPayloadType = 0xff;

// What a guest's numbers are to us.
struct GuestNames {
  PayloadTypes types;
  std::array<std::uint8_t, rtp::kMaxExtensionId + 1> extensions;  // 0: of no meaning
};

// One track as a receiving leg gets it.
struct OutTrack {
  OutTrack(Leg& receiver, const OutgoingTrack& track, rtp::Splicer numbers,
           rtp::PictureIds picture_numbers);
  void configure(const OutgoingTrack& track);

  // Looked at for every packet.
  Leg* leg;
  std::uint32_t joined = 0;  // serial of the Source being forwarded; 0: waiting to start
  std::uint32_t ssrc;
  std::uint16_t extensions = 0;  // bit per id
  std::array<char, 2> mid{};
  std::bitset<128> payload_types;
  std::unique_ptr<PayloadTypes> names;  // what the receiver calls them; nullptr: as we do
  rtp::Splicer splicer;
  rtp::PictureIds pictures;
  std::uint32_t packets = 0;
  std::uint32_t octets = 0;  // of payload

  InTrack* from = nullptr;        // gets packets of, when linked
  std::uint32_t last_source = 0;  // serial of the Source that was last forwarded
  StreamId stream;
  base::Source source;
  std::string cname;  // one per stream: audio and video of it play in step (RFC 3550, 6.5.1)
};

// What a publisher sends for one of its sources (mic, camera, …).
struct InTrack {
  IncomingTrack config;
  Leg* leg = nullptr;
  Source* current = nullptr;         // the SSRC that is forwarded
  std::vector<OutTrack*> receivers;  // open, not muted
  std::vector<Tap*> taps;            // not muted
  bool keyframe_wanted = false;      // and in State::wanted
  bool keyframe_urgent = false;      // ... by somebody who has had none so far
  bool keyframe_coming = false;      // asked for, and none has come since
  std::optional<TimePoint> keyframe_asked;
  [[nodiscard]] Kind kind() const { return base::kind_of(config.source); }
  // When the next request may go out.
  [[nodiscard]] TimePoint keyframe_due() const {
    if (!keyframe_asked) return TimePoint::min();
    return *keyframe_asked +
           (keyframe_urgent ? Router::kFirstKeyframeInterval : Router::kKeyframeInterval);
  }
};

// Keys of a leg whose peer is known to be the right one.
struct Gate {
  srtp::Inbound in;
  srtp::Outbound out;
};

struct Leg {
  LegId id;
  std::unique_ptr<Gate> gate;  // nullptr: closed
  [[nodiscard]] bool open() const { return gate != nullptr; }
  bool port = false;  // what it sends comes from a job, in the clear; never open

  std::vector<std::unique_ptr<InTrack>> incoming;
  std::unique_ptr<GuestNames> names;                 // of a guest
  std::vector<std::uint32_t> source_ssrcs;           // same order as sources; scanned per packet
  std::vector<std::unique_ptr<Source>> sources;      // at most kMaxActiveSources
  std::unique_ptr<rtp::TransportFeedback> arrivals;  // once the peer numbers its packets
  std::optional<Duration> clock_offset;              // sender's NTP minus our time

  std::vector<std::unique_ptr<OutTrack>> outgoing;
  // Numbering of tracks that were taken out. An SSRC that comes back goes on from here: its old
  // numbers were encrypted with the same key.
  struct Ended {
    std::uint32_t ssrc;
    rtp::Splicer splicer;
    rtp::PictureIds pictures;
  };
  std::vector<Ended> ended;

  TimePoint next_report = TimePoint::min();
};

// One participant's media.
struct Stream {
  StreamId id;
  std::optional<LegId> feeder;
  bool audio_muted = false;
  bool video_muted = false;
  std::vector<OutTrack*> receivers;
  std::vector<Tap*> taps;
  // A mute is of microphone and camera: who switches the camera off may still show a screen.
  [[nodiscard]] bool muted(base::Source source) const {
    return (source == base::Source::kMic && audio_muted) ||
           (source == base::Source::kCamera && video_muted);
  }
};

// What of `leg` is `source`; nullptr: nothing.
[[nodiscard]] InTrack* incoming_of(Leg& leg, base::Source source);

class Router::State {
 public:
  State(Outbox& box, TapSink* tap_sink) : outbox(box), sink(tap_sink) {}

  // legs.cpp: who there is, and who gets what.
  [[nodiscard]] Leg* find_leg(LegId id) const;
  [[nodiscard]] Stream* find_stream(StreamId id) const;
  Stream& stream(StreamId id);
  void add_leg(LegId id);
  void remove_leg(LegId id);
  void open_gate(Leg& leg, srtp::Inbound in, srtp::Outbound out);
  void set_incoming(Leg& leg, std::vector<IncomingTrack> tracks);
  void set_outgoing(Leg& leg, const std::vector<OutgoingTrack>& tracks);
  static void forget_ssrc(Leg& leg, std::uint32_t ssrc);
  void feed(StreamId id, std::optional<LegId> leg);
  void forget_if_unused(StreamId id);
  void erase_stream(StreamId id);
  void relink(LegId publisher);
  void relink(Stream& stream);

  // forward.cpp: RTP.
  bool on_rtp(Leg& leg, std::span<std::uint8_t> datagram, TimePoint now);
  void take(Source& source, const rtp::Packet& packet, std::span<std::uint8_t> datagram,
            TimePoint now);
  static void record_arrival(Leg& leg, const rtp::Packet& packet, TimePoint now);
  Source* source_of(Leg& leg, const rtp::Packet& packet, TimePoint now);
  static bool make_room(Leg& leg, TimePoint now);
  // `datagram`: the memory of `packet`, for writing.
  void forward(Source& source, const rtp::Packet& packet, std::span<std::uint8_t> datagram,
               std::int64_t place, TimePoint now);
  [[nodiscard]] bool starts(std::uint8_t payload_type, std::span<const std::uint8_t> payload) const;
  void fan_out(const Source& source, const rtp::Packet& packet, std::uint8_t* writable,
               std::int64_t place, TimePoint now);
  [[nodiscard]] rtp::PictureFields pictures_of(const rtp::Packet& packet) const;
  void send(OutTrack& out, std::span<const std::uint8_t> header,
            std::span<const std::uint8_t> payload);
  void count(srtp::Refused why);

  // taps.cpp: to and from jobs.
  void add_tap(TapId id, StreamId from, base::Source source);
  void remove_tap(TapId id);
  void on_tap_wish(TapId id, TimePoint now);
  void relink_taps(const Stream& stream, Leg* leg);
  void feed_taps(const Source& source, const rtp::Packet& packet, std::span<std::uint8_t> datagram,
                 std::int64_t place, TimePoint now);
  bool tell_clock(const Tap& tap, const Source& source);
  void tell_clocks(const Leg& leg);
  void add_port(LegId id);
  bool on_plain(Leg& port, base::Source source_of, std::span<std::uint8_t> datagram,
                TimePoint captured, TimePoint now);
  Source* plain_source(Leg& port, InTrack& track, std::uint32_t ssrc, TimePoint now);
  void place_on_clock(Source& source, std::uint32_t timestamp, TimePoint captured, TimePoint now);

  // feedback.cpp: RTCP.
  bool on_rtcp(Leg& leg, std::span<std::uint8_t> datagram, TimePoint now);
  void on_sender_report(Leg& leg, const rtp::SenderReport& report, TimePoint now);
  void on_keyframe_request(Leg& leg, std::uint32_t ssrc, TimePoint now);
  // `first`: for a receiver that has had nothing of the track yet.
  void want_keyframe(InTrack& track, bool first);
  void request_keyframe(InTrack& track, TimePoint now);
  void got_keyframe(InTrack& track);
  void send_wanted(TimePoint now);
  // `place` of `source` has come, behind a gap or late; `before` was the newest one so far.
  void note_missing(Source& source, std::int64_t before, std::int64_t place, TimePoint now);
  void ask_for_missing(TimePoint now);
  void ask_for_missing(Leg& leg, Source& source, TimePoint now);
  void report(Leg& leg, TimePoint now);
  void report_arrivals(Leg& leg);
  void send_rtcp(Leg& leg, const rtp::RtcpWriter& compound);
  void on_timer(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> deadline() const;

  Outbox& outbox;
  TapSink* sink;  // nullptr: no taps, no ports
  RouterStats stats;
  std::array<std::optional<rtp::Codec>, 128> codecs;  // by payload type

  base::FlatIndex leg_at;
  std::vector<std::unique_ptr<Leg>> legs;  // nullptr: a free slot
  base::FlatIndex stream_at;
  std::vector<std::unique_ptr<Stream>> streams;
  std::vector<std::unique_ptr<Tap>> taps;
  std::uint32_t next_serial = 1;
  std::size_t open_legs = 0;

  std::vector<InTrack*> wanted;  // key frames to ask for, at once or when the interval is over
  TimePoint next_tick = TimePoint::min();
  TimePoint next_nack = TimePoint::max();
};

}  // namespace parley::router
