// How fast a peer may do something: `rate` a second, after a burst.
#pragma once

#include <algorithm>

#include "base/time.h"

namespace parley::base {

// Thread-compatible. Time is an argument and must not run backwards.
class TokenBucket {
 public:
  // Full at `now`.
  TokenBucket(double rate_per_second, double burst, TimePoint now)
      : rate_(rate_per_second), burst_(burst), tokens_(burst), last_(now) {}

  // Takes one token; false: there is none.
  [[nodiscard]] bool take(TimePoint now) {
    const std::chrono::duration<double> passed = now - last_;
    tokens_ = std::min(burst_, tokens_ + passed.count() * rate_);
    last_ = now;
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }

 private:
  double rate_;
  double burst_;
  double tokens_;
  TimePoint last_;
};

}  // namespace parley::base
