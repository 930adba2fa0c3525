// Order and time of a tapped track: tap::Reorder and tap::Timeline.
#include <rapidcheck.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <set>
#include <vector>

#include "tap/reorder.h"
#include "tap/timeline.h"

#include "support/check_main.h"

namespace {

using parley::base::Duration;
using parley::base::TimePoint;
using parley::tap::Clock;
using parley::tap::Reorder;
using parley::tap::Timeline;

constexpr Duration kLatency{200'000};
constexpr std::uint32_t kSsrc = 7;

TimePoint at_ms(std::int64_t ms) { return TimePoint(Duration(ms * 1000)); }

Reorder::Arrived packet(std::uint16_t sequence, std::int64_t ms, std::uint32_t ssrc = kSsrc) {
  return {ssrc, sequence, at_ms(ms) + kLatency, at_ms(ms), {static_cast<std::uint8_t>(sequence)}};
}

std::vector<Reorder::Ordered> pop_all(Reorder& reorder, TimePoint now) {
  std::vector<Reorder::Ordered> all;
  while (auto one = reorder.pop(now)) all.push_back(std::move(*one));
  return all;
}

// ---- a network, for the property: packets 20 ms apart, each late by so much, some lost or doubled

struct Fate {
  int delay_ms = 0;
  bool lost = false;
  bool doubled = false;
};

rc::Gen<std::vector<Fate>> fates(int max_delay_ms) {
  return rc::gen::container<std::vector<Fate>>(rc::gen::build<Fate>(
      rc::gen::set(&Fate::delay_ms, rc::gen::inRange(0, max_delay_ms)),
      rc::gen::set(&Fate::lost,
                   rc::gen::map(rc::gen::inRange(0, 20), [](int n) { return n == 0; })),
      rc::gen::set(&Fate::doubled,
                   rc::gen::map(rc::gen::inRange(0, 20), [](int n) { return n == 0; }))));
}

std::vector<Reorder::Arrived> arrivals(const std::vector<Fate>& fates, std::uint16_t first) {
  std::vector<Reorder::Arrived> all;
  for (std::size_t i = 0; i < fates.size(); ++i) {
    if (fates[i].lost) continue;
    const auto number = static_cast<std::uint16_t>(first + i);
    const auto ms = static_cast<std::int64_t>(i) * 20 + fates[i].delay_ms;
    all.push_back(packet(number, ms));
    if (fates[i].doubled) all.push_back(packet(number, ms + 30));
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.arrived < b.arrived; });
  return all;
}

struct Left {
  Reorder::Ordered packet;
  TimePoint at;
};

std::vector<Left> run(Reorder& reorder, const std::vector<Reorder::Arrived>& all) {
  std::vector<Left> left;
  const auto drain = [&](TimePoint now) {
    for (auto& one : pop_all(reorder, now)) left.push_back({std::move(one), now});
  };
  for (const Reorder::Arrived& one : all) {
    for (auto due = reorder.due(); due && *due < one.arrived; due = reorder.due()) drain(*due);
    reorder.push(one);
    drain(one.arrived);
  }
  for (auto due = reorder.due(); due; due = reorder.due()) drain(*due);
  return left;
}

}  // namespace

START_TEST(whatever_the_network_does_packets_leave_in_order_once_and_in_time) {
  const bool good = rc::check("order", [] {
    const auto all = arrivals(*fates(600), *rc::gen::arbitrary<std::uint16_t>());
    Reorder reorder;
    const auto left = run(reorder, all);
    std::int64_t lost = 0;
    for (std::size_t i = 0; i < left.size(); ++i) {
      const auto& one = left[i].packet;
      RC_ASSERT(one.anew == (i == 0));
      RC_ASSERT(left[i].at <= one.arrived + kLatency);
      if (i > 0) RC_ASSERT(one.place == left[i - 1].packet.place + 1 + one.lost);
      RC_ASSERT(one.rtp.front() == static_cast<std::uint8_t>(one.place));
      lost += one.lost;
    }
    const auto& counts = reorder.counts();
    RC_ASSERT(counts.passed == left.size());
    RC_ASSERT(counts.lost == static_cast<std::uint64_t>(lost));
    RC_ASSERT(counts.passed + counts.late + counts.duplicates + counts.strays == all.size());
    RC_ASSERT(reorder.waiting() == 0U);
  });
  ck_assert(good);
}
END_TEST

