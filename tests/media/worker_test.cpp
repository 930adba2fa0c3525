#include "media/worker.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "fixture.h"

// After every C++ standard header: check.h defines `fail`.
#include "support/check_main.h"

namespace media = parley::media;
using parley::base::Source;
using parley::test::Fixture;
using parley::test::Member;

namespace {

// The tracks of others in the member's last offer, as "owner/source".
std::set<std::string> shown_in_last_offer(const Member& member) {
  std::set<std::string> out;
  for (const media::Offered::Track& track : member.offers.back().tracks)
    if (!track.owner.empty()) out.insert(track.owner + "/" + std::string(name_of(track.source)));
  return out;
}

bool has_verdict(const Member& member, std::uint64_t ticket) {
  return std::any_of(member.verdicts.begin(), member.verdicts.end(),
                     [=](const media::Verdict& v) { return v.ticket == ticket; });
}

std::optional<parley::base::Code> refusal(const Member& member, std::uint64_t ticket) {
  for (const media::Verdict& verdict : member.verdicts)
    if (verdict.ticket == ticket && verdict.error) return verdict.error->code;
  return std::nullopt;
}

}  // namespace

START_TEST(two_legs_hear_and_see_each_other) {
  Fixture f;
  const auto [a, b] = f.open_pair();
  ck_assert(f.flows(*a, *b));
  ck_assert(f.flows(*b, *a));
  // Figures are published after a batch has been sent.
  ck_assert(f.run_until([&] { return f.stats().packets_in >= 4 && f.stats().packets_out >= 4; }));
  const media::WorkerStats stats = f.stats();
  ck_assert_uint_eq(stats.legs, 2);
  ck_assert_uint_eq(stats.auth_failures, 0);
  ck_assert_uint_eq(stats.malformed, 0);
}
END_TEST

START_TEST(a_peer_may_take_either_role_in_dtls) {
  Fixture f;
  const auto [a, b] = f.open_pair({.dtls_active = false}, {.dtls_active = true});
  ck_assert(f.flows(*a, *b));
  ck_assert(f.flows(*b, *a));
}
END_TEST

START_TEST(ipv6_carries_a_leg_as_well) {
  Fixture f;
  const auto [a, b] = f.open_pair({.v6 = true}, {.v6 = false});
  ck_assert(f.flows(*a, *b));
  ck_assert(f.flows(*b, *a));
}
END_TEST

START_TEST(a_flipped_digit_of_the_fingerprint_lets_nothing_pass) {
  Fixture f;
  Member& honest = f.open();
  // As the DTLS server it has its keys before we can have ours, and is free to send.
  Member& forged = f.open({.dtls_active = false, .flip_fingerprint = true});
  f.introduce(honest, forged);
  ck_assert(f.run_until([&] { return honest.connected == 1 && !forged.failure.empty(); }));
  ck_assert_int_eq(forged.connected, 0);
  ck_assert_uint_eq(f.stats().fingerprint_mismatches, 1);
  // Both ends have keys and send with all their might.
  ck_assert(f.run_until([&] { return forged.peer->dtls_connected(); }));
  for (int i = 0; i < 50; ++i) {
    forged.peer->send_audio(1);
    forged.peer->send_video(1);
    honest.peer->send_audio(2);
    honest.peer->send_video(2);
    f.run_for(std::chrono::milliseconds(5));
  }
  ck_assert_int_eq(forged.peer->media_datagrams(), 0);
  ck_assert_uint_eq(honest.peer->heard().size(), 0);
}
END_TEST

