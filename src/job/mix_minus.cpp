#include "job/mix_minus.h"

#include <algorithm>
#include <cmath>

namespace parley::job {
namespace {

constexpr float kCeiling = 0.98F;
constexpr std::size_t kAttack = 96;  // samples, 2 ms: how fast a limiter closes
constexpr float kRelease = 0.05F;    // of the way back to 1, each frame of 20 ms
// Below it there is nobody: mean square of -60 dBFS.
constexpr double kSilence = 1e-6;
// Loudness rises at once and falls to a tenth in 0.7 s, so that pauses between words end nothing.
constexpr double kFall = 0.936;
// Who is in the sum stays there unless another is louder by 6 dB.
constexpr double kAdvantage = 4;

}  // namespace

void Limiter::apply(std::span<float> samples) {
  float peak = 0;
  for (const float sample : samples) peak = std::max(peak, std::abs(sample));
  const float wanted = peak > kCeiling ? kCeiling / peak : 1.0F;
  const float goal = wanted < gain_ ? wanted : gain_ + (wanted - gain_) * kRelease;
  if (gain_ > 0.9999F && goal > 0.9999F) {
    gain_ = 1;
    return;
  }
  const std::size_t ramp = goal < gain_ ? std::min(kAttack, samples.size()) : samples.size();
  const float step = (goal - gain_) / static_cast<float>(ramp);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const float gain = i < ramp ? gain_ + step * static_cast<float>(i + 1) : goal;
    samples[i] = std::clamp(samples[i] * gain, -1.0F, 1.0F);
  }
  gain_ = goal;
}

MixMinus::Input MixMinus::add(const std::string& owner) {
  const Input input = ++last_;
  Owner& his = owners_[owner];
  his.tracks.try_emplace(input);
  by_input_[input] = &his;
  return input;
}

void MixMinus::remove(Input input) {
  const auto found = by_input_.find(input);
  if (found == by_input_.end()) return;
  Owner* const owner = found->second;
  owner->tracks.erase(input);
  by_input_.erase(found);
  if (!owner->tracks.empty()) return;
  std::erase_if(owners_, [&](const auto& entry) { return &entry.second == owner; });
}

void MixMinus::push(Input input, std::int64_t position, std::span<const float> samples) {
  const auto found = by_input_.find(input);
  if (found != by_input_.end()) found->second->tracks.at(input).push(position, samples);
}

void MixMinus::read(std::int64_t position) {
  for (auto& [name, owner] : owners_) {
    std::fill(owner.own.begin(), owner.own.end(), 0.0F);
    double squares = 0;
    for (auto& [input, track] : owner.tracks) squares += track.take(position, owner.own);
    owner.energy = squares / kMixFrame;
    owner.loudness = std::max(owner.energy, owner.loudness * kFall);
  }
}

void MixMinus::choose() {
  const auto weight = [](const Owner& o) { return o.loudness * (o.chosen ? kAdvantage : 1); };
  std::vector<Owner*> heard;
  for (auto& [name, owner] : owners_)
    if (owner.loudness > kSilence)
      heard.push_back(&owner);
    else
      owner.chosen = false;
  if (heard.size() > loudest_) {
    std::stable_sort(heard.begin(), heard.end(),
                     [&](const Owner* a, const Owner* b) { return weight(*a) > weight(*b); });
    for (std::size_t i = loudest_; i < heard.size(); ++i) heard[i]->chosen = false;
    heard.resize(loudest_);
  }
  for (Owner* owner : heard) owner->chosen = true;
}

// Comes in and goes out within a frame, so that it makes no click.
void MixMinus::fade(Owner& owner) {
  const float goal = owner.chosen ? 1.0F : 0.0F;
  const float step = (goal - owner.gain) / static_cast<float>(kMixFrame);
  for (std::size_t i = 0; i < kMixFrame; ++i) {
    if (step != 0) owner.own[i] *= owner.gain + step * static_cast<float>(i + 1);
    sum_[i] += owner.own[i];
  }
  owner.gain = goal;
}

const MixMinus::Frame& MixMinus::mix(std::int64_t position) {
  read(position);
  choose();
  std::fill(sum_.begin(), sum_.end(), 0.0F);
  std::vector<std::pair<const std::string*, Owner*>> in_sum;
  for (auto& [name, owner] : owners_) {
    if (!owner.chosen && owner.gain == 0) continue;
    fade(owner);
    in_sum.emplace_back(&name, &owner);
  }
  frame_.speakers.clear();
  for (const auto& [name, owner] : in_sum) {
    for (std::size_t i = 0; i < kMixFrame; ++i) owner->heard[i] = sum_[i] - owner->own[i];
    owner->limiter.apply(owner->heard);
    frame_.speakers.push_back({*name, owner->heard});
  }
  everybody_ = sum_;
  limiter_.apply(everybody_);
  frame_.everybody = everybody_;
  return frame_;
}

double MixMinus::level(const std::string& owner) const {
  const auto found = owners_.find(owner);
  if (found == owners_.end() || found->second.energy < 1e-10) return -100;
  return 10 * std::log10(found->second.energy);
}

const MixTrack* MixMinus::track(Input input) const {
  const auto found = by_input_.find(input);
  return found == by_input_.end() ? nullptr : &found->second->tracks.at(input);
}

std::int64_t MixMinus::delay_of(const std::string& owner) const {
  std::int64_t delay = 0;
  if (const auto found = owners_.find(owner); found != owners_.end())
    for (const auto& [input, track] : found->second.tracks) delay = std::max(delay, track.delay());
  return delay;
}

}  // namespace parley::job
