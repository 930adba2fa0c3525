// What AV1's streams and its RTP packets have in common: headers and numbers (AV1, 5.3.2
// and 4.10.5; AV1 RTP payload format 1.0, 4.4).
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

namespace parley::rtp::av1 {

using Bytes = std::span<const std::uint8_t>;

// Aggregation header of a packet.
inline constexpr std::uint8_t kContinues = 0x80;   // Z: the first element goes on with the last's
inline constexpr std::uint8_t kUnfinished = 0x40;  // Y: the last element goes on in the next packet
inline constexpr std::uint8_t kNewSequence = 0x08;  // N

// Header of an OBU.
inline constexpr std::uint8_t kForbidden = 0x80;
inline constexpr std::uint8_t kExtension = 0x04;
inline constexpr std::uint8_t kHasSize = 0x02;
inline constexpr unsigned kSequenceHeader = 1;
inline constexpr unsigned kTemporalDelimiter = 2;
inline constexpr unsigned kTileList = 8;
inline constexpr unsigned type_of(std::uint8_t header) { return header >> 3U & 0xfU; }

// Takes a number off `from`: at most 8 bytes and 32 bits.
inline std::optional<std::size_t> take_leb128(Bytes& from) {
  std::uint64_t value = 0;
  for (std::size_t n = 0; n < 8 && n < from.size(); ++n) {
    value |= std::uint64_t{from[n] & 0x7fU} << 7 * n;
    if ((from[n] & 0x80U) != 0) continue;
    if (value > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
    from = from.subspan(n + 1);
    return static_cast<std::size_t>(value);
  }
  return std::nullopt;
}

inline void put_leb128(std::vector<std::uint8_t>& to, std::size_t value) {
  for (; value > 0x7fU; value >>= 7U)
    to.push_back(static_cast<std::uint8_t>((value & 0x7fU) | 0x80U));
  to.push_back(static_cast<std::uint8_t>(value));
}

inline void put(std::vector<std::uint8_t>& to, Bytes bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

}  // namespace parley::rtp::av1
