// Where a trial's pipeline ends: what it writes goes nowhere, or into a folder that is thrown away.
#include <fcntl.h>
#include <fmt/format.h>

#include <cstdlib>
#include <utility>

#include "pipeline/elements.h"
#include "pipeline/trial.h"

namespace parley::pipeline {
namespace {

bool has_property(gpointer object, const char* name) {
  return g_object_class_find_property(G_OBJECT_GET_CLASS(object), name) != nullptr;
}

// Of what the element itself would take, whatever stands in for it.
wrap::Ref<GstCaps> sink_caps(GstElement* element) {
  const auto pad = first_pad(element, GST_PAD_SINK);
  if (!pad) return wrap::Ref<GstCaps>::adopt(gst_caps_new_any());
  return wrap::Ref<GstCaps>::adopt(gst_pad_get_pad_template_caps(pad.get()));
}

void pull_and_forget(GstElement* sink) {
  GstSample* sample = nullptr;
  g_signal_emit_by_name(sink, "pull-sample", &sample);
  if (sample != nullptr) gst_sample_unref(sample);
}

}  // namespace

void Trial::watch(GstPad* pad, const std::string& name, bool hook) {
  outlets_.push_back(std::make_unique<Outlet>());
  Outlet* outlet = outlets_.back().get();
  outlet->name = name;
  outlet->hook = hook;
  // Reports have no end of their own.
  const Hook* described = description_.find_hook(name);
  outlet->awaited = described == nullptr || described->media != "rtcp";
  // Outlets outlive the pads: the pipeline is in NULL, or left behind with them, see tear_down().
  gst_pad_add_probe(
      pad,
      static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST |
                                   GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM),
      +[](GstPad*, GstPadProbeInfo* info, gpointer data) -> GstPadProbeReturn {
        auto* watched = static_cast<Outlet*>(data);
        if ((info->type & GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM) == 0)
          ++watched->buffers;
        else if (GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) == GST_EVENT_EOS)
          watched->ended = true;
        return GST_PAD_PROBE_OK;
      },
      outlet, nullptr);
}

void Trial::write_to_scratch(GstElement* element) {
  if (scratch_.empty()) {
    const char* base = getenv("TMPDIR");
    std::string folder = fmt::format("{}/parley-check-XXXXXX", base == nullptr ? "/tmp" : base);
    if (mkdtemp(folder.data()) == nullptr)
      return complain(1, fmt::format("no folder for what it writes can be made: {}", folder));
    scratch_ = folder;
  }
  if (factory_of(element) == "fdsink") {
    const std::string path = fmt::format("{}/{}", scratch_, files_.size());
    const int file = open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    files_.push_back(file);
    g_object_set(element, "fd", file, nullptr);
    return;
  }
  g_object_set(element, "location", (scratch_ + "/segment%05d.ts").c_str(), "playlist-location",
               (scratch_ + "/index.m3u8").c_str(), nullptr);
}

void Trial::replace_sink(GstElement* element) {
  const std::string name = GST_OBJECT_NAME(element);
  const auto caps = sink_caps(element);
  const auto pad = first_pad(element, GST_PAD_SINK);
  const auto peer = wrap::Ref<GstPad>::adopt(pad ? gst_pad_get_peer(pad.get()) : nullptr);
  if (!peer)
    return complain(description_.line_of_element(name),
                    fmt::format("nothing is linked to {}", name));
  // A filter takes nothing that says nothing about itself, even where anything will do.
  const bool any = gst_caps_is_any(caps.get()) != FALSE;
  const auto stand_in = make_input(fmt::format("{} name=filter ! fakesink sync=false async=false",
                                               any ? "identity" : "capsfilter"),
                                   name);
  if (!stand_in) return;
  const auto filter =
      wrap::Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(stand_in.get()), "filter"));
  if (!any) g_object_set(filter.get(), "caps", caps.get(), nullptr);
  gst_pad_unlink(peer.get(), pad.get());
  const auto bin = wrap::Ref<GstObject>::adopt(gst_object_get_parent(GST_OBJECT(element)));
  gst_bin_remove(GST_BIN(bin.get()), element);
  gst_bin_add(GST_BIN(bin.get()), stand_in.get());
  const auto sink = wrap::Ref<GstPad>::adopt(gst_element_get_static_pad(stand_in.get(), "sink"));
  if (gst_pad_link(peer.get(), sink.get()) != GST_PAD_LINK_OK)
    complain(description_.line_of_element(name),
             fmt::format("{} does not take what is linked to it", name));
  watch(sink.get(), name, is_hook(name));
}

void Trial::prepare_sinks() {
  for (const auto& element : children(instance_.bin())) {
    if (GST_OBJECT_FLAG_IS_SET(element.get(), GST_ELEMENT_FLAG_SINK) == 0) continue;
    const std::string name = GST_OBJECT_NAME(element.get());
    const std::string factory = factory_of(element.get());
    if (factory == "appsink") {
      g_object_set(element.get(), "sync", FALSE, "emit-signals", TRUE, nullptr);
      g_signal_connect(element.get(), "new-sample",
                       G_CALLBACK(+[](GstElement* sink, gpointer) -> GstFlowReturn {
                         pull_and_forget(sink);
                         return GST_FLOW_OK;
                       }),
                       nullptr);
    } else if (factory == "fdsink" || has_property(element.get(), "playlist-location")) {
      write_to_scratch(element.get());
    } else if (factory == "fakesink") {
      g_object_set(element.get(), "sync", FALSE, nullptr);
    } else {
      replace_sink(element.get());
      continue;
    }
    // All its pads: a sink that is a bin may have several.
    GST_OBJECT_LOCK(element.get());
    std::vector<wrap::Ref<GstPad>> pads;
    for (GList* each = element.get()->sinkpads; each != nullptr; each = each->next)
      pads.push_back(wrap::Ref<GstPad>::retain(GST_PAD(each->data)));
    GST_OBJECT_UNLOCK(element.get());
    for (const auto& pad : pads) watch(pad.get(), name, is_hook(name));
  }
}

}  // namespace parley::pipeline
