#include "job/clock_errors.h"

#include <algorithm>

namespace parley::job {

void ClockErrors::add(const ClockErrors& other) {
  if (!other.lowest_ms || !other.highest_ms) return;
  lowest_ms = std::min(lowest_ms.value_or(*other.lowest_ms), *other.lowest_ms);
  highest_ms = std::max(highest_ms.value_or(*other.highest_ms), *other.highest_ms);
}

void ClockErrors::add(GstElement* source) {
  if (source == nullptr ||
      g_object_class_find_property(G_OBJECT_GET_CLASS(source), "stats") == nullptr)
    return;
  GstStructure* stats = nullptr;
  g_object_get(source, "stats", &stats, nullptr);
  if (stats == nullptr) return;
  gint64 lowest_ns = 0;
  gint64 highest_ns = 0;
  gboolean reported = FALSE;
  const bool known = gst_structure_get_boolean(stats, "reported", &reported) != FALSE &&
                     reported != FALSE &&
                     gst_structure_get_int64(stats, "clock-error-lowest", &lowest_ns) != FALSE &&
                     gst_structure_get_int64(stats, "clock-error-highest", &highest_ns) != FALSE;
  gst_structure_free(stats);
  if (known)
    add({static_cast<double>(lowest_ns) / GST_MSECOND,
         static_cast<double>(highest_ns) / GST_MSECOND});
}

std::optional<double> ClockErrors::span_ms() const {
  if (!lowest_ms || !highest_ms) return std::nullopt;
  return *highest_ms - *lowest_ms;
}

}  // namespace parley::job
