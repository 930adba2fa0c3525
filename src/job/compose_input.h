// One decoded track: a pipeline of its own (pipelines/input-*), from parleysrc to raw frames.
//
// A pipeline each, so that a stream that nobody can decode, a decoder that hangs and a track that
// ends are their own affair: what is composed of the others never waits for them.
//
// Owned by the job's main thread.
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "job/clock_errors.h"
#include "job/gst_pipeline.h"
#include "pipeline/description.h"

namespace parley::job {

class ComposeInput {
 public:
  struct Options {
    std::string file;                               // "input-audio"
    std::map<std::string, std::string> parameters;  // those the file does not have are left out
    GstClockTime base_time = 0;
  };
  struct Callbacks {
    // A frame (transfer none), on a streaming thread; its PTS counts from the base time. None after
    // the destructor.
    std::function<void(GstSample*)> on_sample;
    // How loud it is, dBFS, on the main context; of files with an element `level`.
    std::function<void(double)> on_level{};
  };

  // kNotFound, kInvalid: the file, and what is wrong.
  [[nodiscard]] static base::Result<std::unique_ptr<ComposeInput>> start(
      const pipeline::Folders& folders, const Options& options, Callbacks callbacks);
  // Waits for nobody: the pipeline goes to NULL on its own thread (GstPipelineRun), and a decoder
  // that hangs there costs that thread and its memory until the job ends.
  ~ComposeInput();
  ComposeInput(const ComposeInput&) = delete;
  ComposeInput& operator=(const ComposeInput&) = delete;

  void set(std::string_view parameter, const std::string& value);
  // The track ended, or cannot be decoded; make it anew if it is still there.
  [[nodiscard]] bool over() const { return over_; }
  // When the last frame came, g_get_monotonic_time(); 0: none has.
  [[nodiscard]] std::int64_t last_sample_us() const;
  [[nodiscard]] ClockErrors clock_errors() const;

 private:
  struct Outlet;  // shared with the streaming thread

  ComposeInput(const Options& options, pipeline::Instance instance, Callbacks callbacks);
  [[nodiscard]] base::Result<void> assemble(const Options& options);
  void heard(GstMessage* message);

  pipeline::Instance instance_;
  Callbacks callbacks_;
  std::shared_ptr<Outlet> outlet_;
  bool over_ = false;
  GstPipelineRun run_;
};

}  // namespace parley::job
