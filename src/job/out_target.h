// One place a call is sent to: an output pipeline (pipelines/output-*), made again with a growing
// wait whenever it fails or stands still. Nothing here can hold up who composes.
//
// Owned by the main thread; push() may be called on any.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "base/result.h"
#include "base/source.h"
#include "job/gst_pipeline.h"
#include "job/out_feed.h"
#include "job/retry.h"
#include "job/spec.h"
#include "pipeline/description.h"

namespace parley::job {

class OutTarget {
 public:
  struct Times {
    // Without a word of the other side: until it is live, and while it is.
    std::chrono::milliseconds connect{15'000};
    std::chrono::milliseconds stall{10'000};
    std::chrono::milliseconds held{10'000};  // live for so long: the next wait is short again
    std::chrono::milliseconds last_words{3'000};
  };
  struct Callbacks {
    std::function<void(const StateReport&)> state;
    std::function<void()> want_key_frame;  // any thread
  };

  OutTarget(const pipeline::Folders& pipelines, const Out& out, Callbacks callbacks);
  OutTarget(const pipeline::Folders& pipelines, const Out& out, Callbacks callbacks, Times times);
  ~OutTarget();
  OutTarget(const OutTarget&) = delete;
  OutTarget& operator=(const OutTarget&) = delete;

  // Time stamps of samples count from `base_time` (CLOCK_MONOTONIC, ns). kNotFound, kInvalid: the
  // pipeline, with its file. A target that does not answer is no error: it is tried again.
  [[nodiscard]] base::Result<void> start(GstClockTime base_time);
  void push(base::Kind kind, GstSample* sample);
  // What was sent is brought to its end in order, if that goes soon; then `stopped`.
  void stop(std::function<void()> stopped);

  [[nodiscard]] std::uint64_t bytes() const;
  [[nodiscard]] std::uint64_t dropped() const;

 private:
  struct Meter;  // what passes into the sink
  [[nodiscard]] base::Result<void> open();
  [[nodiscard]] base::Result<void> aim(const pipeline::Instance& instance) const;
  void watch(const pipeline::Instance& instance);
  void close();  // the pipeline, which there is
  void failed(const std::string& why);
  void try_later(const std::string& why);
  void look();  // is it live, does it stand still?
  void count_closed();
  [[nodiscard]] std::string playlist() const { return out_.folder + "/index.m3u8"; }
  [[nodiscard]] bool can_be_fetched() const;
  void report(State state, std::string message);
  static gboolean on_timer(gpointer self) noexcept;
  static gboolean on_retry(gpointer self) noexcept;

  const pipeline::Folders& pipelines_;
  const Out out_;
  const Callbacks callbacks_;
  const Times times_;
  GstClockTime base_time_ = 0;
  Retry retry_;
  unsigned attempt_ = 0;
  std::unique_ptr<GstPipelineRun> run_;
  std::shared_ptr<Meter> meter_;
  wrap::Ref<GstElement> sink_;
  std::uint64_t passed_before_ = 0;
  GstClockTime begun_at_ = 0;  // the base time of `run_`
  GstClockTime moved_at_ = 0;  // when something last passed, or it was opened
  GstClockTime live_at_ = GST_CLOCK_TIME_NONE;
  guint timer_ = 0;
  guint retry_timer_ = 0;
  std::function<void()> stopped_;
  bool stopping_ = false;
  std::uint64_t bytes_closed_ = 0;
  std::uint64_t dropped_closed_ = 0;
  mutable std::mutex mutex_;
  std::shared_ptr<OutFeed> feed_;  // guarded by mutex_
};

}  // namespace parley::job
