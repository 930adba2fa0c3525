// What parleysrc pushes: caps of a format, buffers of packets, events of holes.
#pragma once

#include <gst/base/gstbasesrc.h>

#include <optional>
#include <string>

#include "parleysrc/track.h"

namespace parley::plugins {

// Owned by the streaming thread.
class Output {
 public:
  Output(GstBaseSrc* src, std::string profile, std::string source)
      : src_(src), profile_(std::move(profile)), source_(std::move(source)) {}

  [[nodiscard]] bool set_format(const tap::Format& format);
  // Pushes the events that go before it. nullptr: it is of a time before the pipeline's.
  [[nodiscard]] GstBuffer* buffer_of(Track::Packet& packet);

 private:
  [[nodiscard]] std::optional<GstClockTime> running_time(base::TimePoint captured);
  void tell_lost(const Track::Packet& packet, GstClockTime pts);

  GstBaseSrc* const src_;
  const std::string profile_;
  const std::string source_;
  bool audio_ = false;
  bool pushed_ = false;        // a buffer
  GstClockTime last_pts_ = 0;  // of the buffer before, if any
  bool discont_ = false;
  std::optional<GstClockTimeDiff> clock_offset_;  // pipeline's clock minus CLOCK_MONOTONIC
};

}  // namespace parley::plugins
