// A router with peers around it that talk real SRTP, and a clock that is moved by hand.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/source.h"
#include "router/outbox.h"
#include "router/router.h"
#include "rtp/bytes.h"
#include "rtp/extensions.h"
#include "rtp/packet.h"
#include "rtp/rtcp.h"
#include "srtp/session.h"

namespace parley::test {

using base::LegId;
using base::Source;
using base::StreamId;
using base::TimePoint;
using Bytes = std::vector<std::uint8_t>;
using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

inline constexpr std::uint8_t kOpus = 111;
inline constexpr std::uint8_t kVp8 = 96;
inline constexpr std::uint8_t kH264 = 102;

inline srtp::KeyMaterial key_of(std::uint64_t leg, bool to_server) {
  srtp::KeyMaterial key;
  for (std::size_t i = 0; i < key.bytes.size(); ++i)
    key.bytes[i] = static_cast<std::uint8_t>(leg * 31 + i * 7 + (to_server ? 101 : 0));
  return key;
}

// Plain packets of a browser.
struct PacketShape {
  std::uint32_t ssrc = 0;
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  std::uint8_t payload_type = kOpus;
  Bytes payload = Bytes(40, 0x5a);
  std::vector<std::pair<std::uint8_t, Bytes>> extensions = {};
  std::uint8_t padding = 0;
  bool marker = false;
};

inline Bytes make_rtp(const PacketShape& shape) {
  Bytes p(12);
  p[0] = 0x80;
  p[1] = static_cast<std::uint8_t>(shape.payload_type | (shape.marker ? 0x80U : 0U));
  rtp::store16(&p[2], shape.sequence);
  rtp::store32(&p[4], shape.timestamp);
  rtp::store32(&p[8], shape.ssrc);
  if (!shape.extensions.empty()) {
    p[0] |= 0x10U;
    Bytes block;
    for (const auto& [id, value] : shape.extensions) {
      block.push_back(static_cast<std::uint8_t>(id << 4U | (value.size() - 1)));
      for (const std::uint8_t byte : value) block.push_back(byte);
    }
    while (block.size() % 4 != 0) block.push_back(0);
    p.push_back(0xbe);
    p.push_back(0xde);
    p.push_back(0);
    p.push_back(static_cast<std::uint8_t>(block.size() / 4));
    for (const std::uint8_t byte : block) p.push_back(byte);
  }
  for (const std::uint8_t byte : shape.payload) p.push_back(byte);
  if (shape.padding != 0) {
    p[0] |= 0x20U;
    p.resize(p.size() + shape.padding);
    p.back() = shape.padding;
  }
  return p;
}

// VP8 payloads: a descriptor without extensions, then the frame header whose last bit is 0 for a
// key frame.
inline Bytes vp8_key() { return {0x10, 0x00, 1, 2, 3, 4, 5, 6, 7, 8}; }
inline Bytes vp8_delta() { return {0x10, 0x01, 1, 2, 3, 4, 5, 6, 7, 8}; }

inline Bytes text_bytes(const std::string& text) { return {text.begin(), text.end()}; }

// One browser: what it was sent, decrypted.
struct Peer {
  explicit Peer(std::uint64_t leg)
      : id{leg},
        seal(*srtp::Outbound::create(key_of(leg, true))),
        open(*srtp::Inbound::create(key_of(leg, false))) {}
  LegId id;
  srtp::Outbound seal;
  srtp::Inbound open;
  std::vector<Bytes> rtp;
  std::vector<Bytes> rtcp;
  std::size_t unreadable = 0;

  [[nodiscard]] rtp::Packet packet(std::size_t i) const { return *rtp::Packet::parse(rtp.at(i)); }
  [[nodiscard]] std::vector<std::uint16_t> sequences() const {
    std::vector<std::uint16_t> all;
    for (std::size_t i = 0; i < rtp.size(); ++i) all.push_back(packet(i).sequence());
    return all;
  }
  // Items of a kind in all the RTCP that came.
  template <class Item>
  [[nodiscard]] std::vector<Item> items() const {
    std::vector<Item> found;
    for (const Bytes& compound : rtcp) {
      rtp::RtcpReader reader(compound);
      while (const auto item = reader.next())
        if (const auto* wanted = std::get_if<Item>(&*item)) found.push_back(*wanted);
    }
    return found;
  }
  void clear() {
    rtp.clear();
    rtcp.clear();
  }
};

class Room {
 public:
  explicit Room(std::size_t slots = 4096, router::TapSink* taps = nullptr)
      : outbox(slots), router(outbox, taps) {
    router.set_codec(kOpus, rtp::Codec::kOpus);
    router.set_codec(kVp8, rtp::Codec::kVp8);
    router.set_codec(kH264, rtp::Codec::kH264);
    outbox.on_full([this](Outbox&) { deliver(); });
  }

  using Outbox = router::Outbox;

  Peer& add(std::uint64_t leg, bool gate = true) {
    peers.emplace(leg, std::make_unique<Peer>(leg));
    router.add_leg(LegId{leg});
    if (gate) open(leg);
    return *peers.at(leg);
  }
  void open(std::uint64_t leg) {
    router.open_gate(LegId{leg}, *srtp::Inbound::create(key_of(leg, true)),
                     *srtp::Outbound::create(key_of(leg, false)));
  }