START_TEST(what_comes_within_the_latency_is_never_lost) {
  const bool good = rc::check("no loss", [] {
    auto fate = *fates(190);
    if (fate.empty()) return;
    fate.front() = Fate{};  // what overtakes the very first packet would make it a late one
    const auto all = arrivals(fate, 65'500);
    Reorder reorder;
    std::set<std::uint16_t> numbers;
    for (const auto& one : all) numbers.insert(one.sequence);
    RC_ASSERT(run(reorder, all).size() == numbers.size());
    RC_ASSERT(reorder.counts().late == 0U);
  });
  ck_assert(good);
}
END_TEST

START_TEST(a_hole_is_waited_for_until_the_deadline_and_then_told) {
  Reorder reorder;
  reorder.push(packet(10, 0));
  reorder.push(packet(13, 5));
  reorder.push(packet(12, 6));
  ck_assert_uint_eq(pop_all(reorder, at_ms(100)).size(), 1);
  ck_assert(reorder.due() == at_ms(205));  // of 13, although 12 is the first that waits
  const auto left = pop_all(reorder, at_ms(205));
  ck_assert_uint_eq(left.size(), 2);
  ck_assert_uint_eq(left[0].lost, 1);
  ck_assert_uint_eq(left[1].lost, 0);
  reorder.push(packet(11, 300));
  reorder.push(packet(12, 301));
  ck_assert(!reorder.pop(at_ms(1000)));
  ck_assert_uint_eq(reorder.counts().late, 1);
  ck_assert_uint_eq(reorder.counts().duplicates, 1);
}
END_TEST

START_TEST(a_new_ssrc_begins_anew_and_what_waited_leaves_first) {
  Reorder reorder;
  reorder.push(packet(10, 0));
  reorder.push(packet(12, 1));
  reorder.push(packet(50'000, 2, kSsrc + 1));
  const auto left = pop_all(reorder, at_ms(2));
  ck_assert_uint_eq(left.size(), 3);
  ck_assert_uint_eq(left[1].lost, 1);
  ck_assert(!left[1].anew);
  ck_assert(left[2].anew);
  ck_assert_uint_eq(left[2].lost, 0);
}
END_TEST

START_TEST(a_lone_number_from_afar_is_a_stray_and_two_are_a_new_beginning) {
  Reorder reorder;
  reorder.push(packet(10, 0));
  reorder.push(packet(20'000, 1));
  reorder.push(packet(11, 2));
  ck_assert_uint_eq(pop_all(reorder, at_ms(2)).size(), 2);
  ck_assert_uint_eq(reorder.counts().strays, 1);
  reorder.push(packet(40'000, 3));
  reorder.push(packet(40'001, 4));
  const auto left = pop_all(reorder, at_ms(4));
  ck_assert_uint_eq(left.size(), 1);
  ck_assert(left[0].anew);
}
END_TEST

START_TEST(more_than_may_wait_is_not_waited_for) {
  Reorder reorder;
  reorder.push(packet(0, 0));
  for (std::uint16_t i = 2; i < 2 + Reorder::kMostWaiting; ++i) reorder.push(packet(i, 1));
  ck_assert_uint_eq(pop_all(reorder, at_ms(1)).size(), 1);
  reorder.push(packet(2 + Reorder::kMostWaiting, 1));
  ck_assert_uint_eq(pop_all(reorder, at_ms(1)).size(), Reorder::kMostWaiting + 1);
  ck_assert_uint_eq(reorder.waiting(), 0);
}
END_TEST

// ---- Timeline -------------------------------------------------------------------------------

namespace {

// A camera of 90 kHz whose crystal is fast by `ppm`, and that began at 1 s of our clock.
struct Camera {
  std::int64_t ppm = 0;
  std::uint32_t first = 4'294'900'000U;  // wraps within the first second

  [[nodiscard]] std::uint32_t timestamp(Duration since_start) const {
    const std::int64_t us = since_start.count() + since_start.count() * ppm / 1'000'000;
    return first + static_cast<std::uint32_t>(us * 90 / 1000);
  }
  [[nodiscard]] static TimePoint truth(Duration since_start) { return at_ms(1000) + since_start; }
  [[nodiscard]] Clock clock(Duration since_start, Duration wrong = {}, bool reported = true) const {
    return {kSsrc, timestamp(since_start), truth(since_start) + wrong, reported};
  }
};

std::int64_t error_us(Timeline& line, const Camera& camera, Duration t) {
  return (*line.captured(camera.timestamp(t)) - Camera::truth(t)).count();
}

constexpr Duration kFrame{40'000};
constexpr Duration kSecond{1'000'000};

}  // namespace

START_TEST(drift_of_200_ppm_stays_below_2_ms_and_never_goes_back) {
  for (const std::int64_t ppm : {200, -200}) {
    const Camera camera{ppm};
    Timeline line(90'000);
    TimePoint before = TimePoint::min();
    for (Duration t{0}; t < 600 * kSecond; t += kFrame) {
      if (t.count() % (5 * kSecond.count()) == 0) line.take(camera.clock(t));
      const TimePoint now = *line.captured(camera.timestamp(t));
      ck_assert(now > before);
      before = now;
      ck_assert_int_lt(std::abs(error_us(line, camera, t)), 2'000);
    }
  }
}
END_TEST

START_TEST(jittery_reports_bend_the_line_by_at_most_5_ms_a_second) {
  const Camera camera{50};
  Timeline line(90'000);
  TimePoint before = TimePoint::min();
  std::srand(1);  // NOLINT(bugprone-random-generator-seed): the same each time
  for (Duration t{0}; t < 120 * kSecond; t += kFrame) {
    if (t.count() % kSecond.count() == 0)
      line.take(camera.clock(t, Duration(std::rand() % 20'000 - 10'000)));
    const TimePoint now = *line.captured(camera.timestamp(t));
    if (before != TimePoint::min()) {
      const std::int64_t step = (now - before).count();
      ck_assert_int_ge(step, kFrame.count() * 994 / 1000);
      ck_assert_int_le(step, kFrame.count() * 1006 / 1000);
    }
    before = now;
    ck_assert_int_lt(std::abs(error_us(line, camera, t)), 12'000);
  }
}
END_TEST

START_TEST(the_first_report_is_obeyed_at_once_before_and_within_2_s_after_the_first_packet) {
  const Camera camera;
  Timeline early(90'000);
  early.take(camera.clock({}, Duration(150'000), false));
  early.take(camera.clock(kFrame));
  ck_assert_int_lt(std::abs(error_us(early, camera, {})), 20);

  for (const std::int64_t wrong : {150'000, -150'000}) {
    Timeline line(90'000);
    line.take(camera.clock({}, Duration(wrong), false));
    TimePoint before = TimePoint::min();
    for (Duration t{0}; t < 6 * kSecond; t += kFrame) {
      if (t == kSecond) line.take(camera.clock(t));
      if (t == 2 * kSecond) line.take(camera.clock(t));
      if (t == 2 * kSecond) line.take(camera.clock({}, Duration(wrong), false));  // worth nothing
      const TimePoint now = *line.captured(camera.timestamp(t));
      ck_assert(now > before);
      before = now;
      if (t > 3 * kSecond) ck_assert_int_lt(std::abs(error_us(line, camera, t)), 100);
      ck_assert(line.errors().has_value() == line.reported());
    }
    // What was said before it is known for wrong.
    const auto errors = *line.errors();
    ck_assert_int_lt(std::abs((wrong > 0 ? errors.highest : errors.lowest).count() - wrong), 100);
    ck_assert_int_lt(std::abs((wrong > 0 ? errors.lowest : errors.highest).count()), 100);
  }
}
END_TEST

START_TEST(large_errors_are_a_step_forward_or_half_speed_but_never_back) {
  const Camera camera;
  Timeline ahead(90'000);
  ahead.take(camera.clock({}));
  ck_assert_int_eq(error_us(ahead, camera, {}), 0);
  ahead.take(camera.clock(kSecond, Duration(500'000)));
  ck_assert_int_ge(error_us(ahead, camera, kSecond), 499'900);

  Timeline behind(90'000);
  behind.take(camera.clock({}));
  TimePoint before = *behind.captured(camera.timestamp({}));
  behind.take(camera.clock(kFrame, Duration(-500'000)));
  for (Duration t = kFrame; t < 2 * kSecond; t += kFrame) {
    const TimePoint now = *behind.captured(camera.timestamp(t));
    ck_assert(now > before);
    before = now;
  }
  ck_assert_int_le(error_us(behind, camera, 2 * kSecond), -499'900);
}
END_TEST

START_TEST(a_new_ssrc_goes_on_where_the_one_before_ended) {
  const Camera camera;
  const TimePoint end = Camera::truth(Duration(100'000));
  Timeline line(90'000, end);
  ck_assert(!line.captured(camera.timestamp({})));
  line.take(camera.clock({}));
  ck_assert(*line.captured(camera.timestamp({})) == end);
  ck_assert_int_lt(std::abs(error_us(line, camera, 3 * kSecond)), 100);
}
END_TEST

int main() {
  return parley::test::run(
      "tap order",
      {whatever_the_network_does_packets_leave_in_order_once_and_in_time,
       what_comes_within_the_latency_is_never_lost,
       a_hole_is_waited_for_until_the_deadline_and_then_told,
       a_new_ssrc_begins_anew_and_what_waited_leaves_first,
       a_lone_number_from_afar_is_a_stray_and_two_are_a_new_beginning,
       more_than_may_wait_is_not_waited_for, drift_of_200_ppm_stays_below_2_ms_and_never_goes_back,
       jittery_reports_bend_the_line_by_at_most_5_ms_a_second,
       the_first_report_is_obeyed_at_once_before_and_within_2_s_after_the_first_packet,
       large_errors_are_a_step_forward_or_half_speed_but_never_back,
       a_new_ssrc_goes_on_where_the_one_before_ended});
}