START_TEST(an_answer_may_come_after_ice_and_the_client_hello) {
  Fixture f;
  Member& a = f.open();
  Member& b = f.open();
  f.introduce(a, b);
  a.answers = false;
  ck_assert(f.run_until([&] { return !a.offers.empty() && b.connected == 1; }));
  a.peer->take_offer(a.offers.back().sdp);  // ICE and DTLS begin, the answer is still under way
  ck_assert(f.run_until([&] { return a.peer->ice_connected(); }));
  f.run_for(std::chrono::milliseconds(300));
  ck_assert(!a.peer->dtls_connected());
  ck_assert_int_eq(a.connected, 0);
  f.answer(a);
  a.answers = true;
  ck_assert(f.run_until([&] { return a.connected == 1 && a.peer->dtls_connected(); }));
  ck_assert(f.flows(a, b));
  ck_assert(f.flows(b, a));
}
END_TEST

START_TEST(changes_gather_while_an_offer_is_unanswered) {
  Fixture f;
  Member& a = f.open();
  a.answers = false;
  ck_assert(f.run_until([&] { return a.offers.size() == 1; }));
  for (int i = 0; i < 3; ++i) {
    Member& other = f.open();
    f.introduce(a, other);
    ck_assert(f.run_until([&] { return other.connected == 1; }));
  }
  ck_assert_uint_eq(a.offers.size(), 1);
  f.answer(a);
  ck_assert(f.run_until([&] { return a.offers.size() == 2; }));
  ck_assert_uint_eq(shown_in_last_offer(a).size(), 6);
  ck_assert_uint_gt(a.offers[1].rev, a.offers[0].rev);
}
END_TEST

START_TEST(what_publishes_nothing_has_nothing_shown) {
  Fixture f;
  Member& a = f.open();
  Member& mute = f.open({.publishes = false}, false);
  f.introduce(a, mute);
  ck_assert(f.run_until([&] { return a.connected == 1 && mute.connected == 1; }));
  ck_assert(f.run_until([&] { return shown_in_last_offer(mute).size() == 2; }));
  ck_assert(shown_in_last_offer(a).empty());
  f.worker().post(media::Publish{mute.leg, f.next_ticket(), {Source::kMic}});
  ck_assert(f.run_until([&] { return shown_in_last_offer(a).contains(mute.owner + "/mic"); }));
  ck_assert_uint_eq(shown_in_last_offer(a).size(), 1);
}
END_TEST

START_TEST(a_muted_kind_is_not_forwarded) {
  Fixture f;
  const auto [a, b] = f.open_pair();
  ck_assert(f.flows(*a, *b));
  f.worker().post(media::Mute{a->stream, false, true});
  const std::uint64_t ticket = f.next_ticket();  // answered after the mute was taken
  f.worker().post(media::Publish{a->leg, ticket, {Source::kMic, Source::kCamera}});
  ck_assert(f.run_until([&] { return has_verdict(*a, ticket); }));
  f.run_for(std::chrono::milliseconds(50));
  b->peer->forget_heard();
  ck_assert(f.run_until([&] {
    a->peer->send_video(1);
    a->peer->send_audio(1);
    return b->peer->heard_of(111) >= 10;
  }));
  ck_assert_uint_eq(b->peer->heard_of(96), 0);
  f.worker().post(media::Mute{a->stream, false, false});
  ck_assert(f.flows(*a, *b));
}
END_TEST

START_TEST(a_paused_track_is_not_sent) {
  Fixture f;
  const auto [a, b] = f.open_pair();
  ck_assert(f.flows(*a, *b));
  const std::uint64_t ticket = f.next_ticket();
  f.worker().post(media::Subscribe{
      b->leg, ticket, {{a->owner, Source::kCamera, true, std::nullopt, std::nullopt}}});
  ck_assert(f.run_until([&] { return has_verdict(*b, ticket); }));
  ck_assert(!refusal(*b, ticket).has_value());
  f.run_for(std::chrono::milliseconds(50));
  b->peer->forget_heard();
  ck_assert(f.run_until([&] {
    a->peer->send_video(1);
    a->peer->send_audio(1);
    return b->peer->heard_of(111) >= 10;
  }));
  ck_assert_uint_eq(b->peer->heard_of(96), 0);
  f.worker().post(media::Subscribe{b->leg, 0, {{a->owner, Source::kCamera, false, 360, 1}}});
  ck_assert(f.flows(*a, *b));
}
END_TEST

