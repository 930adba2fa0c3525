#include "job/out_target.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <random>
#include <utility>

#include "base/url.h"

namespace parley::job {
namespace {

constexpr guint kLookMs = 100;  // also how late a key frame is asked for

// Who begins to watch sees nothing before a key frame; platforms for live video ask for one each 2
// s. HLS asks by itself, where its segments begin.
constexpr GstClockTime kKeyFrameEvery = 2 * GST_SECOND;

// The first one is written when there is a connection, or refused.
constexpr std::uint64_t kLiveAfterBuffers = 3;

std::uint64_t random_seed() { return std::random_device{}(); }

GstClockTime ns(std::chrono::milliseconds time) {
  return static_cast<GstClockTime>(time.count()) * GST_MSECOND;
}

// rtmp2sink takes its first buffers before there is a connection.
bool has_connection(GstElement* sink) {
  if (g_object_class_find_property(G_OBJECT_GET_CLASS(sink), "stats") == nullptr) return true;
  GstStructure* stats = nullptr;
  g_object_get(sink, "stats", &stats, nullptr);
  if (stats == nullptr) return true;
  guint64 sent = 0;
  const bool counts = gst_structure_get_uint64(stats, "out-bytes-total", &sent) != FALSE;
  gst_structure_free(stats);
  return !counts || sent > 0;
}

}  // namespace

struct OutTarget::Meter {
  std::atomic<std::uint64_t> passed{0};
  // When a key frame is wanted, as the output's running time; NONE: it is not.
  std::atomic<GstClockTime> key_at{GST_CLOCK_TIME_NONE};
};

OutTarget::OutTarget(const pipeline::Folders& pipelines, const Out& out, Callbacks callbacks)
    : OutTarget(pipelines, out, std::move(callbacks), Times()) {}

OutTarget::OutTarget(const pipeline::Folders& pipelines, const Out& out, Callbacks callbacks,
                     Times times)
    : pipelines_(pipelines),
      out_(out),
      callbacks_(std::move(callbacks)),
      times_(times),
      retry_(random_seed()) {}

OutTarget::~OutTarget() {
  if (timer_ != 0) g_source_remove(timer_);
  if (retry_timer_ != 0) g_source_remove(retry_timer_);
}

base::Result<void> OutTarget::start(GstClockTime base_time) {
  base_time_ = base_time;
  report(State::kStarting, {});
  if (auto opened = open(); !opened) return opened;
  timer_ = g_timeout_add(kLookMs, on_timer, this);
  return {};
}

// ---- a pipeline -----------------------------------------------------------------------------

base::Result<void> OutTarget::open() {
  const auto description = pipelines_.load("output-" + out_.kind);
  if (!description) return tl::unexpected(description.error());
  auto instance = description->make();
  if (!instance) return tl::unexpected(instance.error());
  ++attempt_;
  if (auto aimed = aim(*instance); !aimed) return aimed;
  auto video = wrap::Ref<GstElement>::retain(instance->hook("video"));
  auto audio = wrap::Ref<GstElement>::retain(instance->hook("audio"));
  if (!video || !audio)
    return base::fail(base::Code::kInvalid,
                      fmt::format("output-{} has no hooks 'video' and 'audio'", out_.kind));
  moved_at_ = monotonic_now();
  live_at_ = GST_CLOCK_TIME_NONE;
  passed_before_ = 0;
  meter_ = std::make_shared<Meter>();
  if (out_.kind != "hls") meter_->key_at = kKeyFrameEvery;
  sink_ = wrap::Ref<GstElement>::retain(instance->hook("out"));
  watch(*instance);
  // What goes out begins about now, for its viewers begin now.
  const GstClockTime origin = moved_at_ - std::min(moved_at_, base_time_);
  run_ = std::make_unique<GstPipelineRun>(
      "output-" + out_.kind, PipelineEvents{[this](const std::string& why) { failed(why); },
                                            [this] {
                                              if (stopping_)
                                                close();
                                              else
                                                failed("the other side has ended it");
                                            }});
  run_->add(*instance);
  {
    const std::scoped_lock lock(mutex_);
    feed_ = std::make_shared<OutFeed>(std::move(video), std::move(audio), origin,
                                      callbacks_.want_key_frame);
  }
  begun_at_ = base_time_ + origin;
  run_->start(begun_at_);
  callbacks_.want_key_frame();
  return {};
}

// The properties that say where to: never in a pipeline's text.
base::Result<void> OutTarget::aim(const pipeline::Instance& instance) const {
  GstElement* out = instance.hook("out");
  if (out == nullptr)
    return base::fail(base::Code::kInvalid, fmt::format("output-{} has no hook 'out'", out_.kind));
  if (out_.kind == "hls") {
    // A later attempt overwrites nothing that a player may still fetch.
    g_object_set(out, "location", fmt::format("{}/part{}-%05d.ts", out_.folder, attempt_).c_str(),
                 "playlist-location", playlist().c_str(), nullptr);
    return {};
  }
  auto url = base::parse_url(out_.url);
  if (!url) return tl::unexpected(url.error());
  if (out_.kind == "rtmp") {
    g_object_set(out, "location", base::to_text(*url).c_str(), nullptr);
    return {};
  }
  if (out_.address.empty())
    return base::fail(base::Code::kInvalid, "the job names no address to send to");
  if (out_.kind == "srt") {
    url->host = out_.address;
    url->literal_v6 = url->host.find(':') != std::string::npos;
    g_object_set(out, "uri", base::to_text(*url).c_str(), nullptr);
    return {};
  }
  // RTP: sound, its RTCP, pictures, their RTCP.
  const std::pair<const char*, int> ports[] = {
      {"audio_out", 0}, {"audio_rtcp", 1}, {"out", 2}, {"video_rtcp", 3}};
  for (const auto& [hook, above] : ports)
    if (GstElement* sink = instance.hook(hook))
      g_object_set(sink, "host", out_.address.c_str(), "port", url->port + above, nullptr);
  return {};
}

// Streaming threads count what goes into the sink, and say when it wants a key frame.
void OutTarget::watch(const pipeline::Instance& instance) {
  const auto count = +[](GstPad*, GstPadProbeInfo*, gpointer meter) -> GstPadProbeReturn {
    (*static_cast<std::shared_ptr<Meter>*>(meter))->passed.fetch_add(1, std::memory_order_relaxed);
    return GST_PAD_PROBE_OK;
  };
  const auto ask = +[](GstPad*, GstPadProbeInfo* info, gpointer meter) -> GstPadProbeReturn {
    GstEvent* event = GST_PAD_PROBE_INFO_EVENT(info);
    const GstStructure* what = gst_event_get_structure(event);
    if (GST_EVENT_TYPE(event) != GST_EVENT_CUSTOM_UPSTREAM || what == nullptr ||
        !gst_structure_has_name(what, "GstForceKeyUnit"))
      return GST_PAD_PROBE_OK;
    guint64 at = 0;
    gst_structure_get_uint64(what, "running-time", &at);
    (*static_cast<std::shared_ptr<Meter>*>(meter))->key_at = at;
    gst_event_unref(event);
    return GST_PAD_PROBE_HANDLED;
  };
  const auto release = +[](gpointer meter) {
    const std::unique_ptr<std::shared_ptr<Meter>> owned(
        static_cast<std::shared_ptr<Meter>*>(meter));
  };
  const auto block = [this] { return std::make_unique<std::shared_ptr<Meter>>(meter_).release(); };
  if (const auto pad =
          wrap::Ref<GstPad>::adopt(gst_element_get_static_pad(instance.hook("video"), "src")))
    gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, ask, block(), release);
  GstElement* out = instance.hook("out");
  for (const char* name : {"sink", "video"}) {
    const auto pad = wrap::Ref<GstPad>::adopt(gst_element_get_static_pad(out, name));
    if (!pad) continue;
    gst_pad_add_probe(
        pad.get(),
        static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST),
        count, block(), release);
  }
}

