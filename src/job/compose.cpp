#include "job/compose.h"

#include <fmt/format.h>
#include <gst/app/gstappsink.h>
#include <gst/video/video.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <utility>

#include "job/compose_stage.h"
#include "job/gst_pipeline.h"
#include "wrap/context_thread.h"

namespace parley::job {
namespace {

using base::Kind;

constexpr int kLooks = 5;  // within Options::stall

// What streaming threads hold on to; outlives the composer.
struct Outlet {
  std::mutex mutex;
  std::function<void(Kind, wrap::Ref<GstSample>)> on_encoded;  // guarded; null after stop()
  // What is composed counts from when it began, so that mixers have nothing to make up for; what
  // comes out, from the base time. This is between them. Set before anything comes.
  GstClockTimeDiff offset = 0;
  std::mutex caps_mutex;
  std::array<wrap::Ref<GstCaps>, 2> caps;  // guarded by caps_mutex
  std::array<std::atomic<std::uint64_t>, 2> came{};

  static std::size_t index(Kind kind) { return kind == Kind::kAudio ? 0 : 1; }
  wrap::Ref<GstCaps>& caps_of(Kind kind) { return caps[index(kind)]; }
};

// `time` of the sample's segment on the line that is told; NONE: it is not on it.
GstClockTime moved(const GstSegment* segment, GstClockTime time, GstClockTimeDiff offset) {
  if (!GST_CLOCK_TIME_IS_VALID(time)) return GST_CLOCK_TIME_NONE;
  guint64 running = 0;
  const int sign = gst_segment_to_running_time_full(segment, GST_FORMAT_TIME, time, &running);
  if (sign == 0) return GST_CLOCK_TIME_NONE;
  const GstClockTimeDiff there = sign * static_cast<GstClockTimeDiff>(running) + offset;
  return there < 0 ? GST_CLOCK_TIME_NONE : static_cast<GstClockTime>(there);
}

wrap::Ref<GstSample> moved(GstSample* sample, GstClockTimeDiff offset) {
  const GstSegment* segment = gst_sample_get_segment(sample);
  auto buffer = wrap::Ref<GstBuffer>::adopt(gst_buffer_copy(gst_sample_get_buffer(sample)));
  GST_BUFFER_PTS(buffer.get()) = moved(segment, GST_BUFFER_PTS(buffer.get()), offset);
  GST_BUFFER_DTS(buffer.get()) = moved(segment, GST_BUFFER_DTS(buffer.get()), offset);
  if (!GST_BUFFER_PTS_IS_VALID(buffer.get())) return {};
  return wrap::Ref<GstSample>::adopt(
      gst_sample_new(buffer.get(), gst_sample_get_caps(sample), nullptr, nullptr));
}

struct Sink {
  std::shared_ptr<Outlet> outlet;
  Kind kind;
  // What the pipeline says its encoder is late by: with sync=false, the sink itself does nothing
  // about it.
  gint64 ts_offset = 0;

