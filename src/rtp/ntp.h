// NTP timestamps (RFC 3550, 4): seconds in the upper, fractions in the lower 32 bits.
#pragma once

#include <cstdint>

#include "base/time.h"

namespace parley::rtp {

using NtpTime = std::uint64_t;

[[nodiscard]] constexpr NtpTime ntp_from(base::Duration since_epoch) {
  const auto us = static_cast<std::uint64_t>(since_epoch.count());
  return (us / 1'000'000) << 32U | ((us % 1'000'000) << 32U) / 1'000'000;
}

// Microseconds since NTP's epoch, rounded down: differences of such values are what is wanted.
[[nodiscard]] constexpr base::Duration since_ntp_epoch(NtpTime ntp) {
  return base::Duration(static_cast<std::int64_t>((ntp >> 32U) * 1'000'000 +
                                                  (((ntp & 0xffffffffU) * 1'000'000) >> 32U)));
}

// The middle 32 bits, in units of 1/65536 s: LSR and DLSR of reports.
[[nodiscard]] constexpr std::uint32_t compact(NtpTime ntp) {
  return static_cast<std::uint32_t>(ntp >> 16U);
}
[[nodiscard]] constexpr std::uint32_t compact(base::Duration duration) {
  return static_cast<std::uint32_t>(duration.count() * 65536 / 1'000'000);
}

// A duration in ticks of an RTP clock, rounded towards 0; wraps like timestamps do.
[[nodiscard]] constexpr std::uint32_t rtp_ticks(base::Duration duration, std::uint32_t clock_hz) {
  const std::int64_t us = duration.count();
  // Whole seconds apart, so that centuries do not overflow.
  return static_cast<std::uint32_t>(us / 1'000'000 * clock_hz +
                                    us % 1'000'000 * clock_hz / 1'000'000);
}

// abs-send-time: 24 bits, 6.18 fixed point seconds
// (http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time).
[[nodiscard]] constexpr std::uint32_t abs_send_time(base::TimePoint now) {
  const auto us = static_cast<std::uint64_t>(now.time_since_epoch().count());
  return static_cast<std::uint32_t>(((us % 64'000'000) << 18U) / 1'000'000) & 0xffffffU;
}

}  // namespace parley::rtp
