#include "job/in_source.h"

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <random>
#include <utility>

#include "base/url.h"

namespace parley::job {
namespace {

constexpr guint kLookMs = 250;

GstClockTime ns(std::chrono::milliseconds time) {
  return static_cast<GstClockTime>(time.count()) * GST_MSECOND;
}

void set_if_there(GstElement* element, const char* property, const std::string& value) {
  if (g_object_class_find_property(G_OBJECT_GET_CLASS(element), property) != nullptr)
    g_object_set(element, property, value.c_str(), nullptr);
}

}  // namespace

struct InSource::Meter {
  InClock clock;
  GstClockTime base_time = 0;
  std::atomic<std::uint64_t> came{0};
  std::atomic<int> running{0};  // kinds that have come
  std::atomic<int> ended{0};    // ... of which to their end
};
struct InSource::Branch {
  std::shared_ptr<Meter> meter;
  GstSegment segment{};
  bool came = false;
};

InSource::InSource(const pipeline::Folders& pipelines, std::string call, const In& in, int file,
                   Callbacks callbacks)
    : InSource(pipelines, std::move(call), in, file, std::move(callbacks), Times()) {}

InSource::InSource(const pipeline::Folders& pipelines, std::string call, const In& in, int file,
                   Callbacks callbacks, Times times)
    : pipelines_(pipelines),
      call_(std::move(call)),
      in_(in),
      file_(file),
      callbacks_(std::move(callbacks)),
      times_(times),
      retry_(std::random_device{}()) {}

InSource::~InSource() {
  if (timer_ != 0) g_source_remove(timer_);
  if (retry_timer_ != 0) g_source_remove(retry_timer_);
}

base::Result<void> InSource::start() {
  callbacks_.state(StateReport{State::kStarting, {}});
  if (auto opened = open(); !opened) return opened;
  timer_ = g_timeout_add(kLookMs, on_timer, this);
  return {};
}

// ---- a pipeline -----------------------------------------------------------------------------

base::Result<void> InSource::open() {
  const auto description = pipelines_.load("source-" + in_.kind);
  if (!description) return tl::unexpected(description.error());
  auto instance = description->make();
  if (!instance) return tl::unexpected(instance.error());
  if (auto aimed = aim(*instance); !aimed) return aimed;
  moved_at_ = monotonic_now();
  live_at_ = GST_CLOCK_TIME_NONE;
  came_before_ = 0;
  meter_ = std::make_shared<Meter>();
  meter_->base_time = moved_at_;
  watch(*instance, "video_in", "video");
  watch(*instance, "audio_in", "audio");
  const auto ended = [this] { failed("the other side has ended it"); };
  run_ = std::make_unique<GstPipelineRun>(
      "source-" + in_.kind, PipelineEvents{[this](const std::string& why) { failed(why); }, ended});
  run_->add(*instance);
  run_->start(meter_->base_time);
  return {};
}

// Where from and whose: never in a pipeline's text.
base::Result<void> InSource::aim(const pipeline::Instance& instance) const {
  const std::array<std::pair<const char*, const char*>, 2> sinks = {
      {{"video", "camera"}, {"audio", "mic"}}};
  for (const auto& [hook, source] : sinks) {
    GstElement* sink = instance.hook(hook);
    if (sink == nullptr) continue;
    set_if_there(sink, "call", call_);
    set_if_there(sink, "profile", in_.owner);
    set_if_there(sink, "source", source);
  }
  GstElement* from = instance.hook("in");
  if (from == nullptr)
    return base::fail(base::Code::kInvalid, fmt::format("source-{} has no hook 'in'", in_.kind));
  if (in_.kind == "file") {
    // The very file that was opened, whatever its name means by now.
    g_object_set(from, "location", fmt::format("/proc/self/fd/{}", file_).c_str(), nullptr);
    return {};
  }
  auto url = base::parse_url(in_.url);
  if (!url) return tl::unexpected(url.error());
  if (in_.kind == "srt") {
    url->host = in_.address;
    url->literal_v6 = url->host.find(':') != std::string::npos;
  }
  g_object_set(from, in_.kind == "srt" ? "uri" : "location", base::to_text(*url).c_str(), nullptr);
  return {};
}

// Moves what comes to the pipeline's clock, and sees whether it goes on and when it ends.
void InSource::watch(const pipeline::Instance& instance, const char* in, const char* out) {
  const auto release =
      +[](gpointer branch) { const std::unique_ptr<Branch> owned(static_cast<Branch*>(branch)); };
  const auto arrive = +[](GstPad*, GstPadProbeInfo* info, gpointer data) -> GstPadProbeReturn {
    auto* branch = static_cast<Branch*>(data);
    Meter& meter = *branch->meter;
    if ((GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER) == 0) {
      GstEvent* event = GST_PAD_PROBE_INFO_EVENT(info);
      if (GST_EVENT_TYPE(event) != GST_EVENT_SEGMENT) return GST_PAD_PROBE_OK;
      gst_event_copy_segment(event, &branch->segment);
      // What follows is in the pipeline's running time.
      GstSegment ours;
      gst_segment_init(&ours, GST_FORMAT_TIME);
      GST_PAD_PROBE_INFO_DATA(info) = gst_event_new_segment(&ours);
      gst_event_unref(event);
      return GST_PAD_PROBE_OK;
    }
    if (!std::exchange(branch->came, true)) ++meter.running;
    meter.came.fetch_add(1, std::memory_order_relaxed);
    GstBuffer* buffer = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(info));
    GST_PAD_PROBE_INFO_DATA(info) = buffer;
    const GstClockTime now = monotonic_now();
    const GstClockTime here = now - std::min(now, meter.base_time);
    const guint64 at =
        gst_segment_to_running_time(&branch->segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
    GST_BUFFER_PTS(buffer) =
        GST_CLOCK_TIME_IS_VALID(at) ? meter.clock.place(at, here) : here + InClock::kDelay;
    GST_BUFFER_DTS(buffer) = GST_CLOCK_TIME_NONE;
    return GST_PAD_PROBE_OK;
  };
  const auto end = +[](GstPad*, GstPadProbeInfo* info, gpointer data) -> GstPadProbeReturn {
    Meter& meter = *static_cast<Branch*>(data)->meter;
    // A file comes faster than it is played.
    if ((GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM) == 0)
      meter.came.fetch_add(1, std::memory_order_relaxed);
    else if (GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) == GST_EVENT_EOS)
      ++meter.ended;
    return GST_PAD_PROBE_OK;
  };
  const auto probe = [&](const char* hook, int type, GstPadProbeCallback callback) {
    GstElement* element = instance.hook(hook);
    if (element == nullptr) return;
    auto branch = std::make_unique<Branch>();
    branch->meter = meter_;
    gst_segment_init(&branch->segment, GST_FORMAT_TIME);
    const auto pad = wrap::Ref<GstPad>::adopt(gst_element_get_static_pad(element, "sink"));
    gst_pad_add_probe(pad.get(), static_cast<GstPadProbeType>(type), callback, branch.release(),
                      release);
  };
  probe(in, GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, arrive);
  probe(out,
        GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST |
            GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
        end);
}

