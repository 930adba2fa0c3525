// Packet indices (RFC 3711, 3.3.1 and appendix A), the replay window (3.3.2), and the few header
// fields both directions look at.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace parley::srtp {

inline std::uint32_t load32(const std::uint8_t* p) {
  return static_cast<std::uint32_t>(p[0]) << 24U | static_cast<std::uint32_t>(p[1]) << 16U |
         static_cast<std::uint32_t>(p[2]) << 8U | p[3];
}

inline std::array<std::uint8_t, 4> store32(std::uint32_t v) {
  return {static_cast<std::uint8_t>(v >> 24U), static_cast<std::uint8_t>(v >> 16U),
          static_cast<std::uint8_t>(v >> 8U), static_cast<std::uint8_t>(v)};
}

// Bytes before the payload; nullopt when it is not RTP or its header does not end inside.
inline std::optional<std::size_t> rtp_header_bytes(std::span<const std::uint8_t> packet) {
  if (packet.size() < 12 || packet[0] >> 6U != 2) return std::nullopt;
  std::size_t bytes = 12 + std::size_t{4} * (packet[0] & 0x0fU);
  if ((packet[0] & 0x10U) != 0) {
    if (packet.size() < bytes + 4) return std::nullopt;
    bytes += 4 + 4 * (std::size_t{packet[bytes + 2]} << 8U | packet[bytes + 3]);
  }
  if (packet.size() < bytes) return std::nullopt;
  return bytes;
}

// The 48-bit index of a packet by its sequence number, as RFC 3711, appendix A, guesses it from the
// highest one so far; nullopt when it would lie before the first packet or beyond the last index of
// a key (9.2).
inline std::optional<std::uint64_t> estimate_index(std::uint64_t highest, std::uint16_t sequence) {
  constexpr int kHalf = 32768;
  const int newest = static_cast<std::uint16_t>(highest);
  auto roll_overs = static_cast<std::int64_t>(highest >> 16U);
  if (newest < kHalf) {
    if (sequence - newest > kHalf) --roll_overs;
  } else if (newest - kHalf > sequence) {
    ++roll_overs;
  }
  if (roll_overs < 0 || roll_overs > 0xffffffff) return std::nullopt;
  return static_cast<std::uint64_t>(roll_overs) << 16U | sequence;
}

// Which of the last kBits indices were seen.
template <std::size_t kBits>
class ReplayWindow {
 public:
  static_assert(std::has_single_bit(kBits) && kBits >= 64);

  ReplayWindow() = default;
  // Nothing seen yet, but `first` is near what will come.
  explicit ReplayWindow(std::uint64_t first) : highest_(first) {}

  [[nodiscard]] std::uint64_t highest() const { return highest_; }

  [[nodiscard]] bool is_new(std::uint64_t index) const {
    if (empty_ || index > highest_) return true;
    return highest_ - index < kBits && (words_[word(index)] & bit(index)) == 0;
  }

  // Only for an index that is_new(), after its packet was authenticated.
  void mark(std::uint64_t index) {
    if (empty_ || index > highest_) {
      if (empty_ || index - highest_ >= kBits)
        words_.fill(0);
      else
        for (std::uint64_t i = highest_ + 1; i <= index; ++i) words_[word(i)] &= ~bit(i);
      highest_ = index;
      empty_ = false;
    }
    words_[word(index)] |= bit(index);
  }

 private:
  static std::size_t word(std::uint64_t index) { return index % kBits / 64; }
  static std::uint64_t bit(std::uint64_t index) { return std::uint64_t{1} << (index % 64); }

  std::array<std::uint64_t, kBits / 64> words_{};
  std::uint64_t highest_ = 0;
  bool empty_ = true;
};

}  // namespace parley::srtp
