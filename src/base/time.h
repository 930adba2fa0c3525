// Time as the pure rooms see it: an argument. Only the edges (app, media, net, store) read clocks.
#pragma once

#include <chrono>

namespace parley::base {

using Duration = std::chrono::microseconds;

// A clock without now(), so that no pure room can read it by accident.
struct MonotonicClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<MonotonicClock>;
  static constexpr bool is_steady = true;  // NOLINT(readability-identifier-naming): std names it
};

// Monotonic; its origin means nothing. For time-outs and intervals.
using TimePoint = MonotonicClock::time_point;

// Unix time in milliseconds. For what people read and what is stored; may jump.
using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;

// Both readings of one moment.
struct Instant {
  TimePoint mono;
  WallTime wall;
};

}  // namespace parley::base
