// The GStreamer plugin "parley": tracks of calls as sources and sinks of any pipeline, and AV1 in
// RTP.
#include <gst/gst.h>

#include "parleyav1/parleyav1.h"
#include "parleysink/parleysink.h"
#include "parleysrc/parleysrc.h"

static gboolean plugin_init(GstPlugin* plugin) {
  struct Element {
    const char* name;
    guint rank;
    GType type;
  };
  // decodebin takes the depayloader by itself, unless GStreamer has one of its own.
  const Element elements[] = {
      {"parleysrc", GST_RANK_NONE, parley_src_get_type()},
      {"parleysink", GST_RANK_NONE, parley_sink_get_type()},
      {"parleyav1depay", GST_RANK_MARGINAL, parley_av1_depay_get_type()},
      {"parleyav1pay", GST_RANK_NONE, parley_av1_pay_get_type()},
  };
  for (const Element& element : elements)
    if (gst_element_register(plugin, element.name, element.rank, element.type) == FALSE)
      return FALSE;
  return TRUE;
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, parley, "Tracks of Parley's calls, as RTP",
                  plugin_init, PACKAGE_VERSION, "Apache 2.0", PACKAGE, "https://parley.invalid/")
