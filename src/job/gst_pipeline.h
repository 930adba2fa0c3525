// One GstPipeline of a job. Its changes of state run on a thread of its own, for they may wait for
// others (a connection, a streaming thread) and some never return; its bus is heard on the job's
// main context.
//
// Owned by the main thread; callbacks come there, never from within a call, and none after it is
// gone. Elements may be added and removed while it runs, as GStreamer allows.
#pragma once

#include <gst/gst.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "pipeline/description.h"
#include "wrap/gst.h"

namespace parley::job {

struct PipelineEvents {
  // The first error of an element, or that it could not start. Stop it then.
  std::function<void(const std::string& why)> failed;
  std::function<void()> ended;                       // EOS has come through all its sinks
  std::function<void(GstMessage* message)> other{};  // of elements and of the application
};

// CLOCK_MONOTONIC in ns, the clock that every pipeline of a job runs by.
[[nodiscard]] GstClockTime monotonic_now();

class GstPipelineRun {
 public:
  GstPipelineRun(const std::string& name, PipelineEvents events);
  // Goes to NULL in its own time, unseen.
  ~GstPipelineRun();
  GstPipelineRun(const GstPipelineRun&) = delete;
  GstPipelineRun& operator=(const GstPipelineRun&) = delete;

  [[nodiscard]] GstElement* pipeline() const { return pipeline_.get(); }  // (transfer none)
  [[nodiscard]] GstBin* bin() const { return GST_BIN(pipeline_.get()); }
  // The instance's bin becomes part of it; when it plays already, the bin's state follows.
  void add(const pipeline::Instance& instance);

  // To PLAYING. Running time is monotonic_now() less `base_time`, so that all pipelines with the
  // same one have one time line.
  void start(GstClockTime base_time);
  // EOS to everything that makes data, so that files are finished; `ended` follows.
  void send_end();
  // To NULL; `stopped` follows: false when it has not got there within `limit`, and may never.
  void stop(std::chrono::milliseconds limit, std::function<void(bool clean)> stopped);

  // Stops it, and deletes it when it has stopped or `limit` is over; then `stopped`. For whoever
  // may be called by it at this moment.
  static void dispose(std::unique_ptr<GstPipelineRun> run, std::chrono::milliseconds limit,
                      std::function<void()> stopped);

  // Pipelines of this process that are not in NULL yet, on whatever thread.
  [[nodiscard]] static int alive();

 private:
  class StateThread;
  struct Said {  // by the state thread
    bool stopped = false;
    std::string failed;
  };
  struct Link;  // what the state thread knows of this
  static gboolean on_bus(GstBus* bus, GstMessage* message, gpointer self) noexcept;
  void heard(GstMessage* message);
  void said(const Said& what);
  void fail(const std::string& why);
  void finish_stop(bool clean);

  PipelineEvents events_;
  wrap::Ref<GstElement> pipeline_;
  std::shared_ptr<Link> link_;
  std::shared_ptr<StateThread> states_;
  guint bus_watch_ = 0;
  guint stop_timer_ = 0;
  bool failed_ = false;
  std::function<void(bool)> stopped_;
};

}  // namespace parley::job
