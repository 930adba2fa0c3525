// Calls of more than two: each receiver has its own ringing and outcome.
#include <string>

#include "call/call_world.h"
#include "call/check_text.h"

using namespace std::chrono_literals;
using parley::test::CallWorld;

namespace {

// A on a1 and a2, B on b1, C on c1, D nowhere; A has called B and C.
class Group : public CallWorld {
 public:
  Group() {
    connect("a1", "A");
    connect("a2", "A");
    connect("b1", "B");
    connect("c1", "C");
    calls("a1", "A", {"B", "C"});
    told("b1");
    told("c1");
  }
};

}  // namespace

START_TEST(everyone_active_sees_every_other_one) {
  Group w;
  w.rings("b1");
  SAYS(w.media(), "open1 feed1=1 mute1+a+v");
  w.accepts("b1");
  SAYS(w.media(), "open2 feed2=2 mute2+a+v show1:B show2:A");
  w.accepts("c1");
  SAYS(w.media(), "open3 feed3=3 mute3+a+v show1:C show2:C show3:A show3:B");
  w.hangs_up("b1");
  SAYS(w.media(), "feed2=none close2 hide1:2 hide3:2");
  SAYS(w.told("c1"), "ringing:B@b1 accept:B@b1 hangup:B@b1 left-completed:B");
  SAYS(w.accepts("b1"), "ok active-receiver");  // who left may come back; same stream, new leg
  SAYS(w.media(), "open4 feed2=4 mute2+a+v show1:B show4:A show4:C show3:B");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_whole_group_that_declines_ends_the_call) {
  Group w;
  w.rejects("b1");
  SAYS(w.told("c1"), "reject:B@b1 left-rejected:B");
  SAYS(w.rejects("b1"), "conflict");
  SAYS(w.rings("b1"), "conflict");
  SAYS(w.hangs_up("b1"), "conflict");
  w.rejects("c1", parley::call::RejectReason::kBusy);
  SAYS(w.end(), "missed 0 A=missed B=rejected C=busy");
  SAYS(w.told("b1"), "left-rejected:B busy:C@c1 left-busy:C end:missed");
  SAYS(w.records(), "started left:B=rejected left:C=busy ended:missed");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(who_declined_or_missed_may_accept_while_the_call_lives) {
  Group w;
  w.rejects("b1");
  w.rings("c1");
  w.pass(45s);
  SAYS(w.end(), "missed 0 A=missed B=rejected C=missed");

  w.calls("a1", "A", {"B", "C"}, "second");
  w.accepts("b1", "second");
  w.rejects("c1", parley::call::RejectReason::kDeclined, parley::call::RejectScope::kProfile,
            "second");
  SAYS(w.accepts("c1", "second"), "ok active-receiver");
  w.hangs_up("a1", "second");
  SAYS(w.end(), "missed 0 A=missed B=rejected C=missed");  // still that of the first call
  w.hangs_up("b1", "second");
  w.hangs_up("c1", "second");
  SAYS(w.end(), "completed 0 A=completed B=completed C=completed");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(the_caller_may_leave_and_come_back_on_another_device) {
  Group w;
  w.accepts("b1");
  w.accepts("c1");
  w.hangs_up("a1");
  SAYS(w.end(), "");
  SAYS(w.accepts("a2"), "ok active-initiator");
  SAYS(w.accepts("a1"), "already_accepted a2");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_call_ends_when_nobody_is_active_and_who_still_rings_has_missed_it) {
  Group w;
  w.rings("c1");
  w.accepts("b1");
  w.hangs_up("a1");
  w.hangs_up("b1");
  SAYS(w.end(), "completed 0 A=completed B=completed C=missed");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(one_who_is_left_alone_is_not_left_for_ever) {
  Group w;
  w.media_connects_at_once();
  w.accepts("b1");
  w.rejects("c1");
  w.pass(1s);
  w.hangs_up("b1");
  w.pass(59s);
  w.accepts("b1");  // not alone any more
  w.pass(5s);
  w.hangs_up("a1");
  w.pass(59999ms);
  SAYS(w.end(), "");
  w.pass(1ms);
  SAYS(w.end(), "completed 125000 A=completed B=completed C=rejected");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_cancelled_group_call_keeps_what_was_decided_before) {
  Group w;
  w.rejects("b1");
  w.hangs_up("a2");
  SAYS(w.end(), "cancelled 0 A=cancelled B=rejected C=cancelled");
}
END_TEST

START_TEST(an_unreachable_profile_rings_when_its_device_comes_online) {
  CallWorld w;
  w.media_connects_at_once();
  w.connect("a1", "A");
  w.connect("b1", "B");
  w.calls("a1", "A", {"B", "D"});
  w.accepts("b1");
  w.pass(20s);
  SAYS(w.told("a1"), "accept:B@b1 init_timeout:D left-unreachable:D");
  w.connect("d1", "D");
  SAYS(w.told("d1"), "init:-");
  SAYS(w.rings("d1"), "ok");
  SAYS(w.told("a1"), "ringing:D@d1");
  w.pass(45s);
  SAYS(w.told("a1"), "ringing_timeout:D left-missed:D");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(own_profiles_and_repetitions_in_to_are_dropped) {
  CallWorld w;
  w.connect("a1", "A", {"A", "A2"});
  w.connect("b1", "B");
  w.calls("a1", "A", {"B", "A2", "B", "A"});
  w.accepts("b1");
  w.hangs_up("b1");
  SAYS(w.end(), "completed 0 A=completed B=completed");  // two-party: it ended with B
}
END_TEST

START_TEST(a_connection_is_one_participant_the_first_of_its_profiles_in_to) {
  CallWorld w;
  w.connect("a1", "A");
  w.connect("b1", "B", {"B2", "B1"});
  w.calls("a1", "A", {"B1", "B2"});
  w.rings("b1");
  SAYS(w.told("a1"), "ringing:B1@b1");
  w.pass(10s);
  SAYS(w.told("a1"), "init_timeout:B2 left-unreachable:B2");
}
END_TEST

int main() {
  return parley::test::run(
      "group calls",
      {everyone_active_sees_every_other_one, a_whole_group_that_declines_ends_the_call,
       who_declined_or_missed_may_accept_while_the_call_lives,
       the_caller_may_leave_and_come_back_on_another_device,
       a_call_ends_when_nobody_is_active_and_who_still_rings_has_missed_it,
       one_who_is_left_alone_is_not_left_for_ever,
       a_cancelled_group_call_keeps_what_was_decided_before,
       an_unreachable_profile_rings_when_its_device_comes_online,
       own_profiles_and_repetitions_in_to_are_dropped,
       a_connection_is_one_participant_the_first_of_its_profiles_in_to});
}
