#include "tap/timeline.h"

#include <algorithm>
#include <cstdlib>

namespace parley::tap {

namespace {

constexpr std::int64_t kMillion = 1'000'000;
constexpr std::int64_t kSlowestPpm = 5'000;    // our choice: nobody sees 5 ms a second
constexpr std::int64_t kFastestPpm = 500'000;  // half speed: far from going back
constexpr base::Duration kSlowWithin{8'000'000};

// Whole seconds apart, so that years of ticks do not overflow.
base::Duration scaled(std::int64_t value, std::int64_t factor, std::int64_t divisor) {
  return base::Duration(value / divisor * factor + value % divisor * factor / divisor);
}

}  // namespace

Timeline::Timeline(std::uint32_t clock_hz, std::optional<base::TimePoint> not_before)
    : clock_hz_(std::max<std::uint32_t>(clock_hz, 1)), not_before_(not_before) {}

// The place nearest to the newest in a count that never wraps.
std::int64_t Timeline::unwrap(std::uint32_t timestamp) const {
  return newest_ + static_cast<std::int32_t>(timestamp - static_cast<std::uint32_t>(newest_));
}

base::Duration Timeline::span(std::int64_t ticks) const {
  return scaled(ticks, kMillion, clock_hz_);
}

std::int64_t Timeline::ticks_of(base::Duration duration) const {
  return duration.count() * clock_hz_ / kMillion;
}

base::TimePoint Timeline::straight(std::int64_t ticks) const {
  return anchor_->captured + span(ticks - anchor_->ticks);
}

base::Duration Timeline::bend(std::int64_t ticks) const {
  const std::int64_t passed = std::max<std::int64_t>(span(ticks - bend_ticks_).count(), 0);
  const std::int64_t gone = scaled(passed, bend_ppm_, kMillion).count();
  const std::int64_t left = std::max<std::int64_t>(std::abs(error_.count()) - gone, 0);
  return base::Duration(error_.count() < 0 ? -left : left);
}

void Timeline::bend_from(std::int64_t ticks, base::Duration error, base::Duration within) {
  error_ = error;
  bend_ticks_ = ticks;
  const std::int64_t wanted =
      scaled(std::abs(error.count()), kMillion, std::max<std::int64_t>(within.count(), 1)).count();
  bend_ppm_ = std::clamp(wanted, kSlowestPpm, kFastestPpm);
}

void Timeline::take(const Clock& clock) {
  // A guess is worth nothing any more.
  if (reported_ && !clock.reported) return;
  const bool first_report = clock.reported && !reported_;
  reported_ = clock.reported;
  if (!anchor_) newest_ = clock.timestamp;
  const std::int64_t ticks = unwrap(clock.timestamp);
  if (!asked_) {
    anchor_ = Anchor{ticks, clock.captured};
    return;
  }
  const base::TimePoint before = straight(newest_) + bend(newest_);
  anchor_ = Anchor{ticks, clock.captured};
  const base::Duration error = before - straight(newest_);
  note(error);
  if (error > kSlow) {
    bend_from(newest_, error, base::Duration(0));  // time goes at half speed, never back
  } else if (error < -kSlow) {
    bend_from(newest_, base::Duration(0), kSlowWithin);  // a step forward
  } else {
    if (first_report) settled_ = newest_ + ticks_of(kFirstReport);
    const base::Duration left = span(settled_ - newest_);
    bend_from(newest_, error, left > base::Duration(0) ? std::max(left, kQuickest) : kSlowWithin);
  }
}

std::optional<base::TimePoint> Timeline::captured(std::uint32_t timestamp) {
  if (!anchor_) return std::nullopt;
  const std::int64_t ticks = unwrap(timestamp);
  if (!asked_) {
    asked_ = true;
    newest_ = ticks;
    settled_ = ticks;
    if (not_before_ && straight(ticks) < *not_before_) {
      settled_ += ticks_of(kFirstReport);
      bend_from(ticks, *not_before_ - straight(ticks), kFirstReport);
      note(error_);
    }
  }
  newest_ = std::max(newest_, ticks);
  return straight(ticks) + bend(ticks);
}

std::optional<base::TimePoint> Timeline::estimate(std::uint32_t timestamp) const {
  if (!anchor_) return std::nullopt;
  const std::int64_t ticks = unwrap(timestamp);
  return straight(ticks) + bend(ticks);
}

// Errors only shrink between two Clocks, so that these are the largest.
void Timeline::note(base::Duration error) {
  if (!reported_) return;
  errors_.lowest = std::min(errors_.lowest, error);
  errors_.highest = std::max(errors_.highest, error);
}

std::optional<Timeline::Errors> Timeline::errors() const {
  return reported_ ? std::optional(errors_) : std::nullopt;
}

base::Duration Timeline::error() const { return anchor_ ? bend(newest_) : base::Duration(0); }

}  // namespace parley::tap
