// A router fed with datagrams that carry right keys and any content, between changes of who gets
// what. Each input is a series of: an operation, a length, that many bytes.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "router/outbox.h"
#include "router/router.h"
#include "rtp/packet.h"
#include "srtp/session.h"

namespace {

using namespace parley;  // NOLINT(google-build-using-namespace)
using Bytes = std::vector<std::uint8_t>;

constexpr std::uint64_t kLegs = 3;

srtp::KeyMaterial key_of(std::uint64_t leg) {
  srtp::KeyMaterial key;
  for (std::size_t i = 0; i < key.bytes.size(); ++i)
    key.bytes[i] = static_cast<std::uint8_t>(leg * 31 + i);
  return key;
}

// What a tap is given is RTP of the track it taps.
class Sink final : public router::TapSink {
 public:
  void on_format(router::TapId /*tap*/, const router::TapFormat& format) override {
    if (format.clock_hz == 0 || format.payload_type > 127) std::abort();
  }
  void on_clock(router::TapId /*tap*/, const router::TapClock& /*clock*/) override {}
  void on_muted(router::TapId /*tap*/, bool /*muted*/) override {}
  void on_packet(router::TapId /*tap*/, base::TimePoint /*arrived*/,
                 std::span<const std::uint8_t> rtp) override {
    const auto packet = rtp::Packet::parse(rtp);
    if (!packet || packet->payload().empty()) std::abort();
  }
  void on_keyframe_wanted(base::LegId port, base::Source source) override {
    if (port.value != kLegs || base::kind_of(source) != base::Kind::kVideo) std::abort();
  }
};

class Room {
 public:
  Room() : box_(64), router_(box_, &sink_) {
    router_.add_port({kLegs});  // may come to feed a stream
    router_.set_incoming({kLegs}, {{base::Source::kMic, "", {}}, {base::Source::kCamera, "", {}}});
    box_.on_full([this](router::Outbox&) { drain(); });
    router_.set_codec(96, rtp::Codec::kVp8);
    router_.set_codec(102, rtp::Codec::kH264);
    for (std::uint64_t leg = 0; leg < kLegs; ++leg) {
      seal_.push_back(*srtp::Outbound::create(key_of(leg)));
      open(leg);
    }
  }

  void step(std::uint8_t operation, std::span<const std::uint8_t> bytes) {
    const std::uint64_t leg = operation % kLegs;
    now_ += std::chrono::milliseconds(operation / 4);
    switch (operation / kLegs % 8) {
      case 0:
        taps(leg, bytes);
        return router_.on_timer(now_);
      case 1:
        return router_.mute({leg}, (operation & 64U) != 0, (operation & 128U) != 0);
      case 2:
        return router_.feed({leg}, base::LegId{bytes.size() % (kLegs + 1)});
      case 3:
        router_.remove_leg({leg});
        return open(leg);
      case 4:
        return rtcp(leg, bytes);
      default:
        return rtp(leg, bytes);
    }
  }

  void taps(std::uint64_t leg, std::span<const std::uint8_t> bytes) {
    if (bytes.empty()) return;
    const auto source = (bytes[0] & 4U) != 0 ? base::Source::kMic : base::Source::kCamera;
    switch (bytes[0] % 4) {
      case 0:
        return router_.add_tap({leg}, {leg}, source);
      case 1:
        return router_.remove_tap({leg});
      case 2:
        return router_.want_keyframe({leg}, now_);
      default:
        Bytes packet(bytes.begin() + 1, bytes.end());
        router_.on_plain({kLegs}, source, packet, now_, now_);
    }
  }

  void drain() {
    box_.for_each_leg([](base::LegId, std::span<const router::Outbox::Datagram> datagrams) {
      for (const auto datagram : datagrams)
        if (datagram.empty() || datagram.size() > router::Outbox::kSlotBytes) std::abort();
    });
    box_.clear();
  }

 private:
  void open(std::uint64_t leg) {
    router_.add_leg({leg});
    router_.open_gate({leg}, *srtp::Inbound::create(key_of(leg)),
                      *srtp::Outbound::create(key_of(leg + kLegs)));
    router_.set_incoming({leg}, {{base::Source::kMic, "00", {1}},
                                 {base::Source::kCamera, "01", {2, 0x30303030}, {}, true}});
    router_.feed({leg}, base::LegId{leg});
    std::vector<router::OutgoingTrack> tracks;
    for (std::uint32_t stream = 0; stream < kLegs; ++stream)
      for (const auto source : {base::Source::kMic, base::Source::kCamera})
        tracks.push_back(
            {{stream},
             source,
             10 * stream + static_cast<std::uint32_t>(source),
             {'a', 'b'},
             {96, 102, 111},
             leg == 0 ? std::vector<std::uint8_t>{1, 2, 3, 7} : std::vector<std::uint8_t>{2}});
    router_.set_outgoing({leg}, tracks);
  }

  void rtp(std::uint64_t leg, std::span<const std::uint8_t> bytes) {
    Bytes sealed(bytes.size() + srtp::kMaxRtpOverhead);
    sealed.resize(seal_[leg].protect(bytes, sealed.data()));
    router_.on_datagram({leg}, sealed, now_);
  }

  void rtcp(std::uint64_t leg, std::span<const std::uint8_t> bytes) {
    Bytes sealed(bytes.size() + srtp::kMaxRtcpOverhead);
    sealed.resize(seal_[leg].protect_rtcp(bytes, sealed.data()));
    router_.on_datagram({leg}, sealed, now_);
  }

  Sink sink_;
  router::Outbox box_;
  router::Router router_;
  std::vector<srtp::Outbound> seal_;
  base::TimePoint now_{std::chrono::seconds(1)};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Room room;
  std::span<const std::uint8_t> rest(data, size);
  while (rest.size() >= 2) {
    const std::uint8_t operation = rest[0];
    const std::size_t bytes = std::min<std::size_t>(rest[1], rest.size() - 2);
    room.step(operation, rest.subspan(2, bytes));
    rest = rest.subspan(2 + bytes);
  }
  room.drain();
  return 0;
}
