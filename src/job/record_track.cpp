#include "job/record_track.h"

#include <fmt/format.h>
#include <gst/app/gstappsink.h>
#include <gst/video/video.h>

#include <utility>

#include "base/overloaded.h"

namespace parley::job {
namespace {

// After a tap that has ended by itself. Our choice.
constexpr base::Duration kLookAgain = std::chrono::milliseconds(500);

std::string codec_of(const GstCaps* caps) {
  const GstStructure* first = gst_caps_get_structure(caps, 0);
  const char* name = gst_structure_get_string(first, "encoding-name");
  for (const char* known : {"opus", "vp8", "vp9", "h264", "av1"})
    if (name != nullptr && g_ascii_strcasecmp(name, known) == 0) return known;
  return {};
}

base::TimePoint monotonic_now() { return base::TimePoint(base::Duration(g_get_monotonic_time())); }

}  // namespace

// What GStreamer's threads get: where to post, and as what.
struct RecordTrack::Tap {
  std::shared_ptr<Box> box;
  int pipeline = 0;
  std::shared_ptr<std::atomic<std::uint64_t>> waiting = nullptr;  // bytes of frames, as posted

  template <class What>
  void post(What what) const {
    box->post(News{pipeline, std::move(what)});
  }
  // While the main context waits for a disk (to open a file), frames gather up to a bound.
  void post_frame(GstBuffer* buffer, GstCaps* caps) const {
    const std::uint64_t size = gst_buffer_get_size(buffer);
    if (waiting->fetch_add(size) + size > PartWriter::kMostWaitingBytes) {
      waiting->fetch_sub(size);
      return post(TurnedAway{});
    }
    post(Frame{wrap::Ref<GstBuffer>::retain(buffer), wrap::Ref<GstCaps>::retain(caps)});
  }
  static void free(gpointer tap) noexcept { delete static_cast<Tap*>(tap); }
  static void free_closure(gpointer tap, GClosure* /*closure*/) noexcept { free(tap); }

  static GstFlowReturn on_sample(GstAppSink* sink, gpointer data) noexcept {
    GstSample* sample = gst_app_sink_pull_sample(sink);
    if (sample == nullptr) return GST_FLOW_EOS;
    GstBuffer* buffer = gst_sample_get_buffer(sample);
    GstCaps* caps = gst_sample_get_caps(sample);
    if (buffer != nullptr && caps != nullptr) static_cast<Tap*>(data)->post_frame(buffer, caps);
    gst_sample_unref(sample);
    return GST_FLOW_OK;
  }
  static void on_eos(GstAppSink* /*sink*/, gpointer data) noexcept {
    static_cast<Tap*>(data)->post(Ended{});
  }
  // Depayloaders say by a gap that packets are missing.
  static GstPadProbeReturn on_event(GstPad* /*pad*/, GstPadProbeInfo* info,
                                    gpointer data) noexcept {
    GstEvent* event = GST_PAD_PROBE_INFO_EVENT(info);
    if (GST_EVENT_TYPE(event) == GST_EVENT_GAP) static_cast<Tap*>(data)->post(Lost{});
    return GST_PAD_PROBE_OK;
  }
  static void on_muted(GObject* source, GParamSpec* /*spec*/, gpointer data) noexcept {
    gboolean muted = FALSE;
    g_object_get(source, "muted", &muted, nullptr);
    static_cast<Tap*>(data)->post(Muted{muted != FALSE});
  }
  // Caps alone may be a guess; with a packet they are the sender's.
  static GstPadProbeReturn on_packet(GstPad* pad, GstPadProbeInfo* /*info*/,
                                     gpointer data) noexcept {
    const auto caps = wrap::Ref<GstCaps>::adopt(gst_pad_get_current_caps(pad));
    static_cast<Tap*>(data)->post(Codec{caps ? codec_of(caps.get()) : std::string()});
    return GST_PAD_PROBE_OK;
  }
  // On whichever thread posts: the message is all there is to do.
  static GstBusSyncReply on_message(GstBus* /*bus*/, GstMessage* message, gpointer data) noexcept {
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
      wrap::Owned<GError> error;
      gst_message_parse_error(message, wrap::OutParam(error), nullptr);
      static_cast<Tap*>(data)->post(Ended{error->message});
    }
    gst_message_unref(message);
    return GST_BUS_DROP;
  }
};

