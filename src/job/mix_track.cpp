#include "job/mix_track.h"

#include <algorithm>
#include <cmath>

namespace parley::job {
namespace {

constexpr std::int64_t kTolerance = kMixRate / 100;    // 10 ms
constexpr std::int64_t kExact = kMixRate / 1000;       // 1 ms: what time stamps are good for
constexpr std::int64_t kReserve = kMixRate / 100;      // 10 ms beyond the latest that was seen
constexpr std::int64_t kStep = kMixRate / 200;         // 5 ms at a time, back
constexpr std::int64_t kComfort = 3 * kMixRate / 100;  // 30 ms of margin are more than is needed
constexpr std::size_t kLookEvery = 250;                // frames: 5 s
constexpr std::size_t kLookAgain = 5;                  // frames: 0.1 s
constexpr double kQuiet = 1e-6 * kMixFrame;            // -60 dBFS

}  // namespace

void MixTrack::push(std::int64_t position, std::span<const float> samples) {
  ++counts_.frames;
  const std::int64_t off = position - end_;
  if (begun_ && std::abs(off) < kTolerance && samples.size() > 1) {
    position = end_;
    if (off < -kExact) samples = samples.subspan(1);
    if (off > kExact) write(position++, samples.first(1));
  }
  begun_ = true;
  const std::int64_t margin = position - (due_ - delay_);
  if (margin < 0) {
    ++counts_.late;
    delay_ = std::min(delay_ - margin + kReserve, kMostDelay);
  }
  least_margin_ = std::min(least_margin_, margin);
  write(position, samples);
}

void MixTrack::write(std::int64_t position, std::span<const float> samples) {
  // A jump ahead that the ring cannot hold: the stream's time is another one now.
  if (position - next_ >= kRing - static_cast<std::int64_t>(samples.size())) return;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const std::int64_t at = position + static_cast<std::int64_t>(i);
    if (at >= next_) ring_[static_cast<std::size_t>(at & (kRing - 1))] = samples[i];
  }
  end_ = position + static_cast<std::int64_t>(samples.size());
}

double MixTrack::take(std::int64_t position, std::span<float> into) {
  due_ = position + static_cast<std::int64_t>(kMixFrame);
  const std::int64_t from = position - delay_;
  // After a pause of the mixer: what lies between is old, and its place in the ring is wanted.
  if (from - next_ >= kRing) std::fill(ring_.begin(), ring_.end(), 0.0F);
  for (; next_ < from && from - next_ < kRing; ++next_)
    ring_[static_cast<std::size_t>(next_ & (kRing - 1))] = 0;
  double energy = 0;
  for (std::size_t i = 0; i < kMixFrame; ++i) {
    const std::int64_t at = from + static_cast<std::int64_t>(i);
    if (at < next_) continue;  // has been heard, before the delay became longer
    float& sample = ring_[static_cast<std::size_t>(at & (kRing - 1))];
    into[i] += sample;
    energy += static_cast<double>(sample) * sample;
    sample = 0;
  }
  next_ = std::max(next_, from + static_cast<std::int64_t>(kMixFrame));
  adapt(energy);
  return energy;
}

void MixTrack::adapt(double energy) {
  if (delay_ == 0 || ++until_look_ < kLookEvery) return;
  if (least_margin_ > kComfort && energy < kQuiet) {
    delay_ = std::max<std::int64_t>(delay_ - kStep, 0);
    least_margin_ -= kStep;
    until_look_ = kLookEvery - kLookAgain;
    return;
  }
  if (least_margin_ > kComfort) return;  // at the next quiet moment
  least_margin_ = kRing;
  until_look_ = 0;
}

}  // namespace parley::job
