// What every file of the tool uses: clocks, random numbers, the log.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace parley::load {

inline constexpr std::uint64_t kSecondNs = 1'000'000'000;
inline constexpr std::uint64_t kMilliNs = 1'000'000;

[[nodiscard]] std::uint64_t monotonic_ns();
// Comparable with the kernel's receive time stamps (SO_TIMESTAMPNS).
[[nodiscard]] std::uint64_t realtime_ns();
[[nodiscard]] inline double to_ms(std::uint64_t ns) { return static_cast<double>(ns) / 1e6; }
[[nodiscard]] inline std::uint64_t seconds_to_ns(double seconds) {
  return static_cast<std::uint64_t>(seconds * 1e9);
}

// Not for secrets: load, not security, is what is tested with them.
[[nodiscard]] std::uint32_t random_u32();
[[nodiscard]] std::uint64_t random_u64();
[[nodiscard]] std::string random_text(std::size_t length);  // of [A-Za-z0-9]
[[nodiscard]] std::string random_uuid();
[[nodiscard]] bool happens(double percent);

// How much is logged to standard error: 0 failures and phases, 1 oddities, 2 signalling, 3 SDP.
void set_log_level(int level);
[[nodiscard]] bool log_enabled(int level);
void log(int level, std::string_view text);

}  // namespace parley::load
