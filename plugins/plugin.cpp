// The GStreamer plugin "parley": tracks of calls as sources and sinks of any pipeline.
#include <gst/gst.h>

#include "parleysink/parleysink.h"
#include "parleysrc/parleysrc.h"

static gboolean plugin_init(GstPlugin* plugin) {
  return gst_element_register(plugin, "parleysrc", GST_RANK_NONE, parley_src_get_type()) != FALSE &&
                 gst_element_register(plugin, "parleysink", GST_RANK_NONE,
                                      parley_sink_get_type()) != FALSE
             ? TRUE
             : FALSE;
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, parley, "Tracks of Parley's calls, as RTP",
                  plugin_init, PACKAGE_VERSION, "Apache 2.0", PACKAGE, "https://parley.invalid/")
