// A group call that is partly accepted (case 7), joined late (case 8), and left by the last one
// (case 9), in both orders of what competes.
#include <string>

#include "call/call_world.h"
#include "call/check_text.h"

using namespace std::chrono_literals;
using parley::test::CallWorld;

namespace {

// A on a1 and a2, B on b1, C on c1. A calls B and C, and both ring.
class Group : public CallWorld {
 public:
  Group() {
    media_connects_at_once();
    connect("a1", "A");
    connect("a2", "A");
    connect("b1", "B");
    connect("c1", "C");
    calls("a1", "A", {"B", "C"});
    rings("b1");
    rings("c1");
    forget();
  }
  void forget() {
    for (const char* c : {"a1", "a2", "b1", "c1"}) told(c);
  }
};

}  // namespace

START_TEST(a_caller_who_hangs_up_before_any_accept_cancels_and_after_one_only_leaves) {
  {
    Group w;
    SAYS(w.hangs_up("a1"), "ok");
    SAYS(w.accepts("b1"), "ended");
    SAYS(w.told("a1"), "end:cancelled");
    for (const char* c : {"a2", "b1", "c1"}) SAYS(w.told(c), "hangup:A@a1 end:cancelled");
    SAYS(w.end(), "cancelled 0 A=cancelled B=cancelled C=cancelled");
    SAYS(w.problems(), "");
  }
  {
    Group w;
    SAYS(w.accepts("b1"), "ok active-receiver");
    SAYS(w.hangs_up("a1"), "ok");
    SAYS(w.told("a1"), "accept:B@b1 left-completed:A");
    SAYS(w.told("b1"), "hangup:A@a1 left-completed:A");
    for (const char* c : {"a2", "c1"}) SAYS(w.told(c), "accept:B@b1 hangup:A@a1 left-completed:A");
    SAYS(w.accepts("c1"), "ok active-receiver");
    SAYS(w.hangs_up("b1"), "ok");
    SAYS(w.hangs_up("c1"), "ok");
    SAYS(w.end(), "completed 0 A=completed B=completed C=completed");
    SAYS(w.problems(), "");
  }
}
END_TEST

START_TEST(one_rejects_and_another_accepts) {
  for (const bool reject_first : {true, false}) {
    Group w;
    if (reject_first) SAYS(w.rejects("b1"), "ok");
    SAYS(w.accepts("c1"), "ok active-receiver");
    if (!reject_first) SAYS(w.rejects("b1"), "ok");
    const std::string reject = "reject:B@b1 left-rejected:B";
    for (const char* c : {"a1", "a2"})
      SAYS(w.told(c), reject_first ? reject + " accept:C@c1" : "accept:C@c1 " + reject);
    SAYS(w.told("b1"),
         reject_first ? "left-rejected:B accept:C@c1" : "accept:C@c1 left-rejected:B");
    SAYS(w.told("c1"), reject);
    SAYS(w.end(), "");
    SAYS(w.hangs_up("c1"), "ok");
    SAYS(w.hangs_up("a1"), "ok");
    SAYS(w.end(), "completed 0 A=completed B=rejected C=completed");
    SAYS(w.problems(), "");
  }
}
END_TEST

START_TEST(who_accepts_after_the_ringing_time_out_is_in_the_call_as_one_who_did_before) {
  for (const bool in_time : {true, false}) {
    Group w;
    w.accepts("b1");
    w.forget();
    w.pass(in_time ? 45s - 1ms : 45s);
    SAYS(w.accepts("c1"), "ok active-receiver");
    const std::string before = in_time ? "" : "ringing_timeout:C left-missed:C ";
    for (const char* c : {"a1", "a2", "b1"}) SAYS(w.told(c), before + "accept:C@c1");
    SAYS(w.told("c1"), in_time ? "" : "ringing_timeout:C left-missed:C");
    w.pass(in_time ? 1ms : 0ms);
    for (const char* c : {"b1", "c1", "a1"}) SAYS(w.hangs_up(c), "ok");
    SAYS(w.end(), "completed 45000 A=completed B=completed C=completed");
    SAYS(w.records(), std::string("started accepted:B@b1 ") + (in_time ? "" : "left:C=missed ") +
                          "accepted:C@c1 left:B=completed left:C=completed left:A=completed "
                          "ended:completed");
    SAYS(w.problems(), "");
  }
}
END_TEST

START_TEST(one_joins_before_the_last_one_leaves_or_finds_the_call_over) {
  {
    Group w;
    w.accepts("b1");
    w.rejects("c1");
    w.hangs_up("a1");
    w.forget();
    SAYS(w.accepts("c1"), "ok active-receiver");
    SAYS(w.hangs_up("b1"), "ok");
    for (const char* c : {"a1", "a2"}) SAYS(w.told(c), "accept:C@c1 hangup:B@b1 left-completed:B");
    SAYS(w.told("b1"), "accept:C@c1 left-completed:B");
    SAYS(w.told("c1"), "hangup:B@b1 left-completed:B");
    w.pass(60s);  // alone
    for (const char* c : {"a1", "a2", "b1", "c1"}) SAYS(w.told(c), "end:completed");
    SAYS(w.end(), "completed 60000 A=completed B=completed C=completed");
    SAYS(w.problems(), "");
  }
  {
    Group w;
    w.accepts("b1");
    w.rejects("c1");
    w.hangs_up("a1");
    w.forget();
    SAYS(w.hangs_up("b1"), "ok");
    SAYS(w.accepts("c1"), "ended");
    SAYS(w.told("b1"), "left-completed:B end:completed");
    for (const char* c : {"a1", "a2", "c1"})
      SAYS(w.told(c), "hangup:B@b1 left-completed:B end:completed");
    SAYS(w.end(), "completed 0 A=completed B=completed C=rejected");
    SAYS(w.problems(), "");
  }
}
END_TEST

START_TEST(one_comes_back_before_the_alone_time_out_or_finds_the_call_over) {
  for (const bool in_time : {true, false}) {
    Group w;
    w.accepts("b1");
    w.rejects("c1");
    w.hangs_up("a1");
    w.forget();
    w.pass(in_time ? 60s - 1ms : 60s);
    SAYS(w.accepts("a2"), in_time ? "ok active-initiator" : "ended");
    for (const char* c : {"a1", "b1", "c1"})
      SAYS(w.told(c), in_time ? "accept:A@a2" : "end:completed");
    SAYS(w.told("a2"), in_time ? "" : "end:completed");
    w.pass(10min);
    SAYS(w.end(), in_time ? "" : "completed 60000 A=completed B=completed C=rejected");
    SAYS(w.problems(), "");
  }
}
END_TEST

int main() {
  return parley::test::run(
      "group cases", {a_caller_who_hangs_up_before_any_accept_cancels_and_after_one_only_leaves,
                      one_rejects_and_another_accepts,
                      who_accepts_after_the_ringing_time_out_is_in_the_call_as_one_who_did_before,
                      one_joins_before_the_last_one_leaves_or_finds_the_call_over,
                      one_comes_back_before_the_alone_time_out_or_finds_the_call_over});
}