void OutTarget::count_closed() {
  sink_.reset();
  const std::scoped_lock lock(mutex_);
  if (!feed_) return;
  bytes_closed_ += feed_->bytes();
  dropped_closed_ += feed_->dropped();
  feed_.reset();
}

void OutTarget::close() {
  count_closed();
  GstPipelineRun::dispose(std::move(run_), times_.last_words, stopped_);
}

// ---- how it goes ----------------------------------------------------------------------------

void OutTarget::failed(const std::string& why) {
  close();
  if (!stopping_) try_later(why);
}

void OutTarget::try_later(const std::string& why) {
  report(State::kReconnecting, why);
  retry_timer_ = g_timeout_add(static_cast<guint>(retry_.next().count()), on_retry, this);
}

gboolean OutTarget::on_retry(gpointer data) noexcept {
  auto* self = static_cast<OutTarget*>(data);
  self->retry_timer_ = 0;
  if (const auto opened = self->open(); !opened) self->try_later(opened.error().message);
  return G_SOURCE_REMOVE;
}

gboolean OutTarget::on_timer(gpointer self) noexcept {
  static_cast<OutTarget*>(self)->look();
  return G_SOURCE_CONTINUE;
}

void OutTarget::look() {
  if (!run_ || stopping_) return;
  const GstClockTime now = monotonic_now();
  const std::uint64_t passed = meter_->passed.load(std::memory_order_relaxed);
  if (passed != passed_before_) {
    passed_before_ = passed;
    moved_at_ = now;
  }
  if (now - begun_at_ >= meter_->key_at.load()) {
    meter_->key_at = out_.kind == "hls" ? GST_CLOCK_TIME_NONE : now - begun_at_ + kKeyFrameEvery;
    callbacks_.want_key_frame();
  }
  const bool live = GST_CLOCK_TIME_IS_VALID(live_at_);
  if (!live && passed >= kLiveAfterBuffers && has_connection(sink_.get()) && can_be_fetched()) {
    live_at_ = now;
    report(State::kLive, {});
  } else if (live && now - live_at_ > ns(times_.held)) {
    retry_.held();
  }
  if (now - moved_at_ <= ns(live ? times_.stall : times_.connect)) return;
  failed(live ? "the other side takes nothing any more" : "the other side does not answer");
}

