// One source of a call's: a pipeline (pipelines/source-*) that fetches, decodes, encodes anew and
// feeds a port, made again with a growing wait whenever it fails, ends or stands still. A file that
// has ended has ended.
//
// Owned by the main thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "job/gst_pipeline.h"
#include "job/in_clock.h"
#include "job/retry.h"
#include "job/spec.h"
#include "pipeline/description.h"

namespace parley::job {

class InSource {
 public:
  struct Times {
    std::chrono::milliseconds connect{15'000};  // until something comes
    std::chrono::milliseconds stall{5'000};     // nothing comes any more
    std::chrono::milliseconds held{10'000};     // live for so long: the next wait is short again
    std::chrono::milliseconds last_words{3'000};
  };
  struct Callbacks {
    std::function<void(const StateReport&)> state;
    std::function<void()> ended;  // a file has been played
  };

  // `file`: open, of kind file; it outlives this. -1: another kind.
  InSource(const pipeline::Folders& pipelines, std::string call, const In& in, int file,
           Callbacks callbacks);
  InSource(const pipeline::Folders& pipelines, std::string call, const In& in, int file,
           Callbacks callbacks, Times times);
  ~InSource();
  InSource(const InSource&) = delete;
  InSource& operator=(const InSource&) = delete;

  // kNotFound, kInvalid: the pipeline, with its file.
  [[nodiscard]] base::Result<void> start();
  void stop(std::function<void()> stopped);

 private:
  struct Meter;  // what comes, on streaming threads
  struct Branch;
  [[nodiscard]] base::Result<void> open();
  [[nodiscard]] base::Result<void> aim(const pipeline::Instance& instance) const;
  void watch(const pipeline::Instance& instance, const char* in, const char* out);
  void close(std::function<void()> closed);
  void failed(const std::string& why);
  void try_later(const std::string& why);
  void look();
  static gboolean on_timer(gpointer self) noexcept;
  static gboolean on_retry(gpointer self) noexcept;

  const pipeline::Folders& pipelines_;
  const std::string call_;
  const In in_;
  const int file_;
  const Callbacks callbacks_;
  const Times times_;
  Retry retry_;
  std::unique_ptr<GstPipelineRun> run_;
  std::shared_ptr<Meter> meter_;
  std::uint64_t came_before_ = 0;
  GstClockTime moved_at_ = 0;
  GstClockTime live_at_ = GST_CLOCK_TIME_NONE;
  guint timer_ = 0;
  guint retry_timer_ = 0;
  bool stopping_ = false;
};

}  // namespace parley::job
