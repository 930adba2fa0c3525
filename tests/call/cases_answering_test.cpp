// The twelve cases that a call with several devices must get right, each in both orders of the
// messages that compete. Where they are tested:
//    1 two devices accept at once                here
//    2 the caller cancels while it rings         here
//    3 the callee is busy                        here
//    4 the active device is lost                 cases_moving_test.cpp
//    5 two call each other                       cases_glare_test.cpp
//    6 the network drops and comes back          cases_network_test.cpp
//    7 a group call is partly accepted           cases_group_test.cpp
//    8 somebody joins late                       cases_group_test.cpp
//    9 the last one leaves                       cases_group_test.cpp
//   10 the chain has a live call already         cases_glare_test.cpp
//   11 a passive device takes over               cases_moving_test.cpp, take_test.cpp
//   12 a device comes online while it rings      cases_late_device_test.cpp
#include <string>

#include "call/call_world.h"
#include "call/check_text.h"

using parley::call::RejectReason;
using parley::call::RejectScope;
using parley::test::FourDevices;

namespace {

// A calls B from c1, and both devices of B ring.
class Ringing : public FourDevices {
 public:
  Ringing() {
    calls("c1", "A", {"B"});
    rings("c3");
    rings("c4");
    for (const char* c : {"c1", "c2", "c3", "c4"}) told(c);
  }
};

}  // namespace

START_TEST(of_two_devices_that_accept_at_once_the_first_wins_and_the_other_is_passive) {
  for (const bool third_first : {true, false}) {
    const std::string winner = third_first ? "c3" : "c4";
    const std::string loser = third_first ? "c4" : "c3";
    Ringing w;
    SAYS(w.accepts(winner), "ok active-receiver");
    SAYS(w.accepts(loser), "already_accepted " + winner);
    SAYS(w.accepts(winner), "ok active-receiver");
    SAYS(w.rings(loser), "ok passive-receiver");
    SAYS(w.told(winner), "");
    for (const std::string& c : {std::string("c1"), std::string("c2"), loser})
      SAYS(w.told(c), "accept:B@" + winner);
    SAYS(w.hangs_up("c1"), "ok");
    SAYS(w.end(), "completed 0 A=completed B=completed");
    SAYS(w.told("c1"), "end:completed");
    for (const char* c : {"c2", "c3", "c4"}) SAYS(w.told(c), "hangup:A@c1 end:completed");
    SAYS(w.records(), "started accepted:B@" + winner + " ended:completed");
    SAYS(w.problems(), "");
  }
}
END_TEST

START_TEST(a_cancel_that_comes_first_finds_nobody_and_an_accept_that_comes_first_a_call) {
  {
    Ringing w;
    SAYS(w.hangs_up("c1"), "ok");
    SAYS(w.accepts("c3"), "ended");
    SAYS(w.told("c1"), "end:cancelled");
    for (const char* c : {"c2", "c3", "c4"}) SAYS(w.told(c), "hangup:A@c1 end:cancelled");
    SAYS(w.end(), "cancelled 0 A=cancelled B=cancelled");
    SAYS(w.records(), "started ended:cancelled");
    SAYS(w.problems(), "");
  }
  {
    Ringing w;
    SAYS(w.accepts("c3"), "ok active-receiver");
    SAYS(w.hangs_up("c1"), "ok");
    SAYS(w.told("c1"), "accept:B@c3 end:completed");
    SAYS(w.told("c3"), "hangup:A@c1 end:completed");
    for (const char* c : {"c2", "c4"}) SAYS(w.told(c), "accept:B@c3 hangup:A@c1 end:completed");
    SAYS(w.end(), "completed 0 A=completed B=completed");
    SAYS(w.records(), "started accepted:B@c3 ended:completed");
    SAYS(w.problems(), "");
  }
}
END_TEST