// A playlist is written with its first segment; before that there is nothing to play.
bool OutTarget::can_be_fetched() const {
  return out_.kind != "hls" || access(playlist().c_str(), R_OK) == 0;
}

void OutTarget::report(State state, std::string message) {
  callbacks_.state(StateReport{state, std::move(message)});
}

void OutTarget::push(base::Kind kind, GstSample* sample) {
  std::shared_ptr<OutFeed> feed;
  {
    const std::scoped_lock lock(mutex_);
    feed = feed_;
  }
  if (feed) feed->push(kind, sample);
}

void OutTarget::stop(std::function<void()> stopped) {
  if (std::exchange(stopping_, true)) return;
  if (timer_ != 0) g_source_remove(std::exchange(timer_, 0));
  if (retry_timer_ != 0) g_source_remove(std::exchange(retry_timer_, 0));
  stopped_ = std::move(stopped);
  std::shared_ptr<OutFeed> feed;
  {
    const std::scoped_lock lock(mutex_);
    feed = feed_;
  }
  if (!run_ || !feed) return stopped_();
  feed->end();
  // When its end does not come through, it ends without.
  timer_ = g_timeout_add(
      static_cast<guint>(times_.last_words.count()),
      +[](gpointer data) -> gboolean {
        auto* self = static_cast<OutTarget*>(data);
        self->timer_ = 0;
        if (self->run_) self->close();
        return G_SOURCE_REMOVE;
      },
      this);
}

std::uint64_t OutTarget::bytes() const {
  const std::scoped_lock lock(mutex_);
  return bytes_closed_ + (feed_ ? feed_->bytes() : 0);
}

std::uint64_t OutTarget::dropped() const {
  const std::scoped_lock lock(mutex_);
  return dropped_closed_ + (feed_ ? feed_->dropped() : 0);
}

}  // namespace parley::job