  // `leg` publishes mic (SSRC leg*10+1) and camera (leg*10+2) as stream `leg`.
  void publish(std::uint64_t leg) {
    router.set_incoming(LegId{leg}, {{Source::kMic, "00", {ssrc(leg, Source::kMic)}},
                                     {Source::kCamera, "01", {ssrc(leg, Source::kCamera)}}});
    router.feed(StreamId{leg}, LegId{leg});
  }
  static std::uint32_t ssrc(std::uint64_t leg, Source source) {
    return static_cast<std::uint32_t>(leg * 10 + (source == Source::kMic ? 1 : 2));
  }
  // The SSRC by which `receiver` gets `source` of `stream`.
  static std::uint32_t ssrc(std::uint64_t receiver, std::uint64_t stream, Source source) {
    return static_cast<std::uint32_t>(100'000 * receiver) + ssrc(stream, source);
  }
  static std::vector<router::OutgoingTrack> tracks(std::uint64_t receiver, std::uint64_t stream) {
    std::vector<router::OutgoingTrack> result;
    for (const Source source : {Source::kMic, Source::kCamera})
      result.push_back({StreamId{stream},
                        source,
                        ssrc(receiver, stream, source),
                        {'a', source == Source::kMic ? 'm' : 'c'},
                        {kOpus, kVp8},
                        {rtp::kMidExtension, rtp::kAudioLevelExtension, rtp::kAbsSendTimeExtension,
                         rtp::kTransportCcExtension}});
    return result;
  }
  void receive(std::uint64_t receiver, const std::vector<std::uint64_t>& streams) {
    std::vector<router::OutgoingTrack> all;
    for (const std::uint64_t stream : streams)
      for (auto& track : tracks(receiver, stream)) all.push_back(track);
    router.set_outgoing(LegId{receiver}, all);
  }

  // From the browser of `leg`, encrypted on the way. Whether the router took it for authentic.
  bool send(std::uint64_t leg, const PacketShape& shape) {
    const Bytes plain = make_rtp(shape);
    Bytes sealed(plain.size() + srtp::kMaxRtpOverhead);
    sealed.resize(peers.at(leg)->seal.protect(plain, sealed.data()));
    return hand_in(leg, sealed);
  }
  bool send_audio(std::uint64_t leg, std::uint16_t sequence) {
    return send(
        leg, {.ssrc = ssrc(leg, Source::kMic), .sequence = sequence, .timestamp = 960U * sequence});
  }
  bool send_video(std::uint64_t leg, std::uint16_t sequence, bool key) {
    return send(leg, {.ssrc = ssrc(leg, Source::kCamera),
                      .sequence = sequence,
                      .timestamp = 3000U * sequence,
                      .payload_type = kVp8,
                      .payload = key ? vp8_key() : vp8_delta()});
  }
  bool send_rtcp(std::uint64_t leg, std::span<const std::uint8_t> plain) {
    Bytes sealed(plain.size() + srtp::kMaxRtcpOverhead);
    sealed.resize(peers.at(leg)->seal.protect_rtcp(plain, sealed.data()));
    return hand_in(leg, sealed);
  }
  bool send_pli(std::uint64_t leg, std::uint32_t media_ssrc) {
    rtp::RtcpWriter compound;
    compound.add_receiver_report(1, {});
    compound.add_picture_loss(1, media_ssrc);
    return send_rtcp(leg, compound.bytes());
  }
  bool hand_in(std::uint64_t leg, Bytes datagram) {
    const bool authentic = router.on_datagram(LegId{leg}, datagram, now);
    deliver();
    return authentic;
  }

  // Moves the clock, and runs what falls due on the way, at its time.
  void pass(base::Duration duration) {
    const TimePoint end = now + duration;
    while (true) {
      const auto due = router.deadline();
      if (!due || *due > end) break;
      now = std::max(now, *due);
      router.on_timer(now);
      deliver();
    }
    now = end;
  }

  // Decrypts what the outbox holds into the peers' hands.
  void deliver() {
    outbox.for_each_leg([this](LegId leg, std::span<const Outbox::Datagram> datagrams) {
      Peer& peer = *peers.at(leg.value);
      for (const Outbox::Datagram datagram : datagrams) {
        Bytes copy(datagram.begin(), datagram.end());
        const bool rtcp = copy.size() > 1 && copy[1] >= 192 && copy[1] <= 223;
        const auto bytes = rtcp ? peer.open.unprotect_rtcp(copy) : peer.open.unprotect(copy);
        if (!bytes) {
          ++peer.unreadable;
          continue;
        }
        copy.resize(*bytes);
        (rtcp ? peer.rtcp : peer.rtp).push_back(std::move(copy));
      }
    });
    outbox.clear();
  }

  Outbox outbox;
  router::Router router;
  std::map<std::uint64_t, std::unique_ptr<Peer>> peers;
  TimePoint now{1000s};
};

}  // namespace parley::test