START_TEST(one_device_says_busy_and_another_accepts) {
  {
    Ringing w;
    SAYS(w.rejects("c3", RejectReason::kBusy), "ok");
    SAYS(w.accepts("c4"), "ended");
    SAYS(w.told("c3"), "end:busy");
    for (const char* c : {"c1", "c2", "c4"}) SAYS(w.told(c), "busy:B@c3 end:busy");
    SAYS(w.end(), "busy 0 A=busy B=busy");
    SAYS(w.records(), "started ended:busy");
    SAYS(w.problems(), "");
  }
  {
    Ringing w;
    SAYS(w.accepts("c4"), "ok active-receiver");
    SAYS(w.rejects("c3", RejectReason::kBusy), "already_accepted c4");
    SAYS(w.rings("c3"), "ok passive-receiver");
    SAYS(w.told("c4"), "");
    for (const char* c : {"c1", "c2", "c3"}) SAYS(w.told(c), "accept:B@c4");
    SAYS(w.end(), "");
    SAYS(w.records(), "started accepted:B@c4");
    SAYS(w.problems(), "");
  }
}
END_TEST

START_TEST(one_device_is_busy_for_itself_alone_and_another_accepts) {
  for (const bool busy_first : {true, false}) {
    Ringing w;
    const auto says_busy = [&] {
      return w.rejects("c3", RejectReason::kBusy, RejectScope::kConnection);
    };
    if (busy_first) SAYS(says_busy(), "ok");
    SAYS(w.accepts("c4"), "ok active-receiver");
    if (!busy_first) SAYS(says_busy(), "already_accepted c4");
    SAYS(w.rings("c3"), "ok passive-receiver");
    const std::string before = busy_first ? "busy-here:B@c3 " : "";
    for (const char* c : {"c1", "c2"}) SAYS(w.told(c), before + "accept:B@c4");
    SAYS(w.told("c3"), "accept:B@c4");
    SAYS(w.told("c4"), busy_first ? "busy-here:B@c3" : "");
    SAYS(w.hangs_up("c4"), "ok");
    SAYS(w.end(), "completed 0 A=completed B=completed");
    SAYS(w.problems(), "");
  }
}
END_TEST

START_TEST(who_is_in_a_call_is_rung_all_the_same_and_may_end_the_first_before_or_after) {
  for (const bool hangs_up_first : {true, false}) {
    FourDevices w;
    w.connect("x1", "X");
    w.calls("x1", "X", {"B"}, "first");
    w.accepts("c3", "first");
    for (const char* c : {"c3", "c4", "x1"}) w.told(c);
    SAYS(w.calls("c1", "A", {"B"}), "ok active-initiator");
    for (const char* c : {"c3", "c4"}) SAYS(w.told(c), "init:-");
    SAYS(w.told("c2"), "init:passive-initiator");
    if (hangs_up_first) SAYS(w.hangs_up("c3", "first"), "ok");
    SAYS(w.accepts("c3"), "ok active-receiver");
    if (!hangs_up_first) SAYS(w.hangs_up("c3", "first"), "ok");
    SAYS(w.end(), "completed 0 B=completed X=completed");
    SAYS(w.told("x1"), "hangup:B@c3 end:completed");
    for (const char* c : {"c1", "c2"}) SAYS(w.told(c), "accept:B@c3");
    SAYS(w.told("c3"), "end:completed");
    SAYS(w.told("c4"), hangs_up_first ? "hangup:B@c3 end:completed accept:B@c3"
                                      : "accept:B@c3 hangup:B@c3 end:completed");
    SAYS(w.accepts("c3"), "ok active-receiver");
    SAYS(w.problems(), "");
  }
}
END_TEST

int main() {
  return parley::test::run(
      "answering", {of_two_devices_that_accept_at_once_the_first_wins_and_the_other_is_passive,
                    a_cancel_that_comes_first_finds_nobody_and_an_accept_that_comes_first_a_call,
                    one_device_says_busy_and_another_accepts,
                    one_device_is_busy_for_itself_alone_and_another_accepts,
                    who_is_in_a_call_is_rung_all_the_same_and_may_end_the_first_before_or_after});
}
