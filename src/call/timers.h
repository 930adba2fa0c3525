// The timers of a call. None is kept anywhere: which one is next follows from the call's state, so
// that none can be left behind.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>
#include <variant>

#include "base/time.h"
#include "call/call.h"

namespace parley::call {

struct CallTooLong {};
struct AloneTooLong {};
struct PickUpTooLong {};
struct ResponseOverdue {  // of some device, or of a profile without any
  std::size_t participant = 0;
};
struct RingingTooLong {
  std::size_t participant = 0;
};
struct PlaceLost {
  std::size_t participant = 0;
};
struct MediaOverdue {
  std::size_t participant = 0;
};
struct TakeOverdue {
  std::size_t participant = 0;
};
struct AskedTooLong {};  // whether the call may be recorded
struct GuestOverdue {
  JobId guest;
};
using Timer = std::variant<AskedTooLong, GuestOverdue, CallTooLong, AloneTooLong, PickUpTooLong,
                           ResponseOverdue, RingingTooLong, PlaceLost, MediaOverdue, TakeOverdue>;

struct Due {
  base::TimePoint at;
  Timer timer;
};

// The timer of the call that goes off next.
[[nodiscard]] Due next_due(const Call& call);

// What a device that comes to know of the call now has left: for its call.ringing, and for
// somebody to answer; nullopt: no such time runs.
struct TimeLeft {
  std::optional<base::Duration> init;
  std::optional<base::Duration> ringing;
};
[[nodiscard]] TimeLeft time_left(const Call& call, const Device& device, base::TimePoint now,
                                 const Limits& limits);

}  // namespace parley::call
