// The sum of all who speak, and for each of them the sum without himself.
//
// N mixers of N-1 inputs each would be N² additions and N encoders. Here everything is summed once,
// in 32-bit float, and each one's own signal is taken away again from what he hears; whoever is not
// in the sum hears the sum itself, so that one encoded stream serves all listeners. Of many who
// make a sound at once only the loudest are in the sum: more than a few cannot be understood
// anyway, and background noise of 50 rooms adds up to 17 dB.
//
// Pure and thread-compatible. Samples are mono, 48 kHz.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "job/mix_track.h"

namespace parley::job {

// Keeps a signal within -1..1: makes it quieter before it would clip, and slowly louder again.
class Limiter {
 public:
  void apply(std::span<float> samples);
  [[nodiscard]] float gain() const { return gain_; }

 private:
  float gain_ = 1;
};

class MixMinus {
 public:
  using Input = std::uint64_t;
  // What one who is in the sum hears: the others.
  struct Heard {
    std::string owner;
    std::span<const float> samples;
  };
  struct Frame {
    std::span<const float> everybody;  // for all who are not in `speakers`
    std::vector<Heard> speakers;       // at most `loudest` and one who is fading out each
  };

  explicit MixMinus(std::size_t loudest) : loudest_(loudest) {}

  // A track of `owner`'s, who may have several; he hears none of them.
  [[nodiscard]] Input add(const std::string& owner);
  void remove(Input input);
  void push(Input input, std::int64_t position, std::span<const float> samples);
  // The frame of `position`. Spans are good until the next call. Positions follow each other.
  [[nodiscard]] const Frame& mix(std::int64_t position);

  // RMS of the last frame, dBFS; -100 is silence.
  [[nodiscard]] double level(const std::string& owner) const;
  [[nodiscard]] const MixTrack* track(Input input) const;
  // How much later than others' he is heard: the largest delay of his tracks, in samples.
  [[nodiscard]] std::int64_t delay_of(const std::string& owner) const;

 private:
  struct Owner {
    std::map<Input, MixTrack> tracks;
    std::vector<float> own = std::vector<float>(kMixFrame);    // of this frame
    std::vector<float> heard = std::vector<float>(kMixFrame);  // by him
    double loudness = 0;                                       // mean square, slowly falling
    double energy = 0;                                         // mean square of this frame
    bool chosen = false;
    float gain = 0;  // how much of him is in the sum, at the end of the last frame
    Limiter limiter;
  };

  void read(std::int64_t position);
  void choose();
  void fade(Owner& owner);

  std::size_t loudest_;
  Input last_ = 0;
  std::map<std::string, Owner> owners_;
  std::map<Input, Owner*> by_input_;
  std::vector<float> sum_ = std::vector<float>(kMixFrame);
  std::vector<float> everybody_ = std::vector<float>(kMixFrame);
  Limiter limiter_;
  Frame frame_;
};

}  // namespace parley::job
