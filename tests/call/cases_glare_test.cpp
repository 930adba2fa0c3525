// Calls that cross (case 5), and a call.init into a chain whose last call lives (case 10): there is
// never a second call, whatever comes first.
#include <string>

#include "call/call_world.h"
#include "call/check_text.h"

using namespace std::chrono_literals;
using parley::call::ChainId;
using parley::call::Init;
using parley::call::ProfileId;
using parley::test::CallWorld;
using parley::test::FourDevices;

namespace {

Init init_of(const char* from, const char* to) {
  Init init;
  init.from = ProfileId(from);
  init.to = {ProfileId(to)};
  return init;
}

Init in_chain(const char* from, const char* to, const char* chain) {
  Init init = init_of(from, to);
  init.chain = ChainId(chain);
  return init;
}

Init replacing(Init init) {
  init.replace = true;
  return init;
}

// A on a1 and a2, B on b1, C on c1: A has called B and C in the chain "call".
class Group : public CallWorld {
 public:
  Group() {
    connect("a1", "A");
    connect("a2", "A");
    connect("b1", "B");
    connect("b2", "B");
    connect("c1", "C");
    calls("a1", "A", {"B", "C"});
    for (const char* c : {"a1", "a2", "b1", "b2", "c1"}) told(c);
  }
};

}  // namespace

START_TEST(of_two_calls_that_cross_the_second_accepts_the_first) {
  for (const bool a_first : {true, false}) {
    FourDevices w;
    SAYS(a_first ? w.calls("c1", "A", {"B"}, "one") : w.calls("c3", "B", {"A"}, "one"),
         "ok active-initiator");
    SAYS(a_first ? w.calls("c3", "B", {"A"}, "two") : w.calls("c1", "A", {"B"}, "two"),
         "ok active-receiver merged");
    const auto& ok = std::get<parley::call::Ok>(w.last_reply()->body);
    SAYS(ok.call->str(), "one");
    SAYS(ok.chain->str(), "one");
    ck_assert_uint_eq(w.machine().live_calls(), 1);
    SAYS(w.told(a_first ? "c1" : "c3"), a_first ? "accept:B@c3" : "accept:A@c1");
    SAYS(w.told(a_first ? "c4" : "c2"), a_first ? "init:- accept:B@c3" : "init:- accept:A@c1");
    SAYS(w.problems(), "");
  }
}
END_TEST

