// One picture and one sound of a whole call, encoded: what composite recordings and bridges out are
// fed with.
//
// One live pipeline: each track is decoded by an input bin of its own (pipelines/input-*), which
// comes and goes at run time, into a compositor and an audiomixer (pipelines/compose-*). Output
// never waits for an input: a frame each 1/fps s and sound without a hole, black and silent when
// there is nothing, so that time lines do not break. What is encoded goes to `on_encoded`; what
// becomes of it there cannot hold anything up here, if it returns soon.
//
// Lives on the job's main context: made, called and destroyed there. Callbacks say where they run.
#pragma once

#include <gst/gst.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/source.h"
#include "job/clock_errors.h"
#include "job/compose_sample.h"
#include "job/spec.h"
#include "job/work.h"
#include "wrap/gst.h"
#include "wrap/ref.h"

namespace parley::job {

// Name of the pipeline: compose-vp8-opus, compose-h264-aac.
enum class Codecs {
  kVp8Opus,  // video/x-vp8, audio/x-opus
  kH264Aac,  // video/x-h264 stream-format=avc alignment=au, audio/mpeg mpegversion=4 raw
};

class Composer {
 public:
  struct Options {
    Layout layout = Layout::kGrid;  // kTracks: as kGrid
    Codecs codecs = Codecs::kVp8Opus;
    Picture picture{};
    std::optional<std::string> only{};  // one participant's tracks in place of everybody's
    // The moment which time stamps count from, CLOCK_MONOTONIC in ns. Pipelines that are to share
    // the time line get the same as base time (and start time GST_CLOCK_TIME_NONE). Default: that
    // of start().
    std::optional<GstClockTime> base_time{};
    // Without a picture, or without sound, for so long it has failed: there always are both.
    std::chrono::milliseconds stall{15'000};
  };
  struct Callbacks {
    // An access unit, on a streaming thread, in order of each kind. Its buffer's PTS (and DTS,
    // where it has one) count from the base time. Its caps are complete (codec_data, streamheader,
    // framerate) and stay as they are. GST_BUFFER_FLAG_DELTA_UNIT: no key frame. Return soon.
    std::function<void(base::Kind, wrap::Ref<GstSample>)> on_encoded;
    // The composing itself failed, for good, on the main context; on_encoded is silent then.
    // Trouble with one track is not told: it is left out.
    std::function<void(base::Error)> on_failed;
  };

  // `context` outlives it.
  Composer(const Context& context, Options options, Callbacks callbacks);
  // As stop().
  ~Composer();
  Composer(const Composer&) = delete;
  Composer& operator=(const Composer&) = delete;

  // kNotFound, kInvalid: a pipeline or a layout, with its file; kUnavailable: it does not start.
  [[nodiscard]] base::Result<void> start();
  // As Work is told them; before start() too. Tracks that do not belong (another than `only`) are
  // ignored, so everything may be handed on.
  void track_added(const std::string& owner, base::Source source);
  void track_removed(const std::string& owner, base::Source source);
  // Any thread: the next frame, or one soon after, is a key frame.
  void request_key_frame();
  // How far what is composed is from what its senders reported, since start().
  [[nodiscard]] ClockErrors clock_errors() const;
  // Nothing comes from on_encoded when it has returned. May wait for a call of on_encoded that
  // runs.
  void stop();

  [[nodiscard]] GstClockTime base_time() const;  // after start()
  // Caps of what comes; nullptr before the first. Any thread.
  [[nodiscard]] wrap::Ref<GstCaps> caps(base::Kind kind) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace parley::job
