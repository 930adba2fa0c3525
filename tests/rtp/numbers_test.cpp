// Sequence numbers, timestamps and what is reckoned with them.

#include <chrono>
#include <cstdint>
#include <vector>

#include "rtp/keyframe.h"
#include "rtp/ntp.h"
#include "rtp/receive_statistics.h"
#include "rtp/seq_mapper.h"
#include "rtp/sequence.h"
#include "rtp/splicer.h"
#include "support/check_main.h"

using namespace parley::rtp;           // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)
using parley::base::TimePoint;
using Bytes = std::vector<std::uint8_t>;

START_TEST(unwraps_across_the_wrap_and_back) {
  SequenceUnwrapper u;
  ck_assert_int_eq(u.highest(), -1);
  const std::int64_t first = u.unwrap(65534);
  ck_assert_int_eq(u.unwrap(65535), first + 1);
  ck_assert_int_eq(u.unwrap(1), first + 3);
  ck_assert_int_eq(u.unwrap(0), first + 2);
  ck_assert_int_eq(u.highest(), first + 3);
  ck_assert_int_eq(u.unwrap(32000), first + 32002);
  ck_assert_int_eq(u.unwrap(64000), first + 64002);
}
END_TEST

START_TEST(closes_the_hole_a_drop_leaves) {
  SeqMapper m;
  ck_assert_int_eq(*m.pass(100), 100);
  m.drop(101);
  m.drop(102);
  ck_assert_int_eq(*m.pass(103), 101);
  ck_assert(!m.pass(102).has_value());
}
END_TEST

START_TEST(a_late_packet_gets_the_number_of_its_place) {
  SeqMapper m;
  ck_assert_int_eq(*m.pass(100), 100);
  ck_assert_int_eq(*m.pass(102), 102);  // 101 is on its way
  m.drop(103);
  ck_assert_int_eq(*m.pass(104), 103);
  ck_assert_int_eq(*m.pass(101), 101);
  m.drop(99);  // late itself: its hole stays
  ck_assert(!m.pass(99).has_value());
  ck_assert_int_eq(*m.pass(105), 104);
}
END_TEST

