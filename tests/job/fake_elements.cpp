#include "job/fake_elements.h"

#include <gst/app/gstappsink.h>

#include <algorithm>
#include <mutex>
#include <utility>

namespace parley::test {
namespace {

struct Registry {
  std::mutex mutex;
  std::map<std::pair<std::string, std::string>, std::string> content;
  std::map<std::pair<std::string, std::string>, int> opened;
  std::multimap<std::pair<std::string, std::string>, GstElement*> running;  // valves in sources
  OnDecoded on_decoded;
};
Registry& registry() {
  // Never destroyed: pipelines may still be on their way to NULL when the process ends.
  static auto* const instance = new Registry;
  return *instance;
}

constexpr const char* kProperties[] = {"call", "profile", "source"};

struct FakeTap {
  GstBin parent;
  std::map<std::string, std::string>* values;
  GstPad* pad;
  GstElement* valve;
};
struct FakeTapClass {
  GstBinClass parent_class;
};

void set_property(GObject* object, guint id, const GValue* value, GParamSpec* /*spec*/) {
  if (id <= 3)
    (*reinterpret_cast<FakeTap*>(object)->values)[kProperties[id - 1]] =
        g_value_get_string(value) == nullptr ? "" : g_value_get_string(value);
}
void get_property(GObject* object, guint id, GValue* value, GParamSpec* /*spec*/) {
  if (id <= 3)
    g_value_set_string(value,
                       (*reinterpret_cast<FakeTap*>(object)->values)[kProperties[id - 1]].c_str());
}
void finalize(GObject* object) {
  delete reinterpret_cast<FakeTap*>(object)->values;
  G_OBJECT_CLASS(g_type_class_peek_static(GST_TYPE_BIN))->finalize(object);
}

void install(gpointer g_class) {
  auto* object_class = G_OBJECT_CLASS(g_class);
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  object_class->finalize = finalize;
  guint id = 0;
  for (const char* name : kProperties)
    g_object_class_install_property(
        object_class, ++id,
        g_param_spec_string(name, name, name, "", static_cast<GParamFlags>(G_PARAM_READWRITE)));
  g_object_class_install_property(object_class, ++id,
                                  g_param_spec_uint("latency", "latency", "ms", 0, 10'000, 200,
                                                    static_cast<GParamFlags>(G_PARAM_READWRITE)));
  g_object_class_install_property(
      object_class, ++id,
      g_param_spec_boolean("patient", "patient", "", FALSE,
                           static_cast<GParamFlags>(G_PARAM_READWRITE)));
}

void add_ghost(FakeTap* self, const char* name, GstPadDirection direction) {
  self->values = new std::map<std::string, std::string>;
  self->pad = gst_ghost_pad_new_no_target(name, direction);
  gst_element_add_pad(GST_ELEMENT(self), self->pad);
}

// The bin's pad leads to that of `inner`.
GstElement* fill(FakeTap* self, const std::string& launch, const char* pad) {
  GError* error = nullptr;
  GstElement* inner = gst_parse_bin_from_description(launch.c_str(), TRUE, &error);
  if (inner == nullptr) g_error("%s: %s", launch.c_str(), error->message);
  gst_bin_add(GST_BIN(self), inner);
  GstPad* target = gst_element_get_static_pad(inner, pad);
  gst_ghost_pad_set_target(GST_GHOST_PAD(self->pad), target);
  gst_object_unref(target);
  return inner;
}

std::pair<std::string, std::string> key_of(FakeTap* self) {
  return {(*self->values)["profile"], (*self->values)["source"]};
}

// ---- parleysrc ------------------------------------------------------------------------------

void open_source(FakeTap* self) {
  const auto key = key_of(self);
  const bool video = key.second == "camera" || key.second == "screen";
  Registry& all = registry();
  const std::scoped_lock lock(all.mutex);
  const std::string encoder =
      video ? " ! vp8enc deadline=1 cpu-used=16 threads=1 keyframe-max-dist=25 ! rtpvp8pay"
            : " ! audioconvert ! opusenc ! rtpopuspay";
  GstElement* inner = fill(self, all.content[key] + encoder + " ! valve name=valve", "src");
  self->valve = gst_bin_get_by_name(GST_BIN(inner), "valve");
  all.running.emplace(key, self->valve);
  ++all.opened[key];
}

void close_source(FakeTap* self) {
  Registry& all = registry();
  const std::scoped_lock lock(all.mutex);
  for (auto it = all.running.begin(); it != all.running.end(); ++it) {
    if (it->second != self->valve) continue;
    all.running.erase(it);
    break;
  }
  gst_clear_object(&self->valve);
}

GstStateChangeReturn change_source(GstElement* element, GstStateChange change) {
  auto* self = reinterpret_cast<FakeTap*>(element);
  if (change == GST_STATE_CHANGE_NULL_TO_READY) open_source(self);
  const auto result =
      GST_ELEMENT_CLASS(g_type_class_peek_static(GST_TYPE_BIN))->change_state(element, change);
  if (change == GST_STATE_CHANGE_READY_TO_NULL) close_source(self);
  return result;
}

void init_source(GTypeInstance* instance, gpointer /*g_class*/) {
  add_ghost(reinterpret_cast<FakeTap*>(instance), "src", GST_PAD_SRC);
}
void init_source_class(gpointer g_class, gpointer /*data*/) {
  install(g_class);
  GST_ELEMENT_CLASS(g_class)->change_state = change_source;
  gst_element_class_set_static_metadata(GST_ELEMENT_CLASS(g_class), "Fake tap", "Source", "-", "-");
}

// ---- parleysink -----------------------------------------------------------------------------

GstFlowReturn on_sample(GstAppSink* sink, gpointer data) {
  GstSample* sample = gst_app_sink_pull_sample(sink);
  if (sample == nullptr) return GST_FLOW_OK;
  Registry& all = registry();
  OnDecoded callback;
  {
    const std::scoped_lock lock(all.mutex);
    callback = all.on_decoded;
  }
  if (callback) callback((*reinterpret_cast<FakeTap*>(data)->values)["profile"], sample);
  gst_sample_unref(sample);
  return GST_FLOW_OK;
}

GstStateChangeReturn change_sink(GstElement* element, GstStateChange change) {
  auto* self = reinterpret_cast<FakeTap*>(element);
  if (change == GST_STATE_CHANGE_NULL_TO_READY) {
    const bool video = key_of(self).second == "mix-video";
    GstElement* inner = fill(
        self,
        video ? "rtpvp8depay ! vp8dec ! videoconvert ! video/x-raw,format=RGB ! appsink name=out "
                "sync=false async=false"
              : "rtpopusdepay ! opusdec ! audioconvert ! audioresample ! "
                "audio/x-raw,format=S16LE,rate=48000,channels=1 ! appsink name=out sync=false "
                "async=false",
        "sink");
    GstElement* out = gst_bin_get_by_name(GST_BIN(inner), "out");
    GstAppSinkCallbacks callbacks{};
    callbacks.new_sample = on_sample;
    gst_app_sink_set_callbacks(GST_APP_SINK(out), &callbacks, self, nullptr);
    gst_object_unref(out);
  }
  return GST_ELEMENT_CLASS(g_type_class_peek_static(GST_TYPE_BIN))->change_state(element, change);
}

void init_sink(GTypeInstance* instance, gpointer /*g_class*/) {
  add_ghost(reinterpret_cast<FakeTap*>(instance), "sink", GST_PAD_SINK);
}
void init_sink_class(gpointer g_class, gpointer /*data*/) {
  install(g_class);
  GST_ELEMENT_CLASS(g_class)->change_state = change_sink;
  gst_element_class_set_static_metadata(GST_ELEMENT_CLASS(g_class), "Fake port", "Sink", "-", "-");
}

void each_running(const std::string& profile, const std::string& source,
                  const std::function<void(GstElement*)>& act) {
  std::vector<GstElement*> valves;
  {
    const std::scoped_lock lock(registry().mutex);
    const auto [begin, end] = registry().running.equal_range({profile, source});
    for (auto it = begin; it != end; ++it)
      valves.push_back(static_cast<GstElement*>(gst_object_ref(it->second)));
  }
  for (GstElement* valve : valves) {
    act(valve);
    gst_object_unref(valve);
  }
}

}  // namespace

void set_content(const std::string& profile, const std::string& source, const std::string& launch) {
  const std::scoped_lock lock(registry().mutex);
  registry().content[{profile, source}] = launch;
}

void on_decoded(OnDecoded callback) {
  const std::scoped_lock lock(registry().mutex);
  registry().on_decoded = std::move(callback);
}

int running(const std::string& profile, const std::string& source) {
  const std::scoped_lock lock(registry().mutex);
  return static_cast<int>(registry().running.count({profile, source}));
}

int opened(const std::string& profile, const std::string& source) {
  const std::scoped_lock lock(registry().mutex);
  return registry().opened[{profile, source}];
}

void stall(const std::string& profile, const std::string& source, bool stalled) {
  each_running(profile, source,
               [&](GstElement* valve) { g_object_set(valve, "drop", stalled, nullptr); });
}

void end(const std::string& profile, const std::string& source) {
  each_running(profile, source, [](GstElement* valve) {
    GstPad* pad = gst_element_get_static_pad(valve, "sink");
    gst_pad_send_event(pad, gst_event_new_eos());
    gst_object_unref(pad);
  });
}

void register_fake_elements() {
  const auto make = [](const char* type_name, GClassInitFunc class_init, GInstanceInitFunc init) {
    return g_type_register_static_simple(GST_TYPE_BIN, type_name, sizeof(FakeTapClass), class_init,
                                         sizeof(FakeTap), init, static_cast<GTypeFlags>(0));
  };
  gst_element_register(nullptr, "parleysrc", GST_RANK_NONE,
                       make("FakeParleySrc", init_source_class, init_source));
  gst_element_register(nullptr, "parleysink", GST_RANK_NONE,
                       make("FakeParleySink", init_sink_class, init_sink));
}

}  // namespace parley::test
