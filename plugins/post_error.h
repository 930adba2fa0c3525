// An error of an element on its bus, as GST_ELEMENT_ERROR posts it.
#pragma once

#include <gst/gst.h>

#include <string>

namespace parley::plugins {

inline void post_error(gpointer element, GQuark domain, gint code, const std::string& text,
                       const char* function) {
  gst_element_message_full(GST_ELEMENT(element), GST_MESSAGE_ERROR, domain, code,
                           g_strdup(text.c_str()), nullptr, "parley", function, 0);
}
inline void post_error(gpointer element, GstResourceError code, const std::string& text,
                       const char* function) {
  post_error(element, GST_RESOURCE_ERROR, code, text, function);
}

}  // namespace parley::plugins
