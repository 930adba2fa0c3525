#include "base.h"

#include <array>
#include <cstdio>
#include <ctime>
#include <random>

namespace parley::load {
namespace {

int log_level = 0;

std::uint64_t clock_ns(clockid_t id) {
  timespec t{};
  clock_gettime(id, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * kSecondNs + static_cast<std::uint64_t>(t.tv_nsec);
}

std::mt19937_64& generator() {
  static std::mt19937_64 engine{std::random_device{}()};
  return engine;
}

}  // namespace

std::uint64_t monotonic_ns() { return clock_ns(CLOCK_MONOTONIC); }
std::uint64_t realtime_ns() { return clock_ns(CLOCK_REALTIME); }

std::uint64_t random_u64() { return generator()(); }
std::uint32_t random_u32() { return static_cast<std::uint32_t>(random_u64()); }

std::string random_text(std::size_t length) {
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  std::string text;
  while (text.size() < length) text += kLetters[random_u64() % kLetters.size()];
  return text;
}

std::string random_uuid() {
  // Version 4, variant 1 (RFC 4122, 4.4).
  std::array<char, 37> text{};
  const std::uint64_t a = random_u64();
  const std::uint64_t b = random_u64();
  std::snprintf(text.data(), text.size(), "%08x-%04x-4%03x-%04x-%012llx",
                static_cast<unsigned>(a >> 32), static_cast<unsigned>(a >> 16 & 0xffff),
                static_cast<unsigned>(a & 0xfff),
                static_cast<unsigned>((b >> 48 & 0x3fff) | 0x8000),
                static_cast<unsigned long long>(b & 0xffffffffffff));
  return text.data();
}

bool happens(double percent) {
  return percent > 0 && static_cast<double>(random_u32() % 100000) < percent * 1000;
}

void set_log_level(int level) { log_level = level; }
bool log_enabled(int level) { return level <= log_level; }
void log(int level, std::string_view text) {
  if (!log_enabled(level)) return;
  std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
}

}  // namespace parley::load
