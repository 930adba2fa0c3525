// Ties the times of a source to the clock of its pipeline: a server's stream may begin at any time
// stamp, jump, or come in a burst. Sound and picture are moved together, so they stay in step.
//
// Thread-safe: each kind comes on its own streaming thread.
#pragma once

#include <gst/gst.h>

#include <atomic>
#include <mutex>

namespace parley::job {

class InClock {
 public:
  // What is smoothed out, and how far off a stream must be to be tied anew.
  static constexpr GstClockTimeDiff kDelay = 400 * GST_MSECOND;
  static constexpr GstClockTimeDiff kMostAhead = 4 * GST_SECOND;
  static constexpr GstClockTimeDiff kMostBehind = 1 * GST_SECOND;

  // `at`: running time of what comes, `now`: of the pipeline. The running time it is played at.
  [[nodiscard]] GstClockTime place(GstClockTime at, GstClockTime now) {
    const std::scoped_lock lock(mutex_);
    const auto from = static_cast<GstClockTimeDiff>(at);
    const auto here = static_cast<GstClockTimeDiff>(now);
    const GstClockTimeDiff ahead = from + offset_ - here;
    if (!tied_ || ahead > kMostAhead || ahead < -kMostBehind) {
      tied_ = true;
      offset_ = here + kDelay - from;
    }
    const GstClockTimeDiff placed = from + offset_;
    return placed < 0 ? 0 : static_cast<GstClockTime>(placed);
  }

 private:
  std::mutex mutex_;
  bool tied_ = false;            // guarded by mutex_
  GstClockTimeDiff offset_ = 0;  // guarded by mutex_
};

}  // namespace parley::job
