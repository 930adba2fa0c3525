// How to hold a sample, and its time on the pipelines' common line.
#pragma once

#include <gst/gst.h>

#include "wrap/gst.h"
#include "wrap/ref.h"

namespace parley::wrap {
template <>
struct RefTraits<GstSample> : MiniObjectTraits<GstSample> {};
}  // namespace parley::wrap

namespace parley::job {

// Running time of the sample's buffer: GST_CLOCK_TIME_NONE when it has none.
[[nodiscard]] inline GstClockTime running_time_of(GstSample* sample) {
  GstBuffer* buffer = gst_sample_get_buffer(sample);
  if (buffer == nullptr || !GST_BUFFER_PTS_IS_VALID(buffer)) return GST_CLOCK_TIME_NONE;
  GstSegment* segment = gst_sample_get_segment(sample);
  if (segment == nullptr || segment->format != GST_FORMAT_TIME) return GST_BUFFER_PTS(buffer);
  return gst_segment_to_running_time(segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
}

}  // namespace parley::job