  static GstFlowReturn on_new_sample(GstAppSink* appsink, gpointer data) noexcept {
    const auto pulled = wrap::Ref<GstSample>::adopt(gst_app_sink_pull_sample(appsink));
    if (!pulled) return GST_FLOW_OK;  // at its end
    const Sink& self = *static_cast<Sink*>(data);
    self.outlet->came[Outlet::index(self.kind)].fetch_add(1, std::memory_order_relaxed);
    auto sample = moved(pulled.get(), self.outlet->offset + self.ts_offset);
    if (!sample) return GST_FLOW_OK;
    {
      const std::scoped_lock lock(self.outlet->caps_mutex);
      self.outlet->caps_of(self.kind) =
          wrap::Ref<GstCaps>::retain(gst_sample_get_caps(sample.get()));
    }
    const std::scoped_lock lock(self.outlet->mutex);
    if (self.outlet->on_encoded) self.outlet->on_encoded(self.kind, std::move(sample));
    return GST_FLOW_OK;
  }
  static void release(gpointer data) noexcept {
    const std::unique_ptr<Sink> owned(static_cast<Sink*>(data));
  }
};

void connect(GstElement* appsink, std::shared_ptr<Outlet> outlet, Kind kind) {
  gint64 ts_offset = 0;
  g_object_get(appsink, "ts-offset", &ts_offset, nullptr);
  GstAppSinkCallbacks callbacks{};
  callbacks.new_sample = Sink::on_new_sample;
  gst_app_sink_set_callbacks(
      GST_APP_SINK(appsink), &callbacks,
      std::make_unique<Sink>(Sink{std::move(outlet), kind, ts_offset}).release(), Sink::release);
}

}  // namespace

class Composer::Impl {
 public:
  Impl(const Context& context, Options options, Callbacks callbacks)
      : context_(context),
        options_(std::move(options)),
        callbacks_(std::move(callbacks)),
        outlet_(std::make_shared<Outlet>()) {}
  ~Impl() { stop(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  base::Result<void> start();
  void stop();
  void request_key_frame();
  void track_added(const std::string& owner, base::Source source) {
    if (stage_) return stage_->track_added(owner, source);
    if (!run_) early_.emplace_back(owner, source);
  }
  void track_removed(const std::string& owner, base::Source source) {
    std::erase(early_, std::pair(owner, source));
    if (stage_) stage_->track_removed(owner, source);
  }
  [[nodiscard]] GstClockTime base_time() const { return base_time_; }
  [[nodiscard]] ClockErrors clock_errors() const {
    return stage_ ? stage_->clock_errors() : ClockErrors{};
  }
  [[nodiscard]] wrap::Ref<GstCaps> caps(Kind kind) const {
    const std::scoped_lock lock(outlet_->caps_mutex);
    return outlet_->caps_of(kind);
  }

 private:
  [[nodiscard]] base::Result<void> configure(pipeline::Instance& main) const;
  void fail(const std::string& why);
  void look();  // does it stand still?

  struct Seen {
    std::uint64_t came = 0;
    int still = 0;  // looks in a row without anything new
  };
  const Context& context_;
  const Options options_;
  const Callbacks callbacks_;
  const std::shared_ptr<Outlet> outlet_;
  GstClockTime base_time_ = 0;
  std::vector<std::pair<std::string, base::Source>> early_;  // told before start()
  std::mutex sink_mutex_;
  wrap::Ref<GstElement> video_out_;  // guarded by sink_mutex_
  std::unique_ptr<GstPipelineRun> run_;
  std::unique_ptr<ComposeStage> stage_;  // goes first: its feeds are in run_
  std::array<Seen, 2> seen_{};
  std::unique_ptr<wrap::RepeatingTimer> looks_;
};

base::Result<void> Composer::Impl::configure(pipeline::Instance& main) const {
  const Picture& picture = options_.picture;
  const std::pair<const char*, std::string> values[] = {
      {"frame", fmt::format("video/x-raw,format=I420,width={},height={},framerate={}/1",
                            picture.width & ~1U, picture.height & ~1U, picture.fps)},
      {"video_bps", std::to_string(std::uint64_t{picture.kbps} * 1000)},
      {"video_kbps", std::to_string(picture.kbps)},
      {"audio_bps", std::to_string(std::uint64_t{picture.audio_kbps} * 1000)},
  };
  for (const auto& [name, value] : values)
    if (auto set = main.set_if_there(name, value); !set) return set;
  for (const char* hook : {"picture", "sound", "video_out", "audio_out"})
    if (main.hook(hook) == nullptr)
      return base::fail(base::Code::kInvalid,
                        fmt::format("a pipeline that composes needs the hook '{}'", hook));
  return {};
}

base::Result<void> Composer::Impl::start() {
  const char* file = options_.codecs == Codecs::kH264Aac ? "compose-h264-aac" : "compose-vp8-opus";
  auto description = context_.pipelines.load(file);
  if (!description) return tl::unexpected(description.error());
  auto main = description->make();
  if (!main) return tl::unexpected(main.error());
  if (auto configured = configure(*main); !configured) return configured;

  const GstClockTime now = monotonic_now();
  base_time_ = options_.base_time.value_or(now);
  outlet_->offset = GST_CLOCK_DIFF(base_time_, now);
  run_ = std::make_unique<GstPipelineRun>(
      file, PipelineEvents{.failed = [this](const std::string& why) { fail(why); },
                           .ended = [this] { fail("it came to an end by itself"); }});
  run_->add(*main);
  // Not from the base time on, when that is long ago: the mixers would make up for all of it.
  outlet_->on_encoded = callbacks_.on_encoded;
  connect(main->hook("video_out"), outlet_, Kind::kVideo);
  connect(main->hook("audio_out"), outlet_, Kind::kAudio);
  {
    const std::scoped_lock lock(sink_mutex_);
    video_out_ = wrap::Ref<GstElement>::retain(main->hook("video_out"));
  }
  auto stage = ComposeStage::make(
      context_, {.layout = options_.layout, .picture = options_.picture, .only = options_.only},
      {main->hook("picture"), main->hook("sound"), now});
  if (!stage) {
    run_.reset();
    return tl::unexpected(stage.error());
  }
  stage_ = std::move(*stage);
  run_->start(now);
  looks_ = std::make_unique<wrap::RepeatingTimer>(g_main_context_get_thread_default(),
                                                  options_.stall / kLooks, [this] { look(); });
  for (const auto& [owner, source] : std::exchange(early_, {})) stage_->track_added(owner, source);
  return {};
}

// By the count of looks, so that a process that was stopped for a while has not stood still.
void Composer::Impl::look() {
  bool still = false;
  for (std::size_t kind = 0; kind < seen_.size(); ++kind) {
    const std::uint64_t came = outlet_->came[kind].load(std::memory_order_relaxed);
    Seen& seen = seen_[kind];
    seen.still = came == seen.came ? seen.still + 1 : 0;
    seen.came = came;
    still = still || seen.still >= kLooks;
  }
  if (still) fail("nothing comes out of it any more");
}

void Composer::Impl::stop() {
  looks_.reset();
  {
    const std::scoped_lock lock(outlet_->mutex);
    outlet_->on_encoded = nullptr;
  }
  {
    const std::scoped_lock lock(sink_mutex_);
    video_out_.reset();
  }
  stage_.reset();
  run_.reset();
}

void Composer::Impl::fail(const std::string& why) {
  // A copy, for the callback may delete this.
  const auto on_failed = callbacks_.on_failed;
  stop();
  if (on_failed) on_failed({base::Code::kUnavailable, "the composing pipeline failed: " + why});
}

void Composer::Impl::request_key_frame() {
  wrap::Ref<GstElement> sink;
  {
    const std::scoped_lock lock(sink_mutex_);
    sink = video_out_;
  }
  if (!sink) return;
  gst_element_send_event(sink.get(),
                         gst_video_event_new_upstream_force_key_unit(GST_CLOCK_TIME_NONE, TRUE, 0));
}

Composer::Composer(const Context& context, Options options, Callbacks callbacks)
    : impl_(std::make_unique<Impl>(context, std::move(options), std::move(callbacks))) {}
Composer::~Composer() = default;
base::Result<void> Composer::start() { return impl_->start(); }
void Composer::track_added(const std::string& owner, base::Source source) {
  impl_->track_added(owner, source);
}
void Composer::track_removed(const std::string& owner, base::Source source) {
  impl_->track_removed(owner, source);
}
void Composer::request_key_frame() { impl_->request_key_frame(); }
void Composer::stop() { impl_->stop(); }
ClockErrors Composer::clock_errors() const { return impl_->clock_errors(); }
GstClockTime Composer::base_time() const { return impl_->base_time(); }
wrap::Ref<GstCaps> Composer::caps(base::Kind kind) const { return impl_->caps(kind); }

}  // namespace parley::job
