// Records one track as it was sent: taps it, takes the codec's frames out of RTP, and hands them to
// a series of parts.
//
// Which codec it is shows when the tap opens: a look at the tap's caps decides which of
// pipelines/track-* is run. Whatever breaks there (the sender changes its codec, the worker closes
// the tap) ends the part; it is looked again, and what comes then is the next one.
//
// Lives on the job's main context.
#pragma once

#include <gst/gst.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <variant>

#include "base/source.h"
#include "job/clock_errors.h"
#include "job/record_series.h"
#include "job/work.h"
#include "wrap/alarm.h"
#include "wrap/mailbox.h"

namespace parley::job {

class RecordTrack {
 public:
  struct Options {
    std::string call;
    std::string owner;
    base::Source source = base::Source::kMic;
    int number = 0;              // of the tracks of this recording; in its files' names
    GstClockTime base_time = 0;  // when the recording began
    // It cannot be recorded any more, and why. Once.
    std::function<void(base::Error)> on_failed;
  };
  RecordTrack(const RecordFolder& folder, Options options);
  ~RecordTrack();
  RecordTrack(const RecordTrack&) = delete;
  RecordTrack& operator=(const RecordTrack&) = delete;

  void start();
  // To be called every two seconds.
  void tick();
  // No more is recorded; `finished` when all of it is on disk.
  void finish(std::function<void()> finished);
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] std::uint64_t bytes() const;
  [[nodiscard]] std::uint64_t dropped() const;
  [[nodiscard]] const ClockErrors& clock_errors() const { return clock_errors_; }

 private:
  struct Codec {
    std::string name;  // "vp8"; empty: one that is not known
  };
  struct Lost {};
  struct TurnedAway {};  // a frame, for too many wait
  struct Muted {
    bool muted = false;
  };
  struct Ended {
    std::string why;
  };
  // From GStreamer's threads, about the pipeline of this number.
  struct News {
    int pipeline = 0;
    std::variant<Codec, Frame, Lost, TurnedAway, Muted, Ended> what;
  };
  using Box = wrap::ContextMailbox<News>::Box;
  struct Tap;

  void look();
  [[nodiscard]] base::Result<void> build(const std::string& codec);
  [[nodiscard]] bool run(GstElement* content, GstElement* source);
  void take(News& news);
  void take(const Codec& codec);
  void take(Frame& frame);
  void take(const Lost& lost);
  void take(const TurnedAway& turned_away);
  void take(const Muted& muted);
  void take(const Ended& ended);
  void request_key_frame();
  void drop_pipeline();
  void end_series();
  void fail(base::Error error);

  const RecordFolder& folder_;
  const Options options_;
  // Bytes of frames that are in the mailbox.
  const std::shared_ptr<std::atomic<std::uint64_t>> waiting_ =
      std::make_shared<std::atomic<std::uint64_t>>(0);
  wrap::ContextMailbox<News> news_;
  wrap::Alarm again_;
  wrap::Ref<GstElement> pipeline_;
  wrap::Ref<GstElement> source_;  // the tap
  int number_ = 0;                // of the pipeline
  int runs_ = 0;                  // that had their own files
  bool muted_ = false;
  bool over_ = false;
  bool failed_ = false;
  std::unique_ptr<PartSeries> series_;
  std::list<std::unique_ptr<PartSeries>> ending_;  // whose files are being closed
  ClockErrors clock_errors_;                       // as of the last tick, or of the pipeline's end
  std::uint64_t ended_bytes_ = 0;
  std::uint64_t ended_dropped_ = 0;
  std::function<void()> finished_;
};

}  // namespace parley::job
