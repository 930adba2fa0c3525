// Hands what a composer encodes to the appsrcs of an output pipeline, and never waits: while the
// output takes less than it is given, whole groups of pictures are left out, up to a key frame.
//
// Thread-safe: samples come on the composer's threads, the rest on the main one. Made anew for each
// output pipeline.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>

#include "base/source.h"
#include "wrap/gst.h"

namespace parley::job {

class OutFeed {
 public:
  // Our choice: what may wait for an output; a live stream that is later has lost its viewers.
  static constexpr GstClockTime kMostWaiting = 3 * GST_SECOND;

  // `video` and `audio`: appsrcs. Time stamps in the output count from `origin` of the composer's.
  // `want_key_frame`: any thread.
  OutFeed(wrap::Ref<GstElement> video, wrap::Ref<GstElement> audio, GstClockTime origin,
          std::function<void()> want_key_frame);

  void push(base::Kind kind, GstSample* sample);
  void end();  // EOS to both; nothing follows

  [[nodiscard]] std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  struct Branch {
    wrap::Ref<GstElement> appsrc;
    wrap::Ref<GstCaps> caps;
  };
  [[nodiscard]] bool admit(base::Kind kind, GstBuffer* buffer);
  [[nodiscard]] static bool is_full(const Branch& branch);

  const GstClockTime origin_;
  const std::function<void()> want_key_frame_;
  std::atomic<std::uint64_t> dropped_{0};
  std::atomic<std::uint64_t> bytes_{0};
  std::mutex mutex_;
  // Guarded by mutex_.
  Branch video_;
  Branch audio_;
  bool open_ = false;                         // a key frame has come since the last hole
  GstClockTime first_ = GST_CLOCK_TIME_NONE;  // of what goes out: that key frame's
  bool ended_ = false;
};

}  // namespace parley::job
