#include <algorithm>
#include <memory>
#include <string>

#include "fixture.h"

// After every C++ standard header: check.h defines `fail`.
#include "support/check_main.h"

namespace media = parley::media;
using parley::test::Fixture;
using parley::test::Member;

namespace {

std::string ufrag_of(const media::Offered& offer) {
  const std::string key = "a=ice-ufrag:";
  const std::size_t at = offer.sdp.find(key) + key.size();
  return offer.sdp.substr(at, offer.sdp.find('\r', at) - at);
}

constexpr std::uint8_t kStray = 0xa7;  // marks packets from an address that is not nominated

bool heard(const Member& member, std::uint8_t mark) {
  const auto& packets = member.peer->heard();
  return std::any_of(packets.begin(), packets.end(), [mark](const auto& packet) {
    return packet.payload_type == 111 && packet.payload.size() > 1 && packet.payload[1] == mark;
  });
}

}  // namespace

START_TEST(an_ice_restart_changes_credentials_and_nothing_else) {
  Fixture f;
  const auto [a, b] = f.open_pair();
  ck_assert(f.flows(*b, *a));
  const std::string before = ufrag_of(a->offers.back());
  const std::size_t offers = a->offers.size();
  f.worker().post(media::Restart{a->leg, f.next_ticket(), false});
  ck_assert(f.run_until([&] { return a->offers.size() > offers; }));
  ck_assert(ufrag_of(a->offers.back()) != before);
  // The peer checks with the new credentials, and the DTLS association goes on.
  ck_assert(f.run_until([&] { return a->peer->good_checks() >= 2; }));
  ck_assert(f.flows(*a, *b));
  ck_assert(f.flows(*b, *a));
  ck_assert_int_eq(a->connected, 1);
  ck_assert_uint_eq(f.stats().auth_failures, 0);
}
END_TEST

START_TEST(a_peer_may_move_to_another_port) {
  Fixture f;
  const auto [a, b] = f.open_pair();
  ck_assert(f.flows(*b, *a));
  for (int i = 0; i < 3; ++i) {
    a->peer->move_to_new_socket();
    ck_assert(f.run_until([&] { return a->peer->ice_connected(); }));
    ck_assert(f.flows(*a, *b));
    ck_assert(f.flows(*b, *a));
  }
}
END_TEST

START_TEST(media_is_taken_from_a_checked_path_before_it_is_nominated) {
  Fixture f;
  const auto [a, b] = f.open_pair();
  ck_assert(f.flows(*a, *b));
  a->peer->set_nominating(false);
  a->peer->move_to_new_socket();
  ck_assert(f.run_until([&] { return a->peer->ice_connected(); }));
  ck_assert(f.run_until([&] {
    a->peer->send_audio(kStray);
    return heard(*b, kStray);
  }));
  a->peer->set_nominating(true);
  ck_assert(f.flows(*b, *a));
}
END_TEST

START_TEST(media_from_an_address_without_checks_is_ignored) {
  Fixture f;
  const auto [a, b] = f.open_pair();
  ck_assert(f.flows(*a, *b));
  a->peer->set_checking(false);
  a->peer->move_to_new_socket();
  for (int i = 0; i < 20; ++i) {
    a->peer->send_audio(kStray);
    f.run_for(std::chrono::milliseconds(5));
  }
  ck_assert(!heard(*b, kStray));
}
END_TEST

START_TEST(a_restart_and_a_new_port_together) {
  Fixture f;
  const auto [a, b] = f.open_pair();
  const std::size_t offers = a->offers.size();
  a->peer->move_to_new_socket();
  f.worker().post(media::Restart{a->leg, f.next_ticket(), false});
  ck_assert(f.run_until([&] { return a->offers.size() > offers && a->peer->ice_connected(); }));
  ck_assert(f.flows(*a, *b));
  ck_assert(f.flows(*b, *a));
}
END_TEST

START_TEST(a_fresh_restart_takes_a_new_peer_under_the_same_leg) {
  Fixture f;
  const auto [a, b] = f.open_pair();
  ck_assert(f.flows(*b, *a));
  for (int i = 0; i < 3; ++i) {
    const std::size_t offers = a->offers.size();
    a->peer = std::make_unique<parley::test::WebRtcPeer>(parley::test::PeerOptions{});
    f.worker().post(media::Restart{a->leg, f.next_ticket(), true});
    ck_assert(f.run_until([&] { return a->offers.size() > offers && a->connected == 2 + i; }));
    ck_assert(f.run_until([&] { return a->peer->dtls_connected(); }));
    ck_assert(f.flows(*a, *b));
    ck_assert(f.flows(*b, *a));
  }
  ck_assert_int_eq(b->connected, 1);
  ck_assert_uint_eq(f.stats().legs, 2);
  f.close(*a);
  ck_assert(f.run_until([&] { return a->closed; }));
  ck_assert_uint_eq(f.stats().legs_reaping, 0);
}
END_TEST

