// The codecs whose payloads we look into, to find key frames.
#pragma once

#include <cstdint>

namespace parley::rtp {

enum class Codec : std::uint8_t { kOpus, kVp8, kVp9, kH264, kAv1 };

}  // namespace parley::rtp
