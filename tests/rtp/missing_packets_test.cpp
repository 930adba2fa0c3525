#include "rtp/missing_packets.h"

#include <chrono>
#include <vector>

#include "rtp/rtcp.h"
#include "support/check_main.h"

using namespace parley;
using namespace std::chrono_literals;
using rtp::MissingPackets;
using Numbers = std::vector<std::uint16_t>;

namespace {

const base::TimePoint kStart{1000s};

Numbers asked(MissingPackets& missing, base::TimePoint now) {
  const auto due = missing.due(now);
  return {due.sequences.begin(), due.sequences.end()};
}

}  // namespace

START_TEST(asks_after_a_moment_again_and_in_the_end_no_more) {
  MissingPackets missing;
  ck_assert(missing.on_gap(65'535, 65'538, kStart));
  missing.on_late(65'536, kStart + 1ms);  // only out of order
  ck_assert(*missing.deadline() == kStart + MissingPackets::kPatience);
  ck_assert(asked(missing, kStart + 9ms).empty());
  ck_assert(asked(missing, kStart + 10ms) == Numbers({65'535, 1}));
  ck_assert(asked(missing, kStart + 11ms).empty());
  missing.on_late(65'537, kStart + 30ms);
  // Which was a round trip: the next request is due a little earlier.
  int requests = 1;
  bool gave_up = false;
  base::TimePoint last = kStart + 10ms;
  while (const auto at = missing.deadline()) {
    ck_assert(*at > last);
    const auto due = missing.due(*at);
    if (!due.sequences.empty()) {
      ck_assert(*at - last >= MissingPackets::kShortestRoundTrip);
      last = *at;
    }
    requests += static_cast<int>(due.sequences.size());
    gave_up = gave_up || due.gave_up;
    ck_assert(*at <= kStart + MissingPackets::kLifetime);
  }
  ck_assert(gave_up && missing.empty());
  ck_assert_int_ge(requests, 5);
  ck_assert_int_le(requests, MissingPackets::kTries);
}
END_TEST

START_TEST(more_than_can_be_asked_for_is_given_up) {
  MissingPackets missing;
  ck_assert(missing.on_gap(0, 100, kStart));
  ck_assert(missing.on_gap(101, 129, kStart));
  ck_assert_uint_eq(asked(missing, kStart + 1s).size(), 0);  // all of them too old
  ck_assert(missing.on_gap(200, 328, kStart));
  ck_assert(!missing.on_gap(400, 401, kStart));
  ck_assert(missing.empty());
  ck_assert(!missing.on_gap(500, 700, kStart));
}
END_TEST

START_TEST(what_lies_before_a_key_frame_is_forgotten) {
  MissingPackets missing;
  ck_assert(missing.on_gap(10, 12, kStart));
  ck_assert(missing.on_gap(20, 21, kStart));
  missing.forget_before(20);
  ck_assert(asked(missing, kStart + 20ms) == Numbers({20}));
  missing.on_late(11, kStart + 20ms);  // all the same
  missing.forget_before(21);
  ck_assert(missing.empty() && !missing.deadline());
}
END_TEST

// RFC 4585, 6.2.1: a number, and bits for the 16 behind it.
START_TEST(a_nack_names_packets_in_pairs_of_number_and_bits) {
  rtp::RtcpWriter compound;
  compound.add_receiver_report(1, {});
  ck_assert(compound.add_nack(1, 7, Numbers{65'535, 0, 15, 16, 17, 100}));
  ck_assert(rtp::RtcpReader::valid(compound.bytes()));
  rtp::RtcpReader reader(compound.bytes());
  (void)reader.next();
  const auto item = reader.next();
  ck_assert(item.has_value());
  const auto& nack = std::get<rtp::GenericNack>(*item);
  ck_assert_uint_eq(nack.media_ssrc, 7);
  const std::vector<std::uint8_t> entries(nack.entries.begin(), nack.entries.end());
  ck_assert(entries == std::vector<std::uint8_t>({0xff, 0xff, 0x80, 0x01,  //
                                                  0, 16, 0, 1,             //
                                                  0, 100, 0, 0}));
  ck_assert(!compound.add_nack(1, 7, {}));
  Numbers apart;
  for (std::uint16_t i = 0; i < 200; ++i) apart.push_back(static_cast<std::uint16_t>(i * 20));
  ck_assert(compound.add_nack(1, 7, apart));  // the first 128
}
END_TEST

int main() {
  return test::run("missing packets", {asks_after_a_moment_again_and_in_the_end_no_more,
                                       more_than_can_be_asked_for_is_given_up,
                                       what_lies_before_a_key_frame_is_forgotten,
                                       a_nack_names_packets_in_pairs_of_number_and_bits});
}
