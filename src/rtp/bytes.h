// Numbers in network byte order.
#pragma once

#include <cstdint>

namespace parley::rtp {

inline std::uint16_t load16(const std::uint8_t* p) {
  return static_cast<std::uint16_t>(p[0] << 8U | p[1]);
}
inline std::uint32_t load24(const std::uint8_t* p) {
  return static_cast<std::uint32_t>(p[0]) << 16U | static_cast<std::uint32_t>(p[1]) << 8U | p[2];
}
inline std::uint32_t load32(const std::uint8_t* p) {
  return static_cast<std::uint32_t>(p[0]) << 24U | load24(p + 1);
}
inline void store16(std::uint8_t* p, std::uint16_t v) {
  p[0] = static_cast<std::uint8_t>(v >> 8U);
  p[1] = static_cast<std::uint8_t>(v);
}
inline void store24(std::uint8_t* p, std::uint32_t v) {
  p[0] = static_cast<std::uint8_t>(v >> 16U);
  store16(p + 1, static_cast<std::uint16_t>(v));
}
inline void store32(std::uint8_t* p, std::uint32_t v) {
  store16(p, static_cast<std::uint16_t>(v >> 16U));
  store16(p + 2, static_cast<std::uint16_t>(v));
}

}  // namespace parley::rtp
