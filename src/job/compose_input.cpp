#include "job/compose_input.h"

#include <gst/app/gstappsink.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <utility>

#include "job/compose_log.h"
#include "job/compose_sample.h"

namespace parley::job {

// Frames that wait for the streaming thread to hand them on; it never takes long.
constexpr guint kMostWaiting = 8;

struct ComposeInput::Outlet {
  std::mutex mutex;
  std::function<void(GstSample*)> on_sample;  // guarded by mutex; null when the input is gone
  std::atomic<std::int64_t> last_us{0};

  static GstFlowReturn on_new_sample(GstAppSink* sink, gpointer data) noexcept {
    const auto sample = wrap::Ref<GstSample>::adopt(gst_app_sink_pull_sample(sink));
    if (!sample) return GST_FLOW_OK;  // at its end
    Outlet& self = **static_cast<std::shared_ptr<Outlet>*>(data);
    self.last_us.store(g_get_monotonic_time(), std::memory_order_relaxed);
    const std::scoped_lock lock(self.mutex);
    if (self.on_sample) self.on_sample(sample.get());
    return GST_FLOW_OK;
  }
  static void release(gpointer data) noexcept {
    const std::unique_ptr<std::shared_ptr<Outlet>> owned(
        static_cast<std::shared_ptr<Outlet>*>(data));
  }
};

base::Result<std::unique_ptr<ComposeInput>> ComposeInput::start(const pipeline::Folders& folders,
                                                                const Options& options,
                                                                Callbacks callbacks) {
  auto description = folders.load(options.file);
  if (!description) return tl::unexpected(description.error());
  auto instance = description->make();
  if (!instance) return tl::unexpected(instance.error());
  std::unique_ptr<ComposeInput> input(
      new ComposeInput(options, std::move(*instance), std::move(callbacks)));
  if (auto assembled = input->assemble(options); !assembled)
    return tl::unexpected(assembled.error());
  return input;
}

ComposeInput::ComposeInput(const Options& options, pipeline::Instance instance, Callbacks callbacks)
    : instance_(std::move(instance)),
      callbacks_(std::move(callbacks)),
      outlet_(std::make_shared<Outlet>()),
      run_(options.file, {.failed = [this](const std::string& /*why*/) { over_ = true; },
                          .ended = [this] { over_ = true; },
                          .other = [this](GstMessage* message) { heard(message); }}) {
  outlet_->on_sample = callbacks_.on_sample;
}

ComposeInput::~ComposeInput() {
  const std::scoped_lock lock(outlet_->mutex);
  outlet_->on_sample = nullptr;
}

base::Result<void> ComposeInput::assemble(const Options& options) {
  for (const auto& [name, value] : options.parameters)
    if (auto set = instance_.set_if_there(name, value); !set) return set;
  // An overlay whose text pad leads out of the bin waits for text there, and has none to show.
  while (GList* pads = GST_ELEMENT(instance_.bin())->sinkpads)
    gst_element_remove_pad(instance_.bin(), GST_PAD(pads->data));
  run_.add(instance_);
  GstElement* sink = gst_element_factory_make("appsink", "frames");
  if (sink == nullptr)
    return base::fail(base::Code::kUnavailable, "GStreamer's plugin 'app' is not installed");
  g_object_set(sink, "sync", FALSE, "async", FALSE, "max-buffers", kMostWaiting, "drop", TRUE,
               nullptr);
  GstAppSinkCallbacks callbacks{};
  callbacks.new_sample = Outlet::on_new_sample;
  gst_app_sink_set_callbacks(GST_APP_SINK(sink), &callbacks,
                             std::make_unique<std::shared_ptr<Outlet>>(outlet_).release(),
                             Outlet::release);
  gst_bin_add(run_.bin(), sink);
  if (gst_element_link_pads(instance_.bin(), "src", sink, "sink") == FALSE)
    return base::fail(base::Code::kInvalid,
                      options.file + ".pipeline: it has to leave one source pad unlinked");
  run_.start(options.base_time);
  return {};
}

void ComposeInput::set(std::string_view parameter, const std::string& value) {
  if (auto set = instance_.set_if_there(parameter, value); !set) warn(set.error().message);
}

std::int64_t ComposeInput::last_sample_us() const {
  return outlet_->last_us.load(std::memory_order_relaxed);
}

ClockErrors ComposeInput::clock_errors() const {
  ClockErrors errors;
  errors.add(instance_.hook("in"));
  return errors;
}

void ComposeInput::heard(GstMessage* message) {
  const GstStructure* structure = gst_message_get_structure(message);
  if (!callbacks_.on_level || structure == nullptr ||
      gst_structure_has_name(structure, "level") == FALSE)
    return;
  // The element's own type of array: one double per channel.
  const GValue* value = gst_structure_get_value(structure, "rms");
  if (value == nullptr || g_type_is_a(G_VALUE_TYPE(value), G_TYPE_BOXED) == FALSE) return;
  G_GNUC_BEGIN_IGNORE_DEPRECATIONS
  const auto* channels = static_cast<const GValueArray*>(g_value_get_boxed(value));
  double loudest = -100;
  for (guint i = 0; i < channels->n_values; ++i)
    loudest = std::max(loudest, g_value_get_double(&channels->values[i]));
  G_GNUC_END_IGNORE_DEPRECATIONS
  callbacks_.on_level(loudest);
}

}  // namespace parley::job