START_TEST(the_merged_id_names_no_call_but_stays_taken) {
  FourDevices w;
  w.calls("c1", "A", {"B"}, "one");
  w.calls("c3", "B", {"A"}, "two");
  SAYS(w.hangs_up("c3", "two"), "not_found");
  SAYS(w.calls("c3", "B", {"A"}, "two"), "ok active-receiver merged");  // the first answer
  w.hangs_up("c3", "one");
  w.pass(10min);
  SAYS(w.calls("c3", "B", {"A"}, "two"), "conflict");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(who_calls_back_on_another_device_than_took_the_call_is_passive) {
  FourDevices w;
  w.calls("c1", "A", {"B"}, "one");
  w.accepts("c3", "one");
  // It is answered, so it crosses nothing any more; but in its chain there is no second one.
  SAYS(w.send_as("two", "c4", in_chain("B", "A", "one")), "ok passive-receiver merged");
  SAYS(w.send_as("three", "c1", in_chain("A", "B", "one")), "ok active-initiator merged");
  SAYS(w.send_as("four", "c2", in_chain("A", "B", "one")), "ok passive-initiator merged");
  SAYS(w.send_as("five", "c4", init_of("B", "A")), "ok active-initiator");
  ck_assert_uint_eq(w.machine().live_calls(), 2);
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_crossing_call_that_names_a_chain_of_its_own_is_a_second_call) {
  FourDevices w;
  w.calls("c1", "A", {"B"}, "old");
  w.hangs_up("c1", "old");
  w.calls("c1", "A", {"B"}, "one");
  SAYS(w.send_as("two", "c3", in_chain("B", "A", "old")), "ok active-initiator");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(only_calls_between_exactly_the_same_two_cross) {
  CallWorld w;
  for (const char* who : {"A", "B", "C"}) w.connect(who + std::string("1"), who);
  w.calls("A1", "A", {"B", "C"}, "group");
  SAYS(w.calls("B1", "B", {"A"}, "one"), "ok active-initiator");
  SAYS(w.calls("A1", "A", {"B", "C"}, "two"), "ok active-initiator");
  SAYS(w.calls("B1", "B", {"A"}, "three"), "ok active-initiator");  // the same way, twice
  SAYS(w.calls("C1", "C", {"B"}, "four"), "ok active-initiator");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_call_that_is_over_is_crossed_by_nothing) {
  FourDevices w;
  w.calls("c1", "A", {"B"}, "one");
  w.hangs_up("c1", "one");
  SAYS(w.calls("c3", "B", {"A"}, "two"), "ok active-initiator");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(who_does_not_want_to_speak_here_crosses_without_accepting) {
  FourDevices w;
  w.calls("c1", "A", {"B"}, "one");
  Init later = init_of("B", "A");
  later.immediate = false;
  SAYS(w.send_as("two", "c4", later), "ok - merged");
  SAYS(w.accepts("c3", "one"), "ok active-receiver");  // picked up anywhere, as its own would be
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_late_member_of_a_running_chain_joins_its_call) {
  Group w;
  w.accepts("b1");
  w.rejects("c1");
  SAYS(w.send_as("two", "c1", in_chain("C", "A", "call")), "ok active-receiver merged");
  SAYS(w.told("b1"), "reject:C@c1 left-rejected:C accept:C@c1");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_member_who_takes_no_part_joins_as_if_invited) {
  CallWorld w;
  for (const char* c : {"a1", "b1", "c1", "c2"})
    w.connect(c, std::string(1, static_cast<char>(std::toupper(c[0]))));
  w.calls("a1", "A", {"B", "C"}, "old");
  w.hangs_up("a1", "old");
  w.send_as("call", "a1", in_chain("A", "B", "old"));  // C is a member, and was not called
  w.accepts("b1");
  for (const char* c : {"a1", "b1", "c1", "c2"}) w.told(c);
  SAYS(w.send_as("two", "c1", in_chain("C", "A", "old")), "ok active-receiver merged");
  SAYS(w.told("a1"), "invite:C@c1 accept:C@c1");
  SAYS(w.told("c2"), "init:- accept:C@c1");
  SAYS(w.told("c1"), "init:active-receiver");
  w.hangs_up("a1");  // a group for good
  SAYS(w.told("c1"), "hangup:A@a1 left-completed:A");
  w.hangs_up("b1");
  w.hangs_up("c1");
  SAYS(w.end(), "completed 0 A=completed B=completed C=completed");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(nobody_reaches_a_call_through_a_chain_he_is_no_member_of) {
  Group w;
  w.connect("x1", "X");
  w.accepts("b1");
  w.invites("a1", {"X"});
  SAYS(w.send_as("two", "x1", in_chain("X", "A", "call")),
       "not_found");  // invited to the call only
  SAYS(w.send_as("three", "x1", replacing(in_chain("X", "A", "call"))), "not_found");
  w.connect("y1", "Y");
  SAYS(w.send_as("four", "y1", in_chain("Y", "A", "call")), "not_found");
  w.happens(parley::call::Received{
      parley::call::ConnectionId("y1"),
      {parley::call::RequestId("five"), replacing(in_chain("Y", "A", "call"))},
      true});
  ck_assert(std::get<parley::call::Refusal>(w.last_reply()->body).code ==
            parley::call::ErrorCode::kNotFound);
  SAYS(w.end(), "");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(the_initiator_replaces_its_call_by_a_new_one) {
  Group w;
  w.accepts("b1");
  w.rejects("c1");
  w.told("b2");
  SAYS(w.send_as("new", "a2", replacing(in_chain("A", "B", "call"))), "ok active-initiator");
  SAYS(w.end(), "superseded 0 A=superseded B=superseded C=rejected");
  SAYS(w.told("b2"), "end:superseded init:-");
  SAYS(w.records(), "started accepted:B@b1 left:C=rejected ended:superseded started");
  SAYS(w.accepts("b1"), "ended");
  SAYS(w.accepts("b1", "new"), "ok active-receiver");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(replace_from_anybody_else_joins_unless_an_admin_asks) {
  Group w;
  SAYS(w.send_as("two", "b1", replacing(in_chain("B", "A", "call"))), "ok active-receiver merged");
  w.happens(parley::call::Received{
      parley::call::ConnectionId("b1"),
      {parley::call::RequestId("three"), replacing(in_chain("B", "A", "call"))},
      true});
  SAYS(w.end(), "superseded 0 A=superseded B=superseded C=superseded");
  ck_assert_uint_eq(w.machine().live_calls(), 1);
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(what_was_replaced_has_ended_although_the_new_call_could_not_be_stored) {
  for (const bool hung_up_before : {false, true}) {
    Group w;
    parley::call::StoreText old;  // the store alone remembers this id
    old.text.id = parley::call::RequestId("new");
    ck_assert(w.store().take(old).has_value());
    w.accepts("b1");
    w.media();
    for (const char* c : {"a1", "b1", "c1"}) w.told(c);
    w.hold_store();
    SAYS(w.send_as("new", "a2", replacing(in_chain("A", "B", "call"))), "conflict");
    SAYS(w.told("c1"), "");
    SAYS(w.media(), "");
    if (hung_up_before) SAYS(w.hangs_up("a2", "new"), "ok");
    for (const char* c : {"a1", "c1"})
      w.told(c);  // the gate keeps the end of the new one from them
    w.release_store();
    for (const char* c : {"a1", "c1"}) SAYS(w.told(c), "end:superseded");
    SAYS(w.media(), "feed1=none close1 feed2=none close2");
    SAYS(w.records(), hung_up_before ? "started accepted:B@b1 ended:cancelled ended:superseded"
                                     : "started accepted:B@b1 ended:superseded");
    ck_assert_uint_eq(w.machine().live_calls(), 0);
    ck_assert(!w.machine().deadline());
    SAYS(w.hangs_up("a2", "new"), "not_found");
    SAYS(w.problems(), "");
  }
}
END_TEST

int main() {
  return parley::test::run(
      "glare",
      {of_two_calls_that_cross_the_second_accepts_the_first,
       the_merged_id_names_no_call_but_stays_taken,
       who_calls_back_on_another_device_than_took_the_call_is_passive,
       a_crossing_call_that_names_a_chain_of_its_own_is_a_second_call,
       only_calls_between_exactly_the_same_two_cross, a_call_that_is_over_is_crossed_by_nothing,
       who_does_not_want_to_speak_here_crosses_without_accepting,
       a_late_member_of_a_running_chain_joins_its_call,
       a_member_who_takes_no_part_joins_as_if_invited,
       nobody_reaches_a_call_through_a_chain_he_is_no_member_of,
       the_initiator_replaces_its_call_by_a_new_one,
       replace_from_anybody_else_joins_unless_an_admin_asks,
       what_was_replaced_has_ended_although_the_new_call_could_not_be_stored});
}