RecordTrack::RecordTrack(const RecordFolder& folder, Options options)
    : folder_(folder),
      options_(std::move(options)),
      news_(g_main_context_get_thread_default(),
            [this](std::vector<News>& all) {
              for (News& news : all) take(news);
            }),
      again_([this] { look(); }) {}

RecordTrack::~RecordTrack() { drop_pipeline(); }

void RecordTrack::start() { look(); }

// Runs a tap alone until it has said what comes out of it.
void RecordTrack::look() {
  if (over_) return;
  drop_pipeline();
  const auto bin = wrap::Ref<GstElement>::sink(gst_bin_new(nullptr));
  GstElement* source = gst_element_factory_make("parleysrc", nullptr);
  GstElement* sink = gst_element_factory_make("fakesink", nullptr);
  if (source == nullptr || sink == nullptr)
    return fail({base::Code::kUnavailable, "The GStreamer element parleysrc is not there."});
  g_object_set(sink, "sync", FALSE, "async", FALSE, nullptr);
  gst_bin_add_many(GST_BIN(bin.get()), source, sink, nullptr);
  gst_element_link(source, sink);
  const auto pad = wrap::Ref<GstPad>::adopt(gst_element_get_static_pad(source, "src"));
  gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_BUFFER, Tap::on_packet,
                    new Tap{news_.box(), number_ + 1}, Tap::free);
  if (!run(bin.get(), source)) again_.set(monotonic_now() + kLookAgain);
}

// A pipeline of `content`, whose tap is `source`.
bool RecordTrack::run(GstElement* content, GstElement* source) {
  ++number_;
  g_object_set(source, "call", options_.call.c_str(), "profile", options_.owner.c_str(), "source",
               base::name_of(options_.source).data(), nullptr);
  g_signal_connect_data(source, "notify::muted", G_CALLBACK(Tap::on_muted),
                        new Tap{news_.box(), number_}, Tap::free_closure, GConnectFlags{});
  source_ = wrap::Ref<GstElement>::retain(source);
  pipeline_ = wrap::Ref<GstElement>::sink(gst_pipeline_new(nullptr));
  gst_bin_add(GST_BIN(pipeline_.get()), content);
  // One time line for all pipelines of the recording.
  GstClock* clock = gst_system_clock_obtain();
  gst_pipeline_use_clock(GST_PIPELINE(pipeline_.get()), clock);
  gst_object_unref(clock);
  gst_element_set_start_time(pipeline_.get(), GST_CLOCK_TIME_NONE);
  gst_element_set_base_time(pipeline_.get(), options_.base_time);
  const auto bus = wrap::Ref<GstBus>::adopt(gst_element_get_bus(pipeline_.get()));
  gst_bus_set_sync_handler(bus.get(), Tap::on_message, new Tap{news_.box(), number_}, Tap::free);
  return gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE;
}

void RecordTrack::drop_pipeline() {
  again_.set(std::nullopt);
  clock_errors_.add(source_.get());
  if (pipeline_) gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
  source_.reset();
  pipeline_.reset();
}

void RecordTrack::take(News& news) {
  if (const auto* frame = std::get_if<Frame>(&news.what))
    waiting_->fetch_sub(gst_buffer_get_size(frame->buffer.get()));
  if (news.pipeline != number_ || over_) return;
  std::visit([this](auto& what) { take(what); }, news.what);
}

void RecordTrack::take(const Codec& codec) {
  if (series_) return;  // the tap of the recording itself
  if (codec.name.empty()) return;
  drop_pipeline();
  if (auto built = build(codec.name); !built) fail(built.error());
}

