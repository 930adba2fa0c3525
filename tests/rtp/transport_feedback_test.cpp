#include "rtp/transport_feedback.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <random>
#include <vector>

#include "rtp/bytes.h"
#include "rtp/rtcp.h"
#include "support/check_main.h"

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)
using parley::base::TimePoint;
using parley::rtp::TransportFeedback;

namespace {

struct Report {
  std::uint16_t base = 0;
  std::uint8_t number = 0;
  std::vector<std::int64_t> arrivals;  // µs modulo the 24-bit reference time; -1: did not come
};

// Reads a report as its receiver does, strictly.
Report read(std::span<const std::uint8_t> p) {
  using parley::rtp::load16;
  ck_assert(parley::rtp::RtcpReader::valid(p));
  ck_assert_uint_eq(p[0], 0x8f);
  ck_assert_uint_eq(p[1], 205);
  Report report;
  report.base = load16(&p[12]);
  const std::size_t count = load16(&p[14]);
  report.number = p[19];
  std::vector<int> statuses;
  std::size_t at = 20;
  while (statuses.size() < count) {
    const std::uint16_t chunk = load16(&p[at]);
    at += 2;
    if ((chunk & 0x8000U) == 0) {
      ck_assert_uint_gt(chunk & 0x1fffU, 0);
      statuses.insert(statuses.end(), chunk & 0x1fffU, chunk >> 13U);
    } else {
      ck_assert_uint_ne(chunk & 0x4000U, 0);
      for (int i = 0; i < 7; ++i) statuses.push_back(chunk >> (12 - 2 * i) & 3);
    }
  }
  statuses.resize(count);
  std::int64_t ticks = std::int64_t{parley::rtp::load24(&p[16])} * 256;
  for (const int status : statuses) {
    if (status == 0) {
      report.arrivals.push_back(-1);
      continue;
    }
    ticks += status == 1 ? p[at] : static_cast<std::int16_t>(load16(&p[at]));
    at += static_cast<std::size_t>(status);
    report.arrivals.push_back(ticks * 250);
  }
  ck_assert_uint_eq((at + 3) / 4 * 4, p.size());
  return report;
}

}  // namespace

START_TEST(tells_when_each_packet_came_and_which_did_not) {
  TransportFeedback feedback;
  ck_assert(!feedback.pending());
  feedback.on_packet(65534, 7, TimePoint(1s));
  feedback.on_packet(65535, 7, TimePoint(1s + 10ms));
  feedback.on_packet(1, 7, TimePoint(1s + 100ms));  // 0 is missing; 90 ms need a large delta
  ck_assert(feedback.pending());
  const auto packet = feedback.build(1);
  ck_assert_uint_eq(parley::rtp::load32(&packet[8]), 7);
  const Report report = read(packet);
  ck_assert_uint_eq(report.base, 65534);
  const std::vector<std::int64_t> expected = {1'000'000, 1'010'000, -1, 1'100'000};
  ck_assert(report.arrivals == expected);
  ck_assert(!feedback.pending());
}
END_TEST

START_TEST(a_report_goes_on_where_the_last_ended) {
  TransportFeedback feedback;
  feedback.on_packet(10, 7, TimePoint(1s));
  ck_assert_uint_eq(read(feedback.build(1)).number, 0);
  feedback.on_packet(12, 7, TimePoint(1s + 5ms));
  const Report report = read(feedback.build(1));
  ck_assert_uint_eq(report.number, 1);
  ck_assert_uint_eq(report.base, 11);  // the loss between them is not passed over
  const std::vector<std::int64_t> expected = {-1, 1'005'000};
  ck_assert(report.arrivals == expected);
}
END_TEST

START_TEST(a_late_packet_is_told_of_after_all) {
  TransportFeedback feedback;
  feedback.on_packet(10, 7, TimePoint(1s));
  feedback.on_packet(12, 7, TimePoint(1s + 1ms));
  (void)feedback.build(1);
  feedback.on_packet(11, 7, TimePoint(1s + 2ms));
  const Report report = read(feedback.build(1));
  ck_assert_uint_eq(report.base, 11);
  const std::vector<std::int64_t> expected = {1'002'000, 1'001'000};
  ck_assert(report.arrivals == expected);
}
END_TEST

START_TEST(a_long_pause_starts_a_new_report) {
  TransportFeedback feedback;
  feedback.on_packet(1, 7, TimePoint(1s));
  feedback.on_packet(2, 7, TimePoint(20s));
  ck_assert_uint_eq(read(feedback.build(1)).arrivals.size(), 1);
  ck_assert(feedback.pending());
  ck_assert_int_eq(read(feedback.build(1)).arrivals[0], 20'000'000);
  ck_assert(!feedback.pending());
}
END_TEST

START_TEST(every_arrival_is_told_through_loss_reordering_and_bursts) {
  std::mt19937 random(3);  // NOLINT: the same run every time
  TransportFeedback feedback;
  std::map<std::uint16_t, std::int64_t> sent;
  std::map<std::uint16_t, std::int64_t> told;
  std::int64_t us = 5'000'000;
  std::uint16_t next = 65000;
  for (int interval = 0; interval < 60; ++interval) {
    const std::uint32_t burst = random() % 600;
    for (std::uint32_t i = 0; i < burst; ++i) {
      us += static_cast<std::int64_t>(random() % 8) * 250;
      const std::uint32_t fate = random() % 10;
      if (fate == 0) ++next;  // lost
      std::uint16_t sequence = next++;
      if (fate == 1) sequence = static_cast<std::uint16_t>(sequence - 3);  // again, or late
      if (sent.emplace(sequence, us).second)
        feedback.on_packet(sequence, 7, TimePoint(std::chrono::microseconds(us)));
    }
    while (feedback.pending()) {
      const auto packet = feedback.build(1);
      ck_assert_uint_le(packet.size(), TransportFeedback::kMaxBytes);
      const Report report = read(packet);
      for (std::size_t i = 0; i < report.arrivals.size(); ++i)
        if (report.arrivals[i] >= 0)
          told[static_cast<std::uint16_t>(report.base + i)] = report.arrivals[i];
    }
  }
  ck_assert_uint_gt(sent.size(), 10'000);
  ck_assert(sent == told);
}
END_TEST

START_TEST(a_jump_beyond_the_window_forgets_what_was_before) {
  TransportFeedback feedback;
  feedback.on_packet(1, 7, TimePoint(1s));
  feedback.on_packet(30'000, 7, TimePoint(1s + 1ms));
  const Report report = read(feedback.build(1));
  ck_assert_uint_eq(report.base, 30'000);
  ck_assert_uint_eq(report.arrivals.size(), 1);
  ck_assert(!feedback.pending());
  feedback.on_packet(5, 7, TimePoint(1s + 2ms));
  ck_assert(!feedback.pending());
}
END_TEST

int main() {
  return parley::test::run(
      "transport feedback",
      {tells_when_each_packet_came_and_which_did_not, a_report_goes_on_where_the_last_ended,
       a_late_packet_is_told_of_after_all, a_long_pause_starts_a_new_report,
       every_arrival_is_told_through_loss_reordering_and_bursts,
       a_jump_beyond_the_window_forgets_what_was_before});
}
