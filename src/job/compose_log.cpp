#include "job/compose_log.h"

#include <gst/gst.h>

namespace parley::job {

void warn(const std::string& message) {
  static GstDebugCategory* const category =
      _gst_debug_category_new("parley-compose", 0, "composing and mixing");
  gst_debug_log(category, GST_LEVEL_WARNING, __FILE__, __func__, __LINE__, nullptr, "%s",
                message.c_str());
}

}  // namespace parley::job
