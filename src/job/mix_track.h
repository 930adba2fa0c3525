// One decoded track on its way into the mix: samples are put in by their time and taken out by
// time, a while later.
//
// How much later is the track's own affair. It begins with what a good network needs; what comes
// too late makes it longer, and when nothing has come near being late for some seconds it is made
// shorter again, where it is quiet.
//
// Pure and thread-compatible. Samples are mono, 48 kHz; times are counted in samples.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace parley::job {

inline constexpr std::int64_t kMixRate = 48'000;  // Hz, Opus's own (RFC 6716, 2)
inline constexpr std::size_t kMixFrame = 960;     // samples: 20 ms, Opus's usual frame

class MixTrack {
 public:
  static constexpr std::int64_t kMostDelay = kMixRate * 3 / 10;  // on top of the mixer's own
  struct Counts {
    std::uint64_t frames = 0;
    std::uint64_t late = 0;  // frames of which a part was no longer wanted
  };

  // What was captured at `position`. Holes are silence; a deviation of less than 10 ms from where
  // the last samples ended is the sender's clock and is worn off a sample at a time.
  void push(std::int64_t position, std::span<const float> samples);
  // The kMixFrame samples of `position`, less the delay; they are gone then. Positions follow each
  // other. Adds to `into`, which has kMixFrame samples; returns the sum of their squares.
  double take(std::int64_t position, std::span<float> into);

  [[nodiscard]] std::int64_t delay() const { return delay_; }  // samples
  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  static constexpr std::int64_t kRing = 65'536;  // samples, 1.4 s; a power of two

  void write(std::int64_t position, std::span<const float> samples);
  void adapt(double energy);

  std::vector<float> ring_ = std::vector<float>(kRing);  // silent where nothing was written
  bool begun_ = false;
  std::int64_t end_ = 0;   // behind the last sample written
  std::int64_t next_ = 0;  // first sample that has not been taken
  std::int64_t due_ = 0;   // position that take() is expected to be called with next
  std::int64_t delay_ = 0;
  std::int64_t least_margin_ = kRing;  // of pushes since the last look: samples before it is wanted
  std::size_t until_look_ = 0;         // frames
  Counts counts_;
};

}  // namespace parley::job
