// Which packets of a stream have not come, and when to ask the sender for them again (generic NACK,
// RFC 4585, 6.2.1).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/time.h"

namespace parley::rtp {

// One SSRC, in unwrapped sequence numbers (SequenceUnwrapper). Thread-compatible. Never allocates.
class MissingPackets {
 public:
  // Asked for at a time, at most; a gap that is larger is given up at once (our choice: a quarter
  // of a second of 4 Mbit/s; who lost more needs a key frame).
  static constexpr std::size_t kMost = 128;
  // What comes out of order has so long to come by itself (our choice).
  static constexpr base::Duration kPatience = std::chrono::milliseconds(10);
  // Between two requests for a packet, at least, and as long as nothing is known of the round trip.
  static constexpr base::Duration kShortestRoundTrip = std::chrono::milliseconds(20);
  static constexpr base::Duration kUsualRoundTrip = std::chrono::milliseconds(60);
  static constexpr base::Duration kLongestRoundTrip = std::chrono::milliseconds(250);
  // After these a packet is given up: no player waits any longer (our choice).
  static constexpr base::Duration kLifetime = std::chrono::milliseconds(500);
  static constexpr int kTries = 10;

  // Packets from `first` to before `end` were left out. False: they are more than can be asked for,
  // and all is given up. Of what is told of, `first` is higher than all before.
  bool on_gap(std::int64_t first, std::int64_t end, base::TimePoint now);
  // Packet `place` has come out of its turn.
  void on_late(std::int64_t place, base::TimePoint now);
  // What is missing from before `place` is of no use any more.
  void forget_before(std::int64_t place);
  void clear() { size_ = 0; }

  // What to ask for now, in order; each is asked for again later if it does not come.
  struct Due {
    std::span<const std::uint16_t> sequences;  // valid until the next call
    bool gave_up = false;                      // one or more will not come
  };
  [[nodiscard]] Due due(base::TimePoint now);
  // When something will be due; nullopt: nothing is missing.
  [[nodiscard]] std::optional<base::TimePoint> deadline() const;
  [[nodiscard]] bool empty() const { return size_ == 0; }

 private:
  struct Missing {
    std::int64_t place = 0;
    base::TimePoint since;
    base::TimePoint next;   // to be asked for
    base::TimePoint asked;  // the first time
    std::uint8_t tries = 0;
  };

  base::Duration round_trip_ = kUsualRoundTrip;
  std::size_t size_ = 0;
  std::array<Missing, kMost> missing_{};  // size_ of them, in order
  std::array<std::uint16_t, kMost> asked_{};
};

}  // namespace parley::rtp