START_TEST(wrong_wishes_and_unknown_legs_are_refused) {
  using parley::base::Code;
  Fixture f;
  const auto [a, b] = f.open_pair();
  const auto refused = [&](Member& member, media::Command command, std::uint64_t ticket) {
    f.worker().post(std::move(command));
    ck_assert(f.run_until([&] { return has_verdict(member, ticket); }));
    return refusal(member, ticket);
  };
  std::uint64_t t = f.next_ticket();
  ck_assert(refused(*b, media::Subscribe{b->leg, t, {{"nobody", Source::kMic, true, {}, {}}}}, t) ==
            Code::kNotFound);
  t = f.next_ticket();
  ck_assert(refused(*b, media::Subscribe{b->leg, t, {{a->owner, Source::kMic, {}, 0, {}}}}, t) ==
            Code::kInvalid);
  t = f.next_ticket();
  ck_assert(refused(*b, media::Subscribe{b->leg, t, {{a->owner, Source::kMic, {}, {}, 256}}}, t) ==
            Code::kInvalid);
  t = f.next_ticket();
  ck_assert(refused(*b, media::Answer{b->leg, t, 1, b->peer->answer()}, t) == Code::kConflict);
  f.close(*b);
  ck_assert(f.run_until([&] { return b->closed; }));
  t = f.next_ticket();
  ck_assert(refused(*b, media::Restart{b->leg, t, false}, t) == Code::kNotFound);
}
END_TEST

START_TEST(a_broken_answer_is_refused_and_a_right_one_still_taken) {
  Fixture f;
  Member& a = f.open();
  a.answers = false;
  ck_assert(f.run_until([&] { return a.offers.size() == 1; }));
  for (const char* sdp :
       {"", "v=0", "rubbish\r\n", "v=0\r\no=- 1 1 IN IP4 0\r\ns=-\r\nt=0 0\r\n"}) {
    const std::uint64_t ticket = f.next_ticket();
    f.worker().post(media::Answer{a.leg, ticket, a.offers.back().rev, sdp});
    ck_assert(f.run_until([&] { return has_verdict(a, ticket); }));
    ck_assert(refusal(a, ticket) == parley::base::Code::kInvalid);
  }
  f.answer(a);
  ck_assert(f.run_until([&] { return a.connected == 1; }));
}
END_TEST

START_TEST(a_peer_that_stops_is_silent_and_one_that_comes_back_audible) {
  media::WorkerConfig config;
  config.silent_after = std::chrono::milliseconds(400);
  Fixture f(config);
  const auto [a, b] = f.open_pair();
  ck_assert_int_eq(a->silent, 0);
  a->peer->set_checking(false);
  ck_assert(f.run_until([&] { return a->silent == 1; }));
  ck_assert_int_eq(b->silent, 0);
  a->peer->set_checking(true);
  ck_assert(f.run_until([&] { return a->audible == 1; }));
  ck_assert_int_eq(a->silent, 1);
}
END_TEST

// RFC 7675, 5.1: whoever does not ask any more is not sent to.
START_TEST(a_peer_whose_consent_has_run_out_gets_nothing_until_it_asks_again) {
  media::WorkerConfig config;
  config.consent = std::chrono::milliseconds(400);
  Fixture f(config);
  const auto [a, b] = f.open_pair();
  ck_assert(f.flows(*a, *b));
  b->peer->set_checking(false);
  // 100 packets on end reach the server, and none of them the peer.
  std::uint64_t sent_at_last = f.stats().packets_in;
  int heard = b->peer->media_datagrams();
  ck_assert(f.run_until([&] {
    a->peer->send_audio(1);
    if (b->peer->media_datagrams() != heard) {
      heard = b->peer->media_datagrams();
      sent_at_last = f.stats().packets_in;
    }
    return f.stats().packets_in >= sent_at_last + 100;
  }));
  ck_assert_int_eq(b->silent, 0);  // that is another matter, and another time
  b->peer->set_checking(true);
  ck_assert(f.flows(*a, *b));
}
END_TEST

