// The header extensions we know and the ids they have in every session, for every peer.
#pragma once

#include <cstdint>

namespace parley::rtp {

inline constexpr std::uint8_t kMidExtension = 1;          // RFC 9143, 15
inline constexpr std::uint8_t kAudioLevelExtension = 2;   // RFC 6464
inline constexpr std::uint8_t kAbsSendTimeExtension = 3;  // abs-send-time
inline constexpr std::uint8_t kTransportCcExtension = 4;  // transport-wide-cc-extensions-01
inline constexpr std::uint8_t kRidExtension = 5;          // RFC 8852
inline constexpr std::uint8_t kRepairedRidExtension = 6;  // RFC 8852
inline constexpr std::uint8_t kDependencyDescriptorExtension = 7;  // AV1 RTP, appendix A

}  // namespace parley::rtp
