#include "media/log.h"

namespace parley::media {

GstDebugCategory* log_category() {
  static GstDebugCategory* const category = [] {
    GstDebugCategory* made = nullptr;
    GST_DEBUG_CATEGORY_INIT(made, "parley-media", 0, "legs, their transports and their packets");
    return made;
  }();
  return category;
}

}  // namespace parley::media