START_TEST(what_has_left_the_window_is_not_passed) {
  SeqMapper m;
  ck_assert(m.pass(5000).has_value());
  ck_assert(m.pass(5000 + SeqMapper::kWindow).has_value());
  ck_assert(!m.pass(5000).has_value());
  ck_assert_int_eq(*m.pass(5001), 5001);
  ck_assert_int_eq(*m.pass(100'000), 100'000);
  ck_assert_int_eq(*m.pass(99'000), 99'000);
}
END_TEST

START_TEST(pieces_follow_on_each_other) {
  Splicer s(7, 1000, 90'000);
  const TimePoint t(1s);
  s.join(65536 + 500, 77, true, t);
  ck_assert_uint_eq(s.map(65536 + 500, 77, t)->sequence, 7);
  ck_assert_uint_eq(s.map(65536 + 500, 77, t)->timestamp, 1000);
  ck_assert_uint_eq(s.map(65536 + 502, 3077, t)->sequence, 9);
  ck_assert_uint_eq(s.map(65536 + 501, 3077, t)->sequence, 8);
  ck_assert(!s.map(65536 + 499, 0, t).has_value());
  // Another clock, 100 ms later.
  s.join(9, 0xffffffff, true, t + 100ms);
  ck_assert_uint_eq(s.map(9, 0xffffffff, t + 100ms)->sequence, 10);
  ck_assert_uint_eq(s.map(9, 0xffffffff, t + 100ms)->timestamp, 4000 + 9000);
  ck_assert_uint_eq(s.map_timestamp(0), 4000 + 9001);
  // The same clock after a pause.
  s.join(50, 90'000, false, t + 1s);
  ck_assert_uint_eq(s.map(50, 90'000, t + 1s)->sequence, 11);
  ck_assert_uint_eq(s.map(50, 90'000, t + 1s)->timestamp, 4000 + 9001 + 90'000);
}
END_TEST

START_TEST(a_change_at_the_same_moment_still_moves_time_on) {
  Splicer s(0, 0, 48'000);
  const TimePoint t(1s);
  s.join(1, 500, true, t);
  const auto before = s.map(1, 500, t);
  s.join(1, 9, true, t);
  ck_assert_uint_eq(s.map(1, 9, t)->timestamp, before->timestamp + 1);
}
END_TEST

START_TEST(ntp_times_come_and_go) {
  ck_assert_uint_eq(ntp_from(1s + 500ms), (1ULL << 32U) + (1ULL << 31U));
  ck_assert_int_eq(since_ntp_epoch((3ULL << 32U) + (1ULL << 30U)).count(), 3'250'000);
  ck_assert_uint_eq(compact(parley::base::Duration(1500ms)), 65536 + 32768);
  ck_assert_uint_eq(compact(ntp_from(70'000s)), (70'000U & 0xffffU) << 16U);
  ck_assert_uint_eq(rtp_ticks(1500ms, 90'000), 135'000);
  ck_assert_uint_eq(rtp_ticks(-1s, 48'000), 0U - 48'000U);
  ck_assert_uint_eq(abs_send_time(TimePoint(64s + 250ms)), 1 << 16);
  const auto century = std::chrono::seconds(3'200'000'000);
  ck_assert_uint_eq(rtp_ticks(century, 90'000),
                    static_cast<std::uint32_t>(3'200'000'000ULL * 90'000));
}
END_TEST

START_TEST(loss_is_told_per_interval_and_in_all) {
  ReceiveStatistics s(5, 48'000);
  SequenceUnwrapper u;
  TimePoint t(1s);
  ck_assert(!s.report(t).has_value());
  for (std::uint16_t i = 0; i < 100; ++i)
    if (i % 4 != 1)
      s.on_packet(u.unwrap(static_cast<std::uint16_t>(65500 + i)), 960U * i, t += 20ms);
  auto block = s.report(t);
  ck_assert_uint_eq(block->ssrc, 5);
  ck_assert_int_eq(block->cumulative_lost, 25);
  ck_assert_uint_eq(block->fraction_lost, 64);
  ck_assert_uint_eq(block->highest_sequence, 65599);
  for (std::uint16_t i = 100; i < 150; ++i)
    s.on_packet(u.unwrap(static_cast<std::uint16_t>(65500 + i)), 960U * i, t += 20ms);
  block = s.report(t);
  ck_assert_int_eq(block->cumulative_lost, 25);
  ck_assert_uint_eq(block->fraction_lost, 0);
  // Duplicates make the count negative, never the fraction.
  for (int i = 0; i < 40; ++i) s.on_packet(u.unwrap(static_cast<std::uint16_t>(65500 + 149)), 0, t);
  block = s.report(t);
  ck_assert_int_eq(block->cumulative_lost, -15);
  ck_assert_uint_eq(block->fraction_lost, 0);
}
END_TEST

START_TEST(jitter_is_that_of_rfc_3550) {
  ReceiveStatistics steady(1, 90'000);
  ReceiveStatistics shaky(1, 90'000);
  TimePoint t(1s);
  for (std::uint32_t i = 0; i < 400; ++i, t += 10ms) {
    steady.on_packet(i, 900 * i, t);
    shaky.on_packet(i, 900 * i, t + (i % 2 == 0 ? 0ms : 5ms));
  }
  ck_assert_uint_eq(steady.report(t)->jitter, 0);
  // Transit changes by 5 ms = 450 ticks each time, so that the mean deviation tends to 450.
  const std::uint32_t jitter = shaky.report(t)->jitter;
  ck_assert_msg(jitter >= 440 && jitter <= 450, "%u", jitter);
}
END_TEST

START_TEST(the_delay_since_a_sender_report_is_told) {
  ReceiveStatistics s(1, 48'000);
  s.on_packet(70'000, 0, TimePoint(1s));
  s.on_sender_report(0x0000123456780000, TimePoint(2s));
  const auto block = s.report(TimePoint(4s + 250ms));
  ck_assert_uint_eq(block->last_report, 0x12345678);
  ck_assert_uint_eq(block->delay_since_last_report, 2 * 65536 + 16384);
}
END_TEST

START_TEST(key_frames_are_found_by_the_first_bytes) {
  struct Case {
    Codec codec;
    Bytes payload;
    bool starts;
  };
  const std::vector<Case> cases = {
      {Codec::kOpus, {1}, true},
      {Codec::kVp8, {}, false},
      {Codec::kVp8, {0x10, 0x00}, true},
      {Codec::kVp8, {0x10, 0x01}, false},                         // P
      {Codec::kVp8, {0x00, 0x00}, false},                         // not the start of a partition
      {Codec::kVp8, {0x11, 0x00}, false},                         // partition 1
      {Codec::kVp8, {0x90, 0x80, 0x81, 0x02, 0x00}, true},        // 15-bit picture id
      {Codec::kVp8, {0x90, 0x80, 0x01, 0x01}, false},             // 7-bit picture id, P
      {Codec::kVp8, {0x90, 0xf0, 0x01, 0x05, 0x20, 0x10}, true},  // I, L, T and K
      {Codec::kVp8, {0x90, 0xf0, 0x81, 0x05}, false},             // cut off
      {Codec::kVp9, {0x08}, true},
      {Codec::kVp9, {0x48}, false},                   // P
      {Codec::kVp9, {0x00}, false},                   // not the beginning
      {Codec::kVp9, {0xa8, 0x81, 0x02, 0x00}, true},  // picture id, spatial layer 0
      {Codec::kVp9, {0xa8, 0x01, 0x02}, false},       // spatial layer 1
      {Codec::kVp9, {0xa8}, false},                   // cut off
      {Codec::kH264, {0x67, 1}, true},                // SPS
      {Codec::kH264, {0x65, 1}, true},                // IDR
      {Codec::kH264, {0x41, 1}, false},
      {Codec::kH264, {0x78, 0, 1, 0x09, 0, 1, 0x67}, true},  // STAP-A: AUD, SPS
      {Codec::kH264, {0x78, 0, 1, 0x41}, false},
      {Codec::kH264, {0x78, 0xff, 0xff, 0x41}, false},  // lies about its size
      {Codec::kH264, {0x7c, 0x85}, true},               // FU-A, start of IDR
      {Codec::kH264, {0x7c, 0x05}, false},              // FU-A, in its middle
      {Codec::kH264, {0x7c}, false},
      {Codec::kAv1, {0x18, 0}, true},   // N
      {Codec::kAv1, {0x98, 0}, false},  // continues a fragment
      {Codec::kAv1, {0x10, 0}, false},
      {Codec::kAv1, {}, false},
  };
  for (std::size_t i = 0; i < cases.size(); ++i)
    ck_assert_msg(starts_key_frame(cases[i].codec, cases[i].payload) == cases[i].starts, "case %zu",
                  i);
}
END_TEST

int main() {
  return parley::test::run(
      "rtp numbers",
      {unwraps_across_the_wrap_and_back, closes_the_hole_a_drop_leaves,
       a_late_packet_gets_the_number_of_its_place, what_has_left_the_window_is_not_passed,
       pieces_follow_on_each_other, a_change_at_the_same_moment_still_moves_time_on,
       ntp_times_come_and_go, loss_is_told_per_interval_and_in_all, jitter_is_that_of_rfc_3550,
       the_delay_since_a_sender_report_is_told, key_frames_are_found_by_the_first_bytes});
}
