// Joins pieces of streams into one outgoing stream without a seam.
//
// A receiver holds one SSRC for one long stream, whatever changes behind it: the sender of the
// media, a spell of being muted, the wait for a key frame. Splicer numbers the packets of each
// piece so that they follow on the last packet of the piece before.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "base/time.h"
#include "rtp/ntp.h"

namespace parley::rtp {

// One outgoing stream. Thread-compatible. Never allocates.
class Splicer {
 public:
  struct Numbers {
    std::uint16_t sequence = 0;
    std::uint32_t timestamp = 0;
  };

  // The first packet gets these numbers.
  Splicer(std::uint16_t sequence, std::uint32_t timestamp, std::uint32_t clock_hz)
      : next_sequence_(sequence), last_timestamp_(timestamp - 1), clock_hz_(clock_hz) {}

  // A piece starts with packet `place` (unwrapped). `new_clock`: its timestamps have nothing to do
  // with those of the piece before; else they go on, so that a pause stays visible as time.
  void join(std::int64_t place, std::uint32_t timestamp, bool new_clock, base::TimePoint now) {
    first_place_ = newest_place_ = place;
    sequence_shift_ =
        static_cast<std::uint16_t>(next_sequence_ - static_cast<std::uint16_t>(place));
    if (!new_clock) return;
    const std::uint32_t passed =
        started_ ? rtp_ticks(std::max(now - last_at_, base::Duration::zero()), clock_hz_) : 0;
    timestamp_shift_ = last_timestamp_ + std::max<std::uint32_t>(passed, 1) - timestamp;
  }

  // The outgoing numbers of a packet; nullopt for one from before the piece.
  [[nodiscard]] std::optional<Numbers> map(std::int64_t place, std::uint32_t timestamp,
                                           base::TimePoint now) {
    if (place < first_place_) return std::nullopt;
    const Numbers out{
        static_cast<std::uint16_t>(static_cast<std::uint16_t>(place) + sequence_shift_),
        timestamp + timestamp_shift_};
    if (place >= newest_place_) {
      newest_place_ = place;
      next_sequence_ = static_cast<std::uint16_t>(out.sequence + 1);
      last_timestamp_ = out.timestamp;
      last_at_ = now;
      started_ = true;
    }
    return out;
  }

  // Whether any packet has been given numbers.
  [[nodiscard]] bool started() const { return started_; }

  // What a timestamp of the present piece becomes.
  [[nodiscard]] std::uint32_t map_timestamp(std::uint32_t timestamp) const {
    return timestamp + timestamp_shift_;
  }

 private:
  std::int64_t first_place_ = 0;
  std::int64_t newest_place_ = 0;
  base::TimePoint last_at_{};
  std::uint16_t next_sequence_;
  std::uint16_t sequence_shift_ = 0;
  std::uint32_t timestamp_shift_ = 0;
  std::uint32_t last_timestamp_;
  std::uint32_t clock_hz_;
  bool started_ = false;
};

}  // namespace parley::rtp