base::Result<void> RecordTrack::build(const std::string& codec) {
  auto description = folder_.pipelines.load("track-" + codec);
  if (!description) return tl::unexpected(description.error());
  auto made = description->make();
  if (!made) return tl::unexpected(made.error());
  GstElement* source = made->hook("in");
  GstElement* sink = made->hook("out");
  const bool good = source != nullptr && sink != nullptr && GST_IS_APP_SINK(sink) != FALSE;
  if (!good)
    return base::fail(base::Code::kInvalid,
                      fmt::format("track-{} has no hooks 'in' and 'out' (an appsink)", codec));
  g_object_set(sink, "sync", FALSE, "async", FALSE, "emit-signals", FALSE, nullptr);
  GstAppSinkCallbacks callbacks = {};
  callbacks.new_sample = Tap::on_sample;
  callbacks.eos = Tap::on_eos;
  gst_app_sink_set_callbacks(GST_APP_SINK(sink), &callbacks,
                             new Tap{news_.box(), number_ + 1, waiting_}, Tap::free);
  const auto pad = wrap::Ref<GstPad>::adopt(gst_element_get_static_pad(sink, "sink"));
  gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, Tap::on_event,
                    new Tap{news_.box(), number_ + 1}, Tap::free);

  const bool video = base::kind_of(options_.source) == base::Kind::kVideo;
  PartSeries::Options options;
  options.pipeline = !video            ? "part-audio-webm"
                     : codec == "h264" ? "part-video-matroska"
                                       : "part-video-webm";
  options.ending = codec == "h264" ? ".mkv" : ".webm";
  options.stem = fmt::format("{:03}-{:02}-{}", options_.number, ++runs_, codec);
  options.owner = options_.owner;
  options.source = options_.source;
  options.codec = codec;
  options.streams = {{"track", video, options_.source == base::Source::kScreen}};
  options.offset_ms = [this] { return clock_errors_.span_ms(); };
  options.request_key_frame = [this] { request_key_frame(); };
  options.on_failed = [this](base::Error error) { fail(std::move(error)); };
  series_ = std::make_unique<PartSeries>(folder_, std::move(options));
  series_->muted(muted_);
  if (!run(made->bin(), source)) take(Ended{"it does not start"});
  if (video && series_) request_key_frame();
  return {};
}

void RecordTrack::request_key_frame() {
  if (!source_) return;
  const auto pad = wrap::Ref<GstPad>::adopt(gst_element_get_static_pad(source_.get(), "src"));
  gst_pad_send_event(pad.get(),
                     gst_video_event_new_upstream_force_key_unit(GST_CLOCK_TIME_NONE, TRUE, 0));
}

void RecordTrack::take(Frame& frame) {
  if (series_) series_->push(0, std::move(frame));
}

void RecordTrack::take(const TurnedAway& /*turned_away*/) {
  if (series_) series_->turned_away(0);
}

void RecordTrack::take(const Lost& /*lost*/) {
  if (series_) series_->lost();
}

void RecordTrack::take(const Muted& muted) {
  muted_ = muted.muted;
  if (series_) series_->muted(muted_);
}

void RecordTrack::take(const Ended& ended) {
  if (!ended.why.empty()) {
    // NOLINTNEXTLINE(bugprone-assignment-in-if-condition): inside GStreamer's macro
    GST_WARNING("the tap of %s's %s ends: %s", options_.owner.c_str(),
                base::name_of(options_.source).data(), ended.why.c_str());
  }
  drop_pipeline();
  end_series();
  again_.set(monotonic_now() + kLookAgain);
}

void RecordTrack::end_series() {
  if (!series_) return;
  PartSeries* series = series_.get();
  ending_.push_back(std::move(series_));
  series->finish([this, series] {
    ended_bytes_ += series->bytes();
    ended_dropped_ += series->dropped();
    ending_.remove_if([series](const auto& one) { return one.get() == series; });
    if (over_ && ending_.empty() && finished_) std::exchange(finished_, {})();
  });
}

void RecordTrack::finish(std::function<void()> finished) {
  over_ = true;
  drop_pipeline();
  end_series();
  if (ending_.empty()) return finished();
  finished_ = std::move(finished);
}

std::uint64_t RecordTrack::bytes() const {
  std::uint64_t all = ended_bytes_ + (series_ ? series_->bytes() : 0);
  for (const auto& one : ending_) all += one->bytes();
  return all;
}

std::uint64_t RecordTrack::dropped() const {
  std::uint64_t all = ended_dropped_ + (series_ ? series_->dropped() : 0);
  for (const auto& one : ending_) all += one->dropped();
  return all;
}

void RecordTrack::tick() {
  clock_errors_.add(source_.get());
  if (series_) series_->tick();
}

void RecordTrack::fail(base::Error error) {
  if (over_) return;
  over_ = true;
  failed_ = true;
  drop_pipeline();
  end_series();
  if (options_.on_failed) options_.on_failed(std::move(error));
}

}  // namespace parley::job
