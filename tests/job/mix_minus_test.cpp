#include "job/mix_minus.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "job/layout_speaker.h"
#include "support/check_main.h"

namespace parley::job {
namespace {

using Samples = std::vector<float>;

// `frame` of a tone whose period divides a frame, so that frames fit together.
Samples tone(double hz, double amplitude, std::int64_t position) {
  Samples samples(kMixFrame);
  for (std::size_t i = 0; i < kMixFrame; ++i)
    samples[i] = static_cast<float>(
        amplitude * std::sin(2 * std::numbers::pi * hz *
                             static_cast<double>(position + static_cast<std::int64_t>(i)) /
                             static_cast<double>(kMixRate)));
  return samples;
}

// Amplitude of `hz` in them.
double amplitude(std::span<const float> samples, double hz) {
  double re = 0;
  double im = 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const double phase = 2 * std::numbers::pi * hz * static_cast<double>(i) / kMixRate;
    re += samples[i] * std::cos(phase);
    im += samples[i] * std::sin(phase);
  }
  return 2 * std::hypot(re, im) / static_cast<double>(samples.size());
}

// How far the samples are from silence. A check a sample would take minutes: Check notes each.
float loudest(std::span<const float> samples) {
  float most = 0;
  for (const float s : samples) most = std::max(most, std::abs(s));
  return most;
}

float steepest_step(std::span<const float> samples) {
  float most = 0;
  for (std::size_t i = 1; i < samples.size(); ++i)
    most = std::max(most, std::abs(samples[i] - samples[i - 1]));
  return most;
}

// Everybody sends a tone of his own; frame by frame.
struct Room {
  explicit Room(std::size_t loudest) : mix(loudest) {}
  void join(const std::string& owner, double hz, double loud) {
    voices.push_back({owner, mix.add(owner), hz, loud});
  }
  const MixMinus::Frame& next() {
    for (const Voice& v : voices) mix.push(v.input, position, tone(v.hz, v.loud, position));
    const auto& frame = mix.mix(position);
    position += kMixFrame;
    return frame;
  }
  const MixMinus::Frame& settle() {
    for (int i = 0; i < 60; ++i) next();
    return next();
  }
  std::span<const float> heard_by(const std::string& owner, const MixMinus::Frame& frame) {
    for (const auto& speaker : frame.speakers)
      if (speaker.owner == owner) return speaker.samples;
    return frame.everybody;
  }
  struct Voice {
    std::string owner;
    MixMinus::Input input;
    double hz;
    double loud;
  };
  MixMinus mix;
  std::vector<Voice> voices;
  std::int64_t position = 48'000;
};

START_TEST(everybody_hears_all_but_himself) {
  Room room(6);
  for (int i = 0; i < 5; ++i) room.join("u" + std::to_string(i), 300 + 100 * i, 0.1);
  room.mix.push(room.mix.add("quiet"), 48'000, Samples(kMixFrame));
  const auto& frame = room.settle();
  ck_assert_uint_eq(frame.speakers.size(), 5);
  for (const auto& listener : room.voices) {
    for (const auto& voice : room.voices) {
      const double loud = amplitude(room.heard_by(listener.owner, frame), voice.hz);
      if (voice.owner == listener.owner)
        ck_assert_msg(loud < 1e-5, "%s hears himself: %f", listener.owner.c_str(), loud);
      else
        ck_assert_msg(std::abs(loud - 0.1) < 1e-3, "%s: %f", listener.owner.c_str(), loud);
    }
  }
  for (const auto& voice : room.voices)
    ck_assert(std::abs(amplitude(room.heard_by("quiet", frame), voice.hz) - 0.1) < 1e-3);
}
END_TEST

START_TEST(nobody_hears_any_of_his_own_tracks) {
  Room room(6);
  room.join("a", 400, 0.2);
  room.join("a", 700, 0.2);  // sound of a shared screen
  room.join("b", 1000, 0.2);
  const auto& frame = room.settle();
  const auto heard = room.heard_by("a", frame);
  ck_assert(amplitude(heard, 400) < 1e-5 && amplitude(heard, 700) < 1e-5);
  ck_assert(amplitude(heard, 1000) > 0.19);
  ck_assert(amplitude(room.heard_by("b", frame), 700) > 0.19);
  // One of them ends: the other is still not his to hear.
  room.mix.remove(room.voices[1].input);
  room.voices.erase(room.voices.begin() + 1);
  ck_assert(amplitude(room.heard_by("a", room.settle()), 400) < 1e-5);
}
END_TEST

START_TEST(of_fifty_only_the_loudest_are_heard_and_stay_while_none_is_much_louder) {
  Room room(4);
  for (int i = 0; i < 50; ++i) room.join("u" + std::to_string(i), 300 + 50 * i, 0.01);
  for (int i : {7, 20, 33, 49}) room.voices[static_cast<std::size_t>(i)].loud = 0.1;
  const auto& frame = room.settle();
  ck_assert_uint_eq(frame.speakers.size(), 4);
  for (int i = 0; i < 50; ++i) {
    const bool loud = i == 7 || i == 20 || i == 33 || i == 49;
    const double heard = amplitude(frame.everybody, 300 + 50 * i);
    ck_assert_msg(loud ? heard > 0.09 : heard < 1e-4, "%d: %f", i, heard);
  }
  room.voices[3].loud = 0.15;  // 3.5 dB more: not enough
  ck_assert(amplitude(room.settle().everybody, 450) < 1e-4);
  room.voices[3].loud = 0.4;
  ck_assert(amplitude(room.settle().everybody, 450) > 0.3);
}
END_TEST

START_TEST(a_sum_that_is_too_loud_is_made_quieter_and_not_clipped) {
  Room room(6);
  for (int i = 0; i < 5; ++i) room.join("u" + std::to_string(i), 300 + 100 * i, 0.8);
  for (int i = 0; i < 100; ++i) {
    const auto& frame = room.next();
    ck_assert(loudest(frame.everybody) <= 1.0F);
    for (const auto& speaker : frame.speakers) ck_assert(loudest(speaker.samples) <= 1.0F);
  }
  const auto& frame = room.next();
  // All five in equal parts; what clipping would have made of them is not there.
  for (int i = 0; i < 5; ++i) ck_assert(amplitude(frame.everybody, 300 + 100 * i) > 0.15);
  for (const double hz : {850.0, 1050.0, 1500.0, 2100.0})
    ck_assert_msg(amplitude(frame.everybody, hz) < 0.005, "%f", amplitude(frame.everybody, hz));
  // ... and after it, a single voice is as loud as it is.
  while (room.voices.size() > 1) {
    room.mix.remove(room.voices.back().input);
    room.voices.pop_back();
  }
  room.settle();
  room.settle();
  ck_assert(std::abs(amplitude(room.settle().everybody, 300) - 0.8) < 0.01);
}
END_TEST

START_TEST(coming_and_going_makes_no_click) {
  Room room(6);
  room.join("a", 100, 0.5);
  room.join("b", 100, 0);
  room.settle();
  float last = room.next().everybody.back();
  float steepest = 0;
  const auto watch = [&] {
    for (const float s : room.next().everybody) {
      steepest = std::max(steepest, std::abs(s - last));
      last = s;
    }
  };
  room.voices[1].loud = 0.4;
  for (int i = 0; i < 20; ++i) watch();
  // 0.9 at 100 Hz rises by 0.012 a sample.
  ck_assert_msg(steepest < 0.014F, "%f", static_cast<double>(steepest));
}
END_TEST

START_TEST(late_sound_is_waited_for_and_the_wait_ends_again) {
  MixTrack track;
  std::int64_t position = 96'000;
  Samples out(kMixFrame);
  const auto frame = [&](std::int64_t late, double loud) {
    std::fill(out.begin(), out.end(), 0.0F);
    track.push(position - late, tone(500, loud, position - late));
    track.take(position, out);
    position += kMixFrame;
  };
  for (int i = 0; i < 10; ++i) frame(0, 0.5);
  ck_assert_int_eq(track.delay(), 0);
  ck_assert(amplitude(out, 500) > 0.49);
  for (int i = 0; i < 50; ++i) frame(2400, 0.5);  // 50 ms
  ck_assert_int_ge(track.delay(), 2400);
  ck_assert_int_lt(track.delay(), 2400 + 2 * 960);
  ck_assert(amplitude(out, 500) > 0.49);
  ck_assert_uint_le(track.counts().late, 3);
  for (int i = 0; i < 1000; ++i) frame(0, 0.5);  // not while there is sound
  ck_assert_int_ge(track.delay(), 2400);
  for (int i = 0; i < 1000; ++i) frame(0, 0);
  ck_assert_int_le(track.delay(), 1920);
  for (int i = 0; i < 10; ++i) frame(0, 0.5);
  ck_assert(amplitude(out, 500) > 0.49);
}
END_TEST

START_TEST(a_clock_that_runs_a_little_fast_or_slow_leaves_no_hole) {
  for (const std::int64_t drift : {-1, 1}) {  // a sample in four frames: 260 ppm
    MixTrack track;
    Samples out(kMixFrame);
    std::int64_t sent = 96'000 + 1440;
    double phase_sent = 0;
    for (std::int64_t i = 0; i < 2000; ++i) {
      Samples samples(kMixFrame);
      for (float& s : samples)
        s = 0.5F * static_cast<float>(std::sin(phase_sent += 2 * std::numbers::pi * 500 / 48'000));
      track.push(sent, samples);
      sent += static_cast<std::int64_t>(kMixFrame) + (i % 4 == 0 ? drift : 0);
      std::fill(out.begin(), out.end(), 0.0F);
      const double energy = track.take(96'000 + i * static_cast<std::int64_t>(kMixFrame), out);
      if (i < 3) continue;
      ck_assert_msg(std::abs(energy / kMixFrame - 0.125) < 0.001, "%f", energy / kMixFrame);
      ck_assert(steepest_step(out) < 0.07F);
    }
  }
}
END_TEST

START_TEST(the_speaker_changes_when_another_goes_on_speaking_not_when_one_coughs) {
  using std::chrono::milliseconds;
  ActiveSpeaker active;
  base::TimePoint now{};
  const auto talk = [&](double a, double b, int tenths) {
    for (int i = 0; i < tenths; ++i) {
      now += milliseconds(100);
      active.heard("a", a, now);
      active.heard("b", b, now);
      (void)active.speaker(now);
    }
    return active.speaker(now).value_or("-");
  };
  ck_assert(talk(-70, -60, 20) == "-");
  ck_assert(talk(-20, -60, 10) == "a");
  ck_assert(talk(-60, -10, 2) == "a");  // a cough
  ck_assert(talk(-20, -60, 10) == "a");
  ck_assert(talk(-22, -20, 30) == "a");  // both: no back and forth
  ck_assert(talk(-60, -20, 20) == "b");
  ck_assert(talk(-60, -60, 50) == "b");  // who spoke last
  active.remove("b");
  ck_assert(!active.speaker(now).has_value());
}
END_TEST

}  // namespace
}  // namespace parley::job

int main() {
  using namespace parley::job;
  return parley::test::run(
      "mix-minus",
      {everybody_hears_all_but_himself, nobody_hears_any_of_his_own_tracks,
       of_fifty_only_the_loudest_are_heard_and_stay_while_none_is_much_louder,
       a_sum_that_is_too_loud_is_made_quieter_and_not_clipped, coming_and_going_makes_no_click,
       late_sound_is_waited_for_and_the_wait_ends_again,
       a_clock_that_runs_a_little_fast_or_slow_leaves_no_hole,
       the_speaker_changes_when_another_goes_on_speaking_not_when_one_coughs});
}