START_TEST(a_third_leg_may_join_and_leave_twenty_times) {
  Fixture f;
  const auto [a, b] = f.open_pair();
  for (int i = 0; i < 20; ++i) {
    Member& c = f.open();
    f.introduce(*a, c);
    f.introduce(*b, c);
    ck_assert(f.run_until([&] { return c.connected == 1 && c.peer->dtls_connected(); }));
    ck_assert(f.flows(*a, c));
    ck_assert(f.flows(c, *b));
    f.close(c);
    ck_assert(f.run_until([&] { return c.closed; }));
  }
  ck_assert(f.flows(*a, *b));
  ck_assert(f.flows(*b, *a));
  // M-lines of who has left are used again: two base lines, two for each of two at most, and those
  // that were stopping while the next one joined.
  const std::string& sdp = a->offers.back().sdp;
  std::size_t lines = 0;
  for (std::size_t at = sdp.find("m="); at != std::string::npos; at = sdp.find("\nm=", at + 1))
    ++lines;
  ck_assert_uint_le(lines, 8);
}
END_TEST

START_TEST(packets_of_one_size_arrive_whole_and_in_order) {
  Fixture f;
  const auto [a, b] = f.open_pair();
  ck_assert(f.flows(*a, *b));
  f.run_for(std::chrono::milliseconds(50));
  b->peer->forget_heard();
  a->peer->send_video_burst(7, 90);  // more than one piece of GSO
  ck_assert(f.run_until([&] { return b->peer->heard_of(96) == 90; }));
  const auto& heard = b->peer->heard();
  for (std::size_t i = 1; i < heard.size(); ++i)
    ck_assert_uint_eq(static_cast<std::uint16_t>(heard[i].sequence - heard[i - 1].sequence), 1);
}
END_TEST

START_TEST(a_socket_that_cannot_be_opened_is_an_error_in_words) {
  media::WorkerConfig config;
  config.listen = {"not-an-address"};
  const auto worker = media::Worker::start(config, [](const media::Event&) {});
  ck_assert(!worker.has_value());
  ck_assert(worker.error().message.find("not-an-address") != std::string::npos);
}
END_TEST

START_TEST(announced_addresses_stand_in_for_the_hosts) {
  media::WorkerConfig config;
  config.announced_ips = {"203.0.113.9"};
  Fixture f(config);
  Member& a = f.open();
  a.answers = false;
  ck_assert(f.run_until([&] { return !a.offers.empty(); }));
  const std::string& sdp = a.offers.back().sdp;
  ck_assert(sdp.find(" 203.0.113.9 " + std::to_string(f.worker().udp_port()) + " typ host") !=
            std::string::npos);
  ck_assert(sdp.find(" 127.0.0.1 ") == std::string::npos);
}
END_TEST

int main() {
  return parley::test::run(
      "media worker",
      {two_legs_hear_and_see_each_other, a_peer_may_take_either_role_in_dtls,
       ipv6_carries_a_leg_as_well, a_flipped_digit_of_the_fingerprint_lets_nothing_pass,
       an_answer_may_come_after_ice_and_the_client_hello,
       changes_gather_while_an_offer_is_unanswered, what_publishes_nothing_has_nothing_shown,
       a_muted_kind_is_not_forwarded, a_paused_track_is_not_sent,
       wrong_wishes_and_unknown_legs_are_refused,
       a_broken_answer_is_refused_and_a_right_one_still_taken,
       a_peer_that_stops_is_silent_and_one_that_comes_back_audible,
       a_peer_whose_consent_has_run_out_gets_nothing_until_it_asks_again,
       a_third_leg_may_join_and_leave_twenty_times, packets_of_one_size_arrive_whole_and_in_order,
       a_socket_that_cannot_be_opened_is_an_error_in_words,
       announced_addresses_stand_in_for_the_hosts});
}
