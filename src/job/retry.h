// How long to wait before trying a connection again: 1 s, doubling to 30 s, each with a fifth more
// or less, so that many bridges do not come back to a server in one moment.
//
// Pure; thread-compatible.
#pragma once

#include <algorithm>
#include <chrono>
#include <random>

namespace parley::job {

class Retry {
 public:
  static constexpr std::chrono::milliseconds kFirst{1'000};
  static constexpr std::chrono::milliseconds kLongest{30'000};

  explicit Retry(std::uint64_t seed) : random_(seed) {}

  [[nodiscard]] std::chrono::milliseconds next() {
    const auto wait = wait_;
    wait_ = std::min(wait_ * 2, kLongest);
    return std::chrono::milliseconds(
        static_cast<std::int64_t>(static_cast<double>(wait.count()) * spread_(random_)));
  }
  // It held: the next time begins with the shortest wait again.
  void held() { wait_ = kFirst; }

 private:
  std::mt19937_64 random_;
  std::uniform_real_distribution<double> spread_{0.8, 1.2};
  std::chrono::milliseconds wait_ = kFirst;
};

}  // namespace parley::job
