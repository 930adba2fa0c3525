#include "job/record_composed.h"

#include <utility>
#include <vector>

#include "job/record_tracks.h"

namespace parley::job {
namespace {

constexpr std::chrono::milliseconds kSyncEvery{2000};  // as of tracks
// Of the series: video comes first, and cuts.
constexpr std::size_t kVideo = 0;
constexpr std::size_t kAudio = 1;

Codecs codecs_of(Container container) {
  return container == Container::kMp4 ? Codecs::kH264Aac : Codecs::kVp8Opus;
}

}  // namespace

RecordComposed::RecordComposed(const Context& context, Record record)
    : context_(context),
      record_(std::move(record)),
      encoded_(g_main_context_get_thread_default(), [this](std::vector<Encoded>& all) {
        for (Encoded& one : all)
          if (series_ && !stopping_)
            series_->push(one.kind == base::Kind::kVideo ? kVideo : kAudio, std::move(one.frame));
      }) {}

RecordComposed::~RecordComposed() {
  timer_.reset();
  composer_.reset();
  series_.reset();
  room_.reset();
  disk_.reset();
}

base::Result<void> RecordComposed::start() {
  auto folder = open_record_folder(record_.folder);
  if (!folder) return tl::unexpected(folder.error());
  folder_descriptor_ = std::move(*folder);
  disk_ = std::make_unique<Disk>();
  folder_ = std::make_unique<RecordFolder>(RecordFolder{
      context_.pipelines, *disk_, folder_descriptor_.get(), record_.part_ms, context_.report});
  room_ = std::make_unique<FreeRoom>(*disk_, folder_descriptor_.get(), record_.keep_free_bytes,
                                     [this](const base::Error& error) { fail(error); });
  series_ = std::make_unique<PartSeries>(*folder_, series_options());
  Composer::Options options;
  options.layout = record_.layout;
  options.codecs = codecs_of(record_.container);
  options.picture = context_.spec.picture;
  composer_ = std::make_unique<Composer>(context_, std::move(options), callbacks());
  if (auto started = composer_->start(); !started) return started;
  timer_ = std::make_unique<wrap::RepeatingTimer>(g_main_context_get_thread_default(), kSyncEvery,
                                                  [this] { tick(); });
  context_.report(StateReport{State::kLive, ""});
  return {};
}

PartSeries::Options RecordComposed::series_options() {
  const bool mp4 = record_.container == Container::kMp4;
  PartSeries::Options options;
  options.pipeline = mp4 ? "part-composed-mp4" : "part-composed-webm";
  options.ending = mp4 ? ".mp4" : ".webm";
  options.codec = mp4 ? "h264+aac" : "vp8+opus";
  options.stem = mp4 ? "call-h264-aac" : "call-vp8-opus";
  options.streams = {{"video", true, false}, {"audio", false, false}};
  options.offset_ms = [this] { return clock_errors_.span_ms(); };
  options.request_key_frame = [this] { composer_->request_key_frame(); };
  options.on_failed = [this](const base::Error& error) { fail(error); };
  return options;
}

Composer::Callbacks RecordComposed::callbacks() {
  Composer::Callbacks callbacks;
  callbacks.on_encoded = [box = encoded_.box()](base::Kind kind, wrap::Ref<GstSample> sample) {
    GstBuffer* buffer = gst_sample_get_buffer(sample.get());
    GstCaps* caps = gst_sample_get_caps(sample.get());
    if (buffer == nullptr || caps == nullptr) return;
    box->post(
        Encoded{kind, {wrap::Ref<GstBuffer>::retain(buffer), wrap::Ref<GstCaps>::retain(caps)}});
  };
  callbacks.on_failed = [this](const base::Error& error) { fail(error); };
  return callbacks;
}

void RecordComposed::track_added(const std::string& owner, base::Source source) {
  if (!stopping_) composer_->track_added(owner, source);
}

void RecordComposed::track_removed(const std::string& owner, base::Source source) {
  if (!stopping_) composer_->track_removed(owner, source);
}

void RecordComposed::tick() {
  room_->look();
  series_->tick();
  Progress progress;
  progress.bytes = series_->bytes();
  progress.dropped = series_->dropped();
  GstClock* clock = gst_system_clock_obtain();
  progress.running_ms = static_cast<std::int64_t>(
      GST_TIME_AS_MSECONDS(gst_clock_get_time(clock) - composer_->base_time()));
  gst_object_unref(clock);
  clock_errors_.add(composer_->clock_errors());
  progress.offset_ms = clock_errors_.span_ms();
  context_.report(progress);
}

void RecordComposed::fail(const base::Error& error) {
  if (!outcome_) return;
  outcome_ = tl::unexpected(error);
  if (context_.failing) context_.failing(error.message);
  // Not from within what has failed.
  disk_->run([this]() -> Disk::Then { return [this] { stop(); }; });
}

void RecordComposed::stop() {
  if (std::exchange(stopping_, true)) return;
  tick();
  timer_.reset();
  composer_->stop();
  series_->finish([this] { context_.finished(outcome_); });
}

}  // namespace parley::job
