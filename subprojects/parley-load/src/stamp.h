// The mark by which a received packet tells who sent it and when.
//
// 16 bytes at the end of an RTP payload: in Opus inside the padding of a code-3 packet (RFC 6716,
// 3.2.5), in VP8 behind the last partition of a frame, so that both stay decodable.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>

#include "bytes.h"

namespace parley::load {

struct Stamp {
  static constexpr std::size_t kBytes = 16;
  static constexpr std::uint32_t kMagic = 0x53544D50;
  int sender = 0;  // id of the participant
  std::uint64_t sent_realtime_ns = 0;

  void write(std::uint8_t* p) const {
    put32(p, kMagic);
    put32(p + 4, static_cast<std::uint32_t>(sender));
    std::memcpy(p + 8, &sent_realtime_ns, 8);
  }
  [[nodiscard]] static std::optional<Stamp> read(const std::uint8_t* p) {
    if (get32(p) != kMagic) return std::nullopt;
    Stamp stamp;
    stamp.sender = static_cast<int>(get32(p + 4));
    std::memcpy(&stamp.sent_realtime_ns, p + 8, 8);
    return stamp;
  }
};

}  // namespace parley::load
