// Whether a packet starts a key frame, by the first bytes of its payload.
#pragma once

#include <cstdint>
#include <span>

#include "rtp/codec.h"

namespace parley::rtp {

// True for the packet a decoder can start with: the first of a key frame, or for H264 the one with
// its parameter sets. Always true for Opus.
[[nodiscard]] bool starts_key_frame(Codec codec, std::span<const std::uint8_t> payload);

}  // namespace parley::rtp
