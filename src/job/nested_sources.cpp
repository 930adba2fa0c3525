#include "job/nested_sources.h"

#include <gst/gst.h>

#include <string_view>

namespace parley::job {
namespace {

bool has_klass(GstElementFactory* factory, std::string_view word) {
  const char* klass = gst_element_factory_get_metadata(factory, GST_ELEMENT_METADATA_KLASS);
  return klass != nullptr && std::string_view(klass).find(word) != std::string_view::npos;
}

// HLS, DASH, smooth streaming; and SDP.
bool is_playlist(GstElementFactory* factory) { return has_klass(factory, "Adaptive"); }
bool is_session(GstElementFactory* factory) {
  return has_klass(factory, "Demuxer") && has_klass(factory, "Network");
}

// souphttpsrc's, and not those of giosrc, which is for files too.
bool is_http(std::string_view protocol) {
  return protocol == "http" || protocol == "https" || protocol == "icy" || protocol == "icyx";
}

bool fetches_beside_http(GstElementFactory* factory) {
  if (gst_element_factory_get_uri_type(factory) != GST_URI_SRC) return false;
  const gchar* const* protocols = gst_element_factory_get_uri_protocols(factory);
  if (protocols == nullptr) return true;
  for (; *protocols != nullptr; ++protocols)
    if (!is_http(*protocols)) return true;
  return false;
}

}  // namespace

void forbid_nested_sources(const std::string& kind) {
  GstRegistry* registry = gst_registry_get();
  GList* all = gst_registry_get_feature_list(registry, GST_TYPE_ELEMENT_FACTORY);
  for (const GList* at = all; at != nullptr; at = at->next) {
    auto* factory = GST_ELEMENT_FACTORY(at->data);
    const bool nested = kind == "hls" ? fetches_beside_http(factory) : is_playlist(factory);
    if (!nested && !is_session(factory)) continue;
    // A plugin that is loaded later registers all it has once more.
    GstPluginFeature* loaded = gst_plugin_feature_load(GST_PLUGIN_FEATURE(factory));
    gst_registry_remove_feature(registry, loaded != nullptr ? loaded : GST_PLUGIN_FEATURE(factory));
    if (loaded != nullptr) gst_object_unref(loaded);
  }
  gst_plugin_feature_list_free(all);
}

}  // namespace parley::job
