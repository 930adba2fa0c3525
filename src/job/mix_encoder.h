// Encodes one of the sounds of a mixed call (pipelines/mix-encode): raw frames in, Opus out.
//
// Owned by the job's main thread; push() on one thread at a time.
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "base/result.h"
#include "job/compose_sample.h"
#include "job/gst_pipeline.h"
#include "pipeline/description.h"

namespace parley::job {

class MixEncoder {
 public:
  // The frame with that number, encoded; on a streaming thread, none after the destructor.
  using OnPacket = std::function<void(std::int64_t index, GstSample* sample)>;

  // kNotFound, kInvalid: the file, and what is wrong.
  [[nodiscard]] static base::Result<std::unique_ptr<MixEncoder>> start(
      const pipeline::Folders& folders, std::uint32_t kbps, GstClockTime base_time,
      OnPacket on_packet);
  ~MixEncoder();
  MixEncoder(const MixEncoder&) = delete;
  MixEncoder& operator=(const MixEncoder&) = delete;

  // Frames are 20 ms long, and frame `index` begins index * 20 ms after the base time.
  void push(std::int64_t index, std::span<const float> samples);
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  struct Outlet;
  MixEncoder(pipeline::Instance instance, OnPacket on_packet);

  pipeline::Instance instance_;
  std::shared_ptr<Outlet> outlet_;
  wrap::Ref<GstElement> in_;
  std::int64_t last_ = -1;
  bool failed_ = false;
  GstPipelineRun run_;
};

}  // namespace parley::job
