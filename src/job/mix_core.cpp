#include "job/mix_core.h"

#include <gst/app/gstappsrc.h>
#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

namespace parley::job {
namespace {

constexpr GstClockTime kFrameTime = 20 * GST_MSECOND;
// From when a sound was captured to when it is mixed: its own frame, and 40 ms for the network.
// Tracks that need more wait on their own (MixTrack).
constexpr std::int64_t kDelayFrames = 3;
constexpr std::int64_t kFrame = static_cast<std::int64_t>(kMixFrame);
// A stop of the whole process is not made up for.
constexpr std::int64_t kMostBehind = 10;  // frames
// An encoder that has been idle this long takes up another's voice with new time stamps.
constexpr std::int64_t kRest = 5;  // frames

}  // namespace

base::Result<void> MixCore::start(const pipeline::Folders& folders, std::uint32_t kbps) {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    auto encoder = MixEncoder::start(
        folders, kbps, base_time_,
        [this, i](std::int64_t index, GstSample* sample) { deliver(i, index, sample); });
    if (!encoder) return tl::unexpected(encoder.error());
    slots_[i].encoder = std::move(*encoder);
  }
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "parley-mix");
    loop();
  });
  return {};
}

void MixCore::stop() {
  {
    const std::scoped_lock lock(stop_mutex_);
    stopping_ = true;
    stop_wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  for (Slot& slot : slots_) slot.encoder.reset();
}

bool MixCore::failed() const {
  return std::any_of(slots_.begin(), slots_.end(), [](const Slot& slot) {
    return slot.encoder != nullptr && slot.encoder->failed();
  });
}

MixMinus::Input MixCore::add(const std::string& owner) {
  const std::scoped_lock lock(mix_mutex_);
  return mix_.add(owner);
}

void MixCore::remove(MixMinus::Input input) {
  const std::scoped_lock lock(mix_mutex_);
  mix_.remove(input);
}

void MixCore::push(MixMinus::Input input, GstSample* sample) {
  const GstClockTime time = running_time_of(sample);
  if (!GST_CLOCK_TIME_IS_VALID(time)) return;
  const auto map = wrap::ReadMap::map(gst_sample_get_buffer(sample));
  if (!map) return;
  const auto position = static_cast<std::int64_t>(gst_util_uint64_scale_round(
      time, static_cast<guint64>(kMixRate), static_cast<guint64>(GST_SECOND)));
  const std::span samples(reinterpret_cast<const float*>(map->bytes().data()),
                          map->bytes().size() / sizeof(float));
  const std::scoped_lock lock(mix_mutex_);
  mix_.push(input, position, samples);
}

GstClockTime MixCore::delay_of(const std::string& owner) {
  const std::scoped_lock lock(mix_mutex_);
  return static_cast<GstClockTime>(mix_.delay_of(owner)) * GST_SECOND /
         static_cast<GstClockTime>(kMixRate);
}

void MixCore::add_port(const std::string& port, const std::string& owner, GstElement* source) {
  const std::scoped_lock lock(ports_mutex_);
  ports_[port] = {owner, wrap::Ref<GstElement>::retain(source)};
}

void MixCore::remove_port(const std::string& port) {
  const std::scoped_lock lock(ports_mutex_);
  ports_.erase(port);
}

void MixCore::loop() {
  using std::chrono::nanoseconds;
  // GStreamer's system clock and the steady one are both CLOCK_MONOTONIC.
  const auto due = [&](std::int64_t index) {
    return std::chrono::steady_clock::time_point(
        nanoseconds(static_cast<std::int64_t>(base_time_) +
                    (index + kDelayFrames) * static_cast<std::int64_t>(kFrameTime)));
  };
  const auto index_now = [&] {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return (std::chrono::duration_cast<nanoseconds>(now).count() -
            static_cast<std::int64_t>(base_time_)) /
               static_cast<std::int64_t>(kFrameTime) -
           kDelayFrames;
  };
  std::int64_t index = std::max<std::int64_t>(index_now(), 0);
  while (true) {
    {
      std::unique_lock lock(stop_mutex_);
      if (stop_wake_.wait_until(lock, due(index), [this] { return stopping_; })) return;
    }
    mix(index++);
    if (index_now() - index > kMostBehind) index = index_now();
  }
}

// The encoder of `owner`'s own: he keeps it from frame to frame. When none has rested, one that was
// another's in the frame before: its time stamps go on. What it has yet to say of that frame, 6.5
// ms, is then said to him.
std::size_t MixCore::slot_for(const std::string& owner, std::int64_t index) {
  std::size_t oldest = kNobody;
  for (std::size_t i = 1; i < slots_.size(); ++i) {
    if (slots_[i].owner == owner) return i;
    const std::int64_t idle = index - slots_[i].last_used;
    if (!slots_[i].owner.empty() || (idle <= kRest && idle != 1)) continue;
    if (oldest == kNobody || slots_[i].last_used < slots_[oldest].last_used) oldest = i;
  }
  return oldest;
}

void MixCore::mix(std::int64_t index) {
  const std::scoped_lock lock(mix_mutex_);
  const MixMinus::Frame& frame = mix_.mix(index * kFrame);
  Plan plan{.index = index, .encoder_of = {}};
  for (Slot& slot : slots_)
    if (std::none_of(frame.speakers.begin(), frame.speakers.end(),
                     [&](const auto& speaker) { return speaker.owner == slot.owner; }))
      slot.owner.clear();
  for (const auto& speaker : frame.speakers) {
    const std::size_t slot = slot_for(speaker.owner, index);
    plan.encoder_of[speaker.owner] = slot;  // nobody's: a frame is lost to him, not his own heard
    if (slot == kNobody) continue;
    slots_[slot].owner = speaker.owner;
    slots_[slot].last_used = index;
  }
  {
    const std::scoped_lock ports(ports_mutex_);
    plans_[static_cast<std::size_t>(index) % kPlans] = plan;
  }
  slots_[0].encoder->push(index, frame.everybody);
  for (const auto& speaker : frame.speakers) {
    const std::size_t slot = plan.encoder_of[speaker.owner];
    if (slot != kNobody) slots_[slot].encoder->push(index, speaker.samples);
  }
}

void MixCore::deliver(std::size_t encoder, std::int64_t index, GstSample* sample) {
  std::vector<wrap::Ref<GstElement>> sources;
  {
    const std::scoped_lock lock(ports_mutex_);
    const Plan& plan = plans_[static_cast<std::size_t>(index) % kPlans];
    if (plan.index != index) return;  // long ago
    for (const auto& [name, port] : ports_) {
      const auto own = plan.encoder_of.find(port.owner);
      if ((own == plan.encoder_of.end() ? 0 : own->second) == encoder)
        sources.push_back(port.source);
    }
  }
  if (sources.empty()) return;
  // As one stream, whichever encoder it comes from.
  const auto buffer = wrap::Ref<GstBuffer>::adopt(gst_buffer_copy(gst_sample_get_buffer(sample)));
  GST_BUFFER_PTS(buffer.get()) = static_cast<GstClockTime>(index) * kFrameTime;
  GST_BUFFER_DURATION(buffer.get()) = kFrameTime;
  GST_BUFFER_FLAG_UNSET(buffer.get(), GST_BUFFER_FLAG_DISCONT);
  const auto timed = wrap::Ref<GstSample>::adopt(
      gst_sample_new(buffer.get(), gst_sample_get_caps(sample), nullptr, nullptr));
  for (const auto& source : sources)
    gst_app_src_push_sample(GST_APP_SRC(source.get()), timed.get());
}

}  // namespace parley::job
