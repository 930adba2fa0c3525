// The parts of one track, or of what is composed: one file after the other, and what is missing in
// them.
//
// A part is cut where a frame can stand alone: a key frame, which is asked for when the part is as
// long as it should be. Until one comes the part goes on. Frames keep their place on the time line
// of the recording in whichever file they are.
//
// Lives on the job's main context.
#pragma once

#include <gst/gst.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "job/part_writer.h"
#include "job/record_disk.h"
#include "job/spec.h"
#include "pipeline/description.h"
#include "wrap/gst.h"

namespace parley::job {

// What all series of a recording share. Outlives them.
struct RecordFolder {
  const pipeline::Folders& pipelines;
  Disk& disk;
  int folder = -1;  // its descriptor
  std::int64_t part_ms = 60'000;
  std::function<void(const Report&)> report;
};

// An encoded frame. PTS: time since the recording began.
struct Frame {
  wrap::Ref<GstBuffer> buffer;
  wrap::Ref<GstCaps> caps;
};

class PartSeries {
 public:
  // Notes about what is missing, of one part: our choice; the last is then the sum of the rest.
  static constexpr std::size_t kMostGaps = 200;

  struct Stream {
    std::string hook;
    bool video = false;
    bool discontinuous = false;  // a screen may say nothing for long without anything missing
  };
  struct Options {
    std::string pipeline;  // of a part
    std::string stem;      // of its files' names
    std::string ending;    // of them: ".webm"
    std::string owner;
    std::optional<base::Source> source;
    std::string codec;
    std::vector<Stream> streams;                       // video first
    std::function<std::optional<double>()> offset_ms;  // so far (ClockErrors)
    std::function<void()> request_key_frame;
    // No more parts can be written. Once.
    std::function<void(base::Error)> on_failed;
    // The disk takes nothing for so long, with all that may wait for it waiting: it has failed.
    std::chrono::milliseconds stall{10'000};
  };
  PartSeries(const RecordFolder& folder, Options options);
  ~PartSeries();
  PartSeries(const PartSeries&) = delete;
  PartSeries& operator=(const PartSeries&) = delete;

  void push(std::size_t stream, Frame frame);
  // Why the next hole is there: what was heard of before the frame behind it.
  void lost() { lost_ = true; }
  // A frame was left out on the way here; pictures are of use again from a key frame on.
  void turned_away(std::size_t stream);
  void muted(bool muted);
  // To be called every two seconds.
  void tick();
  // `finished` when all parts are closed. Nothing may be pushed any more.
  void finish(std::function<void()> finished);
  [[nodiscard]] std::uint64_t bytes() const;
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  struct OnePart {
    std::unique_ptr<PartWriter> writer;
    Part report;
    GstClockTime start = 0;
    GstClockTime end = 0;
    bool closing = false;
  };
  using Parts = std::list<OnePart>;
  struct Input {
    wrap::Ref<GstCaps> caps;
    OnePart* part = nullptr;               // where its frames go
    std::optional<GstClockTime> expected;  // of its next frame
    bool needs_key_frame = false;
    std::optional<GstClockTime> refused_at;  // since when the disk takes nothing; monotonic
    std::vector<Frame> early;                // until the first part can begin
  };

  void write(std::size_t stream, const Frame& frame);
  [[nodiscard]] bool ready_to_begin() const;
  void begin_first();
  [[nodiscard]] bool cut_before(std::size_t stream, const Frame& frame);
  void ask_for_key_frame(GstClockTime now);
  [[nodiscard]] OnePart* open_part(GstClockTime start);
  void move_inputs(std::size_t stream, OnePart* part, GstClockTime at);
  [[nodiscard]] bool stands_still();
  void close_left(const OnePart* than);
  void close(OnePart& part);
  void note_gap(Input& input, GstClockTime pts, const Stream& stream);
  void add_gap(Part::Gap gap);
  void say(OnePart& part);
  void fail(base::Error error);

  const RecordFolder& folder_;
  const Options options_;
  std::vector<Input> inputs_;
  Parts parts_;
  OnePart* newest_ = nullptr;
  std::optional<GstClockTime> cut_at_;  // where the newest part began, for streams still before it
  std::optional<GstClockTime> asked_at_;  // for a key frame
  bool lost_ = false;
  bool muted_ = false;
  bool was_muted_ = false;
  bool failed_ = false;
  int next_ = 1;
  std::uint64_t closed_bytes_ = 0;
  std::uint64_t dropped_ = 0;
  std::function<void()> finished_;
  std::shared_ptr<PartSeries*> self_;  // for answers that come late
};

}  // namespace parley::job