void InSource::close(std::function<void()> closed) {
  if (!run_) {
    if (closed) closed();
    return;
  }
  GstPipelineRun::dispose(std::move(run_), times_.last_words, std::move(closed));
}

// ---- how it goes ----------------------------------------------------------------------------

void InSource::failed(const std::string& why) {
  if (stopping_ || !run_) return;
  close(nullptr);
  if (in_.kind == "file" && meter_->running > 0 && meter_->ended >= meter_->running) {
    stopping_ = true;
    callbacks_.ended();
    return;
  }
  try_later(why);
}

void InSource::try_later(const std::string& why) {
  callbacks_.state(StateReport{State::kReconnecting, why});
  retry_timer_ = g_timeout_add(static_cast<guint>(retry_.next().count()), on_retry, this);
}

gboolean InSource::on_retry(gpointer data) noexcept {
  auto* self = static_cast<InSource*>(data);
  self->retry_timer_ = 0;
  if (const auto opened = self->open(); !opened) self->try_later(opened.error().message);
  return G_SOURCE_REMOVE;
}

gboolean InSource::on_timer(gpointer self) noexcept {
  static_cast<InSource*>(self)->look();
  return G_SOURCE_CONTINUE;
}

void InSource::look() {
  if (!run_ || stopping_) return;
  const GstClockTime now = monotonic_now();
  const std::uint64_t came = meter_->came.load(std::memory_order_relaxed);
  if (came != came_before_) {
    came_before_ = came;
    moved_at_ = now;
  }
  const bool live = GST_CLOCK_TIME_IS_VALID(live_at_);
  if (!live && came > 0) {
    live_at_ = now;
    callbacks_.state(StateReport{State::kLive, {}});
  } else if (live && now - live_at_ > ns(times_.held)) {
    retry_.held();
  }
  // A kind that never came has no end either, so the pipeline does not tell.
  if (meter_->running > 0 && meter_->ended >= meter_->running)
    return failed("the other side has ended it");
  if (now - moved_at_ > ns(live ? times_.stall : times_.connect))
    failed(live ? "nothing comes any more" : "nothing comes");
}

void InSource::stop(std::function<void()> stopped) {
  stopping_ = true;
  if (timer_ != 0) g_source_remove(std::exchange(timer_, 0));
  if (retry_timer_ != 0) g_source_remove(std::exchange(retry_timer_, 0));
  close(std::move(stopped));
}

}  // namespace parley::job
