#include "media/log.h"

namespace parley::media {

namespace {

GstDebugCategory* category() {
  static GstDebugCategory* const kCategory = [] {
    GstDebugCategory* made = nullptr;
    GST_DEBUG_CATEGORY_INIT(made, "parley-media", 0, "legs, their transports and their packets");
    return made;
  }();
  return kCategory;
}

}  // namespace

void log(GstDebugLevel level, const std::string& text) {
  gst_debug_log(category(), level, __FILE__, __func__, __LINE__, nullptr, "%s", text.c_str());
}

}  // namespace parley::media
