// The room's debug category. Never an SDP body, a key or an address above DEBUG.
#pragma once

#include <gst/gst.h>

namespace parley::media {

// `parley-media`, registered at first use; any thread.
[[nodiscard]] GstDebugCategory* log_category();

}  // namespace parley::media

#define PARLEY_MEDIA_LOG(level, ...) \
  GST_CAT_LEVEL_LOG(parley::media::log_category(), level, nullptr, __VA_ARGS__)
