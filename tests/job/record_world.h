// Encoded frames, a folder, and a series of parts in it, for tests of recorders.
#pragma once

#include <fcntl.h>
#include <glib.h>
#include <gst/app/gstappsink.h>
#include <gst/gst.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "job/record_series.h"
#include "job/verify.h"
#include "pipeline/description.h"
#include "support/check_main.h"

namespace parley::test {

namespace fs = std::filesystem;

// Everything a launch line makes for its `appsink name=out`.
inline std::vector<job::Frame> encode(const std::string& launch) {
  wrap::Owned<GError> error;
  const auto pipeline = wrap::Ref<GstElement>::sink(
      gst_parse_launch((launch + " ! appsink name=out sync=false").c_str(), wrap::OutParam(error)));
  ck_assert_msg(error == nullptr, "%s", error ? error->message : "");
  const auto out =
      wrap::Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "out"));
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  std::vector<job::Frame> frames;
  while (GstSample* sample = gst_app_sink_pull_sample(GST_APP_SINK(out.get()))) {
    frames.push_back({wrap::Ref<GstBuffer>::adopt(gst_buffer_copy(gst_sample_get_buffer(sample))),
                      wrap::Ref<GstCaps>::retain(gst_sample_get_caps(sample))});
    gst_sample_unref(sample);
  }
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  ck_assert(!frames.empty());
  return frames;
}

// 25 frames a second, a key frame each second.
inline std::vector<job::Frame> vp8(int frames) {
  return encode("videotestsrc num-buffers=" + std::to_string(frames) +
                " ! video/x-raw,width=160,height=120,framerate=25/1"
                " ! vp8enc deadline=1 keyframe-max-dist=25");
}
// 50 a second.
inline std::vector<job::Frame> opus(int packets) {
  auto frames = encode("audiotestsrc samplesperbuffer=960 num-buffers=" + std::to_string(packets) +
                       " ! audio/x-raw,rate=48000,channels=1 ! opusenc frame-size=20");
  frames.resize(static_cast<std::size_t>(packets));  // the encoder's look-ahead makes one more
  for (std::size_t i = 0; i < frames.size(); ++i)
    GST_BUFFER_PTS(frames[i].buffer.get()) = i * 20 * GST_MSECOND;
  return frames;
}

// The same frame, `by` later.
inline job::Frame later(const job::Frame& frame, GstClockTime by) {
  auto copy = wrap::Ref<GstBuffer>::adopt(gst_buffer_copy(frame.buffer.get()));
  GST_BUFFER_PTS(copy.get()) += by;
  GST_BUFFER_DTS(copy.get()) = GST_CLOCK_TIME_NONE;
  GST_BUFFER_DURATION(copy.get()) = GST_CLOCK_TIME_NONE;  // as depayloaders leave it
  return {copy, frame.caps};
}

template <class Condition>
void iterate_until(Condition condition) {
  const guint tick = g_timeout_add(
      2, [](gpointer) -> gboolean { return G_SOURCE_CONTINUE; }, nullptr);
  while (!condition()) g_main_context_iteration(nullptr, TRUE);
  g_source_remove(tick);
}

class RecordWorld {
 public:
  // `own` are pipelines that go before ours.
  explicit RecordWorld(std::int64_t part_ms, const std::string& in = {},
                       const std::string& own = "/nonexistent")
      : pipelines_({own, PARLEY_PIPELINES}) {
    std::string pattern = in.empty() ? (fs::temp_directory_path() / "parley-rec-XXXXXX").string()
                                     : in + "/parley-rec-XXXXXX";
    ck_assert(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
    descriptor_ = job::Descriptor(open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    folder_ = std::make_unique<job::RecordFolder>(job::RecordFolder{
        pipelines_, disk_, descriptor_.get(), part_ms, [this](const job::Report& report) {
          if (const auto* part = std::get_if<job::Part>(&report)) parts_[part->file] = *part;
        }});
  }
  ~RecordWorld() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  RecordWorld(const RecordWorld&) = delete;
  RecordWorld& operator=(const RecordWorld&) = delete;

  [[nodiscard]] std::unique_ptr<job::PartSeries> series(const std::string& codec, bool video) {
    job::PartSeries::Options options;
    options.pipeline = video ? "part-video-webm" : "part-audio-webm";
    options.stem = "001-01-" + codec;
    options.ending = ".webm";
    options.owner = "alice";
    options.source = video ? base::Source::kCamera : base::Source::kMic;
    options.codec = codec;
    options.streams = {{"track", video, false}};
    options.request_key_frame = [this] { ++key_frames_asked_; };
    options.stall = std::chrono::milliseconds(300);
    options.on_failed = [this](const base::Error& error) { failures_.push_back(error.message); };
    return std::make_unique<job::PartSeries>(*folder_, std::move(options));
  }
  static void finish(job::PartSeries& series) {
    bool finished = false;
    series.finish([&finished] { finished = true; });
    iterate_until([&finished] { return finished; });
  }
  [[nodiscard]] job::Verified verified() const {
    auto all = job::verify(path_.string());
    ck_assert_msg(all.has_value(), "%s", all ? "" : all.error().message.c_str());
    return std::move(*all);
  }

  [[nodiscard]] const fs::path& path() const { return path_; }
  [[nodiscard]] const std::map<std::string, job::Part>& parts() const { return parts_; }
  [[nodiscard]] const std::vector<std::string>& failures() const { return failures_; }
  [[nodiscard]] int key_frames_asked() const { return key_frames_asked_; }

 private:
  const pipeline::Folders pipelines_;
  fs::path path_;
  job::Descriptor descriptor_;
  job::Disk disk_;
  std::unique_ptr<job::RecordFolder> folder_;
  std::map<std::string, job::Part> parts_;  // the last word of each
  std::vector<std::string> failures_;
  int key_frames_asked_ = 0;
};

}  // namespace parley::test
