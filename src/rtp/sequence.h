// Sequence numbers that do not wrap.
#pragma once

#include <cstdint>

namespace parley::rtp {

// Gives each 16-bit sequence number its place in a count that never wraps: the one nearest to the
// highest so far. Starts one cycle above 0, so that a late first packet is not below 0.
// Thread-compatible.
class SequenceUnwrapper {
 public:
  static constexpr std::int64_t kCycle = 65536;

  [[nodiscard]] std::int64_t unwrap(std::uint16_t sequence) {
    if (highest_ < 0) return highest_ = kCycle + sequence;
    const auto ahead =
        static_cast<std::int16_t>(static_cast<std::uint16_t>(sequence - highest_ % kCycle));
    const std::int64_t place = highest_ + ahead;
    if (place > highest_) highest_ = place;
    return place;
  }
  [[nodiscard]] std::int64_t highest() const { return highest_; }  // -1: none yet

 private:
  std::int64_t highest_ = -1;
};

}  // namespace parley::rtp
