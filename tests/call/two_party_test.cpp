// Calls between two: how each one ends, and both orders of messages that compete.
#include <string>

#include "call/call_world.h"
#include "call/check_text.h"

using namespace std::chrono_literals;
using parley::call::RejectReason;
using parley::call::RejectScope;
using parley::test::FourDevices;

START_TEST(a_caller_who_hangs_up_before_the_accept_cancels) {
  FourDevices w;
  w.calls("c1", "A", {"B"});
  w.rings("c3");
  SAYS(w.hangs_up("c2"), "ok");  // any device of the caller may
  SAYS(w.end(), "cancelled 0 A=cancelled B=cancelled");
  SAYS(w.told("c4"), "init:- ringing:B@c3 hangup:A@c2 end:cancelled");
  SAYS(w.accepts("c3"), "ended");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(an_accept_before_the_hang_up_is_a_completed_call) {
  FourDevices w;
  w.calls("c1", "A", {"B"});
  w.accepts("c3");
  w.pass(1500ms);
  SAYS(w.hangs_up("c4"), "ok");  // a passive device hangs up for the participant
  SAYS(w.end(), "completed 1500 A=completed B=completed");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(the_first_of_two_accepts_wins) {
  FourDevices w;
  w.calls("c1", "A", {"B"});
  SAYS(w.accepts("c4"), "ok active-receiver");
  SAYS(w.accepts("c3"), "already_accepted c4");
  SAYS(w.accepts("c4"), "ok active-receiver");  // the winner may say it again
  SAYS(w.accepts("c2"), "already_accepted c1");
  SAYS(w.told("c3"), "init:- accept:B@c4");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_reject_after_an_accept_changes_nothing) {
  FourDevices w;
  w.calls("c1", "A", {"B"});
  w.accepts("c3");
  SAYS(w.rejects("c4"), "already_accepted c3");
  SAYS(w.rejects("c3"), "already_accepted c3");
  SAYS(w.end(), "");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(an_accept_after_a_reject_finds_the_call_over) {
  FourDevices w;
  w.calls("c1", "A", {"B"});
  w.rings("c3");
  SAYS(w.rejects("c4"), "ok");
  SAYS(w.accepts("c3"), "ended");
  SAYS(w.end(), "rejected 0 A=rejected B=rejected");
  SAYS(w.told("c3"), "init:- reject:B@c4 end:rejected");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(busy_is_told_apart_from_declined) {
  FourDevices w;
  w.calls("c1", "A", {"B"});
  w.rejects("c3", RejectReason::kBusy);
  SAYS(w.end(), "busy 0 A=busy B=busy");
}
END_TEST

START_TEST(a_hang_up_of_a_ringing_receiver_is_a_reject) {
  FourDevices w;
  w.calls("c1", "A", {"B"});
  w.rings("c3");
  w.told("c1");
  SAYS(w.hangs_up("c3"), "ok");
  SAYS(w.told("c1"), "reject:B@c3 end:rejected");
}
END_TEST

START_TEST(one_device_that_declines_for_itself_leaves_the_other_ringing) {
  FourDevices w;
  w.calls("c1", "A", {"B"});
  w.rings("c3");
  w.rings("c4");
  w.told("c1");
  SAYS(w.rejects("c3", RejectReason::kDeclined, RejectScope::kConnection), "ok");
  SAYS(w.told("c1"), "reject-here:B@c3");
  SAYS(w.rejects("c3", RejectReason::kDeclined, RejectScope::kConnection), "conflict");
  SAYS(w.rings("c3"), "conflict");
  SAYS(w.accepts("c3"), "ok active-receiver");  // it may still change its mind
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(when_the_last_device_declines_for_itself_the_profile_has_rejected) {
  FourDevices w;
  w.calls("c1", "A", {"B"});
  w.rings("c3");
  w.rejects("c3", RejectReason::kBusy, RejectScope::kConnection);
  SAYS(w.end(), "");  // c4 is silent, and counts as reachable until the init time-out
  w.pass(10s);
  SAYS(w.end(), "busy 0 A=busy B=busy");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_device_that_goes_offline_counts_no_more_as_reachable) {
  FourDevices w;
  w.calls("c1", "A", {"B"});
  w.rings("c3");
  w.rings("c4");
  w.rejects("c3", RejectReason::kDeclined, RejectScope::kConnection);
  w.disconnect("c4");
  SAYS(w.end(), "rejected 0 A=rejected B=rejected");
}
END_TEST

START_TEST(nobody_answers_the_invitation) {
  FourDevices w;
  w.calls("c1", "A", {"B"});
  w.pass(9999ms);
  SAYS(w.told("c2"), "init:passive-initiator");
  w.pass(1ms);
  SAYS(w.told("c2"), "init_timeout:B end:unreachable");
  SAYS(w.told("c3"), "init:- init_timeout:B end:unreachable");
  SAYS(w.end(), "unreachable 0 A=unreachable B=unreachable");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(one_silent_device_of_two_times_nothing_out) {
  FourDevices w;
  w.calls("c1", "A", {"B"});
  w.pass(9s);
  w.rings("c3");
  w.pass(30s);
  SAYS(w.told("c1"), "ringing:B@c3");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_profile_without_any_device_is_unreachable_after_the_init_time_out) {
  FourDevices w;
  w.calls("c1", "A", {"nobody"});
  w.pass(10s);
  SAYS(w.end(), "unreachable 0 A=unreachable nobody=unreachable");
}
END_TEST

START_TEST(ringing_ends_as_missed_45_s_after_the_first_device_rang) {
  FourDevices w;
  w.calls("c1", "A", {"B"});
  w.pass(5s);
  w.rings("c3");
  w.pass(4s);
  w.rings("c4");  // does not start the timer again
  w.pass(40999ms);
  SAYS(w.end(), "");
  w.pass(1ms);
  SAYS(w.end(), "missed 0 A=missed B=missed");
  SAYS(w.told("c3"), "init:- ringing:B@c4 ringing_timeout:B end:missed");
  SAYS(w.accepts("c3"), "ended");
}
END_TEST

START_TEST(an_accept_at_the_last_moment_beats_the_time_out) {
  FourDevices w;
  w.media_connects_at_once();
  w.calls("c1", "A", {"B"});
  w.rings("c3");
  w.pass(44999ms);
  SAYS(w.accepts("c3"), "ok active-receiver");
  w.pass(1h);
  SAYS(w.end(), "");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_call_does_not_last_longer_than_the_longest_call) {
  FourDevices w;
  w.media_connects_at_once();
  w.calls("c1", "A", {"B"});
  w.accepts("c3");
  w.pass(24h);
  SAYS(w.end(), "completed 86400000 A=completed B=completed");
}
END_TEST

START_TEST(a_shutdown_ends_every_call) {
  FourDevices w;
  w.calls("c1", "A", {"B"}, "one");
  w.calls("c3", "B", {"A"}, "two");
  w.accepts("c3", "one");
  w.shut_down();
  SAYS(w.end(), "shutdown 0 A=shutdown B=shutdown");
  SAYS(w.calls("c1", "A", {"B"}, "three"), "unavailable");
  SAYS(w.calls("c1", "A", {"B"}, "three"), "unavailable");  // not remembered
  ck_assert_uint_eq(w.machine().live_calls(), 0);
  ck_assert(!w.machine().deadline());
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(mute_is_shown_to_all_and_done_by_the_server) {
  FourDevices w;
  w.calls("c1", "A", {"B"});
  w.accepts("c3");
  w.media();
  w.told("c2");
  const auto mute = [&](const char* from) {
    return w.send(from, parley::call::Update{parley::call::CallId("call"), false, std::nullopt});
  };
  SAYS(mute("c1"), "ok");
  SAYS(w.told("c2"), "update-a+v:A@c1");
  SAYS(w.told("c1"), "accept:B@c3");
  SAYS(w.media(), "mute1-a+v");
  SAYS(mute("c1"), "ok");  // already so: nobody is told
  SAYS(w.told("c2"), "");
  SAYS(mute("c2"), "not_active");
  SAYS(w.send("c1", parley::call::Update{parley::call::CallId("call"), {}, {}}), "bad_request");
  SAYS(w.problems(), "");
}
END_TEST

int main() {
  return parley::test::run(
      "two-party calls",
      {a_caller_who_hangs_up_before_the_accept_cancels,
       an_accept_before_the_hang_up_is_a_completed_call, the_first_of_two_accepts_wins,
       a_reject_after_an_accept_changes_nothing, an_accept_after_a_reject_finds_the_call_over,
       busy_is_told_apart_from_declined, a_hang_up_of_a_ringing_receiver_is_a_reject,
       one_device_that_declines_for_itself_leaves_the_other_ringing,
       when_the_last_device_declines_for_itself_the_profile_has_rejected,
       a_device_that_goes_offline_counts_no_more_as_reachable, nobody_answers_the_invitation,
       one_silent_device_of_two_times_nothing_out,
       a_profile_without_any_device_is_unreachable_after_the_init_time_out,
       ringing_ends_as_missed_45_s_after_the_first_device_rang,
       an_accept_at_the_last_moment_beats_the_time_out,
       a_call_does_not_last_longer_than_the_longest_call, a_shutdown_ends_every_call,
       mute_is_shown_to_all_and_done_by_the_server});
}
