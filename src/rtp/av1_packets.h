// The RTP payloads of an AV1 temporal unit (AV1 RTP payload format 1.0, 4): what av1_frames.h puts
// together again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"

namespace parley::rtp {

// `unit`: a low-overhead OBU stream (AV1, 5.2), each OBU with its size. Payloads of at most
// `most_bytes` each (at least kLeastPayloadBytes), in order; the last one's packet bears the
// marker. None when there is nothing in it to send. kInvalid: the unit is no such stream. Pure; any
// thread.
inline constexpr std::size_t kLeastPayloadBytes = 16;
[[nodiscard]] base::Result<std::vector<std::vector<std::uint8_t>>> av1_packets(
    std::span<const std::uint8_t> unit, std::size_t most_bytes);

}  // namespace parley::rtp
