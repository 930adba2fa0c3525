// When the sample of an RTP timestamp was captured, by this machine's monotonic clock.
//
// A sender's reports say it for one timestamp now and then (tap::Clock); in between, timestamps
// count by their clock rate. A new report rarely agrees to the microsecond with what the last one
// led to expect: crystals drift, and reports are made in a hurry. The line therefore bends towards
// the new report, and never goes back.
//
// Thread-compatible. Never reads the clock.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"
#include "tap/frames.h"

namespace parley::tap {

// One SSRC. A new one gets a new Timeline.
class Timeline {
 public:
  // Errors up to this are bent away slowly: at 5 ms a second, or so that it takes 8 s at most. (200
  // ppm of drift need 0.2 ms a second.)
  static constexpr base::Duration kSlow{200'000};
  // The first report after times by arrival is obeyed within this much of the stream, and so are
  // those that correct it meanwhile, but not faster than in kQuickest.
  static constexpr base::Duration kFirstReport{2'000'000};
  static constexpr base::Duration kQuickest{500'000};

  // `not_before`: where the line of the SSRC before ended, for players that dislike going back.
  explicit Timeline(std::uint32_t clock_hz, std::optional<base::TimePoint> not_before = {});

  void take(const Clock& clock);
  [[nodiscard]] bool known() const { return anchor_.has_value(); }
  // Whether the sender has said it; before that, it is guessed by arrival.
  [[nodiscard]] bool reported() const { return reported_; }
  // nullopt: no Clock so far. Non-decreasing for non-decreasing timestamps.
  [[nodiscard]] std::optional<base::TimePoint> captured(std::uint32_t timestamp);
  // The same, for somebody who only wants to know: it is no answer that later ones keep to.
  [[nodiscard]] std::optional<base::TimePoint> estimate(std::uint32_t timestamp) const;
  // What the line is off from the newest Clock where it was asked for last.
  [[nodiscard]] base::Duration error() const;
  // The furthest that answers were after (highest) and before (lowest) what a report of the
  // sender's then said of them. nullopt: it has reported nothing.
  struct Errors {
    base::Duration lowest{0};
    base::Duration highest{0};
  };
  [[nodiscard]] std::optional<Errors> errors() const;

 private:
  struct Anchor {
    std::int64_t ticks = 0;
    base::TimePoint captured;
  };
  [[nodiscard]] std::int64_t unwrap(std::uint32_t timestamp) const;
  [[nodiscard]] base::Duration span(std::int64_t ticks) const;
  [[nodiscard]] std::int64_t ticks_of(base::Duration duration) const;
  [[nodiscard]] base::TimePoint straight(std::int64_t ticks) const;
  [[nodiscard]] base::Duration bend(std::int64_t ticks) const;
  void bend_from(std::int64_t ticks, base::Duration error, base::Duration within);
  void note(base::Duration error);

  std::uint32_t clock_hz_;
  std::optional<base::TimePoint> not_before_;
  bool reported_ = false;
  Errors errors_;
  bool asked_ = false;        // captured() has answered
  std::int64_t settled_ = 0;  // ticks: from there on, corrections are slow
  std::int64_t newest_ = 0;   // ticks: highest asked for; before that, of the first Clock
  std::optional<Anchor> anchor_;
  // What is added to the straight line through the anchor: `error_` at `bend_ticks_`, less by
  // bend_ppm_ of the stream's time from there on, until nothing is left.
  base::Duration error_{0};
  std::int64_t bend_ticks_ = 0;
  std::int64_t bend_ppm_ = 0;
};

}  // namespace parley::tap
