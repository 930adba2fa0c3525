#include "job/out_feed.h"

#include <utility>

namespace parley::job {

OutFeed::OutFeed(wrap::Ref<GstElement> video, wrap::Ref<GstElement> audio, GstClockTime origin,
                 std::function<void()> want_key_frame)
    : origin_(origin),
      want_key_frame_(std::move(want_key_frame)),
      video_{std::move(video), {}},
      audio_{std::move(audio), {}} {}

bool OutFeed::is_full(const Branch& branch) {
  guint64 waiting = 0;
  g_object_get(branch.appsrc.get(), "current-level-time", &waiting, nullptr);
  return waiting > kMostWaiting;
}

bool OutFeed::admit(base::Kind kind, GstBuffer* buffer) {
  const GstClockTime pts = GST_BUFFER_PTS(buffer);
  if (!GST_CLOCK_TIME_IS_VALID(pts) || pts < origin_) return false;
  if (is_full(video_) || is_full(audio_)) {
    open_ = false;
    return false;
  }
  const bool key =
      kind == base::Kind::kVideo && !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  if (!open_ && key) {
    open_ = true;
    first_ = pts;
  }
  if (!open_ && kind == base::Kind::kVideo) want_key_frame_();
  // Sound from before the first picture would make a player wait.
  return open_ && pts >= first_;
}

void OutFeed::push(base::Kind kind, GstSample* sample) {
  GstBuffer* buffer = gst_sample_get_buffer(sample);
  if (buffer == nullptr) return;
  const std::scoped_lock lock(mutex_);
  if (ended_) return;
  if (!admit(kind, buffer)) {
    dropped_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  Branch& branch = kind == base::Kind::kVideo ? video_ : audio_;
  GstCaps* caps = gst_sample_get_caps(sample);
  if (caps != branch.caps.get()) {
    branch.caps = wrap::Ref<GstCaps>::retain(caps);
    g_object_set(branch.appsrc.get(), "caps", caps, nullptr);
  }
  const auto copy = wrap::Ref<GstBuffer>::adopt(gst_buffer_copy(buffer));
  GST_BUFFER_PTS(copy.get()) -= origin_;
  if (GST_BUFFER_DTS_IS_VALID(copy.get()))
    GST_BUFFER_DTS(copy.get()) -= std::min(origin_, GST_BUFFER_DTS(copy.get()));
  bytes_.fetch_add(gst_buffer_get_size(buffer), std::memory_order_relaxed);
  GstFlowReturn flow = GST_FLOW_OK;
  g_signal_emit_by_name(branch.appsrc.get(), "push-buffer", copy.get(), &flow);
}

void OutFeed::end() {
  const std::scoped_lock lock(mutex_);
  if (std::exchange(ended_, true)) return;
  for (const Branch* branch : {&video_, &audio_}) {
    GstFlowReturn flow = GST_FLOW_OK;
    g_signal_emit_by_name(branch->appsrc.get(), "end-of-stream", &flow);
  }
}

}  // namespace parley::job
