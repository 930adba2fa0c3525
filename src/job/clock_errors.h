// How far the times that a recording has are from what the senders' reports said in the end.
//
// Each tap measures its own (parleysrc, stats): at every report it is known how far off the time
// was that was given to what had just been sent. Tracks of one recording, or inputs of one
// composition, are apart by no more than the span over all of them.
#pragma once

#include <gst/gst.h>

#include <optional>

namespace parley::job {

struct ClockErrors {
  std::optional<double> lowest_ms;  // earlier than it was captured: below 0
  std::optional<double> highest_ms;

  void add(const ClockErrors& other);
  // Of a parleysrc, or none of it. Any thread.
  void add(GstElement* source);
  // nullopt: nobody has reported.
  [[nodiscard]] std::optional<double> span_ms() const;
};

}  // namespace parley::job
