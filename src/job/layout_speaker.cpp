#include "job/layout_speaker.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace parley::job {
namespace {

// Noise of a quiet room is below, speech into a headset at a good level 30 dB above.
constexpr double kFloor = -50;   // dBFS
constexpr double kRange = 30;    // dB
constexpr double kMemory = 0.6;  // seconds: a cough is over before it counts
constexpr double kSpeaks = 0.3;
constexpr double kAheadFactor = 1.3, kAhead = 0.1;

double decayed(double activity, base::TimePoint last, base::TimePoint now) {
  return activity *
         std::exp(-std::max(0.0, std::chrono::duration<double>(now - last).count()) / kMemory);
}

}  // namespace

void ActiveSpeaker::heard(const std::string& owner, double level, base::TimePoint now) {
  const auto [entry, added] = voices_.try_emplace(owner);
  Voice& voice = entry->second;
  if (added) voice.last = now;
  const double loud = std::clamp((level - kFloor) / kRange, 0.0, 1.0);
  const double kept =
      std::exp(-std::max(0.0, std::chrono::duration<double>(now - voice.last).count()) / kMemory);
  voice.activity = voice.activity * kept + loud * (1 - kept);
  voice.last = now;
}

void ActiveSpeaker::remove(const std::string& owner) {
  voices_.erase(owner);
  if (speaker_ == owner) speaker_.reset();
}

std::optional<std::string> ActiveSpeaker::speaker(base::TimePoint now) {
  const auto activity = [&](const Voice& v) { return decayed(v.activity, v.last, now); };
  const auto loudest = std::max_element(
      voices_.begin(), voices_.end(),
      [&](const auto& a, const auto& b) { return activity(a.second) < activity(b.second); });
  if (loudest == voices_.end() || loudest->first == speaker_) return speaker_;
  const double his = activity(loudest->second);
  if (his < kSpeaks) return speaker_;
  if (speaker_) {
    const auto present = voices_.find(*speaker_);
    const double theirs = present == voices_.end() ? 0 : activity(present->second);
    if (now - since_ < kLeastStay || his < theirs * kAheadFactor + kAhead) return speaker_;
  }
  speaker_ = loudest->first;
  since_ = now;
  return speaker_;
}

}  // namespace parley::job