START_TEST(a_failed_leg_can_be_restarted_from_scratch) {
  Fixture f;
  Member& a = f.open();
  Member& b = f.open({.flip_fingerprint = true});
  f.introduce(a, b);
  ck_assert(f.run_until([&] { return !b.failure.empty() && a.connected == 1; }));
  b.peer = std::make_unique<parley::test::WebRtcPeer>(parley::test::PeerOptions{});
  f.worker().post(media::Restart{b.leg, f.next_ticket(), true});
  ck_assert(f.run_until([&] { return b.connected == 1 && b.peer->dtls_connected(); }));
  ck_assert(f.flows(a, b));
  ck_assert(f.flows(b, a));
}
END_TEST

// A page that crashed and comes back: it would be taken for gone all the same.
START_TEST(a_silent_leg_that_was_restarted_from_scratch_is_audible_again) {
  media::WorkerConfig config;
  config.silent_after = std::chrono::milliseconds(400);
  Fixture f(config);
  const auto [a, b] = f.open_pair();
  a->peer->set_checking(false);
  ck_assert(f.run_until([&] { return a->silent == 1; }));
  ck_assert_int_eq(a->audible, 0);
  a->peer = std::make_unique<parley::test::WebRtcPeer>(parley::test::PeerOptions{});
  f.worker().post(media::Restart{a->leg, f.next_ticket(), true});
  ck_assert(f.run_until([&] { return a->connected == 2 && a->peer->dtls_connected(); }));
  ck_assert(f.run_until([&] { return a->audible == 1; }));
}
END_TEST

START_TEST(a_leg_is_silent_from_a_fresh_restart_until_the_new_peer_is_there) {
  Fixture f;
  const auto [a, b] = f.open_pair();
  a->answers = false;
  const std::size_t offers = a->offers.size();
  f.worker().post(media::Restart{a->leg, f.next_ticket(), true});
  ck_assert(f.run_until([&] { return a->offers.size() > offers; }));
  ck_assert_int_eq(a->silent, 1);
  ck_assert_int_eq(a->audible, 0);
  a->peer = std::make_unique<parley::test::WebRtcPeer>(parley::test::PeerOptions{});
  f.answer(*a);
  ck_assert(f.run_until([&] { return a->audible == 1; }));
  ck_assert_int_eq(a->connected, 2);
}
END_TEST

START_TEST(a_later_answer_with_another_fingerprint_ends_the_leg) {
  Fixture f;
  const auto [a, b] = f.open_pair();
  ck_assert(f.flows(*b, *a));
  a->answers = false;
  const std::size_t offers = a->offers.size();
  f.worker().post(media::Restart{a->leg, f.next_ticket(), false});
  ck_assert(f.run_until([&] { return a->offers.size() > offers; }));
  a->peer->take_offer(a->offers.back().sdp);
  std::string sdp = a->peer->answer();
  std::size_t flipped = 0;
  const std::string key = "a=fingerprint:sha-256 ";
  for (std::size_t at = sdp.find(key); at != std::string::npos; at = sdp.find(key, at + 1)) {
    char& digit = sdp[at + key.size()];
    digit = digit == '0' ? '1' : '0';
    ++flipped;
  }
  ck_assert_uint_gt(flipped, 0);
  f.worker().post(media::Answer{a->leg, f.next_ticket(), a->offers.back().rev, sdp});
  ck_assert(f.run_until([&] { return !a->failure.empty(); }));
  ck_assert_uint_eq(f.stats().fingerprint_mismatches, 1);
}
END_TEST

// Each would take a webrtcbin of its own, with its threads, before the reaper can follow.
START_TEST(fresh_restarts_in_a_row_make_one_transport) {
  Fixture f;
  const auto [a, b] = f.open_pair();
  a->answers = false;
  const std::size_t offers = a->offers.size();
  const std::size_t verdicts = a->verdicts.size();
  constexpr std::size_t kFlood = 100;
  for (std::size_t i = 0; i < kFlood; ++i)
    f.worker().post(media::Restart{a->leg, f.next_ticket(), true});
  std::uint64_t most_reaping = 0;
  ck_assert(f.run_until([&] {
    most_reaping = std::max(most_reaping, f.stats().legs_reaping);
    return a->verdicts.size() >= verdicts + kFlood && a->offers.size() > offers;
  }));
  ck_assert_uint_le(most_reaping, kFlood / 10);  // those that came before the others were posted
  std::size_t answered = offers;
  ck_assert(f.run_until([&] {
    if (a->offers.size() > answered) {
      answered = a->offers.size();
      a->peer = std::make_unique<parley::test::WebRtcPeer>(parley::test::PeerOptions{});
      f.answer(*a);
    }
    return a->connected == 2 && a->peer->dtls_connected();
  }));
  ck_assert(f.flows(*b, *a));
}
END_TEST

int main() {
  return parley::test::run(
      "media restart",
      {an_ice_restart_changes_credentials_and_nothing_else, a_peer_may_move_to_another_port,
       media_is_taken_from_a_checked_path_before_it_is_nominated,
       media_from_an_address_without_checks_is_ignored, a_restart_and_a_new_port_together,
       a_fresh_restart_takes_a_new_peer_under_the_same_leg,
       a_failed_leg_can_be_restarted_from_scratch,
       a_silent_leg_that_was_restarted_from_scratch_is_audible_again,
       a_leg_is_silent_from_a_fresh_restart_until_the_new_peer_is_there,
       a_later_answer_with_another_fingerprint_ends_the_leg,
       fresh_restarts_in_a_row_make_one_transport});
}
