// What is refused and how, and that a repeated request changes nothing.
#include <string>

#include "call/call_world.h"
#include "call/check_text.h"

using namespace std::chrono_literals;
using parley::call::CallId;
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

}  // namespace

START_TEST(only_the_owner_of_from_may_call_as_it) {
  FourDevices w;
  SAYS(w.calls("c1", "B", {"A"}), "forbidden");
  SAYS(w.told("c3"), "");
}
END_TEST

START_TEST(calling_only_oneself_is_refused) {
  FourDevices w;
  SAYS(w.calls("c1", "A", {"A"}, "one"), "bad_request");
  SAYS(w.calls("c1", "A", {}, "two"), "bad_request");
}
END_TEST

START_TEST(a_call_has_a_bounded_number_of_receivers) {
  FourDevices w;
  std::vector<std::string> many;
  for (int i = 0; i < 49; ++i) many.push_back("p" + std::to_string(i));
  SAYS(w.calls("c1", "A", many, "one"), "ok active-initiator");
  many.push_back("p49");
  SAYS(w.calls("c1", "A", many, "two"), "too_large");
}
END_TEST

START_TEST(a_user_has_at_most_four_unanswered_calls) {
  FourDevices w;
  for (const char* id : {"one", "two", "three", "four"})
    SAYS(w.calls("c1", "A", {"B"}, id), "ok active-initiator");
  SAYS(w.calls("c2", "A", {"B"}, "five"), "rate_limited");
  w.accepts("c3", "one");
  SAYS(w.calls("c2", "A", {"B"}, "five"), "ok active-initiator");  // that id was not used up
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_user_opens_a_bounded_number_of_calls_that_live) {
  parley::call::Limits limits;
  limits.live_calls_per_user = 3;
  CallWorld w(limits);
  w.connect("c1", "A");
  w.connect("c3", "B");
  for (const char* id : {"one", "two", "three"}) {
    SAYS(w.calls("c1", "A", {"B"}, id), "ok active-initiator");
    SAYS(w.accepts("c3", id), "ok active-receiver");
  }
  SAYS(w.calls("c1", "A", {"B"}, "four"), "rate_limited");
  w.hangs_up("c3", "two");
  SAYS(w.calls("c1", "A", {"B"}, "four"), "ok active-initiator");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_call_that_replaces_another_counts_in_its_stead_and_no_more) {
  parley::call::Limits limits;
  limits.live_calls_per_user = 5;
  FourDevices w(limits);
  const auto replacing = [](const char* chain) {
    Init init;
    init.from = ProfileId("A");
    init.to = {ProfileId("B")};
    init.chain = parley::call::ChainId(chain);
    init.replace = true;
    return init;
  };
  SAYS(w.calls("c1", "A", {"B"}, "answered"), "ok active-initiator");
  SAYS(w.accepts("c3", "answered"), "ok active-receiver");
  for (const char* id : {"one", "two", "three", "four"})
    SAYS(w.calls("c1", "A", {"B"}, id), "ok active-initiator");
  // Its own fourth unanswered call may be another one; a fifth in the stead of a running one not.
  SAYS(w.send_as("five", "c1", replacing("four")), "ok active-initiator");
  SAYS(w.send_as("six", "c1", replacing("answered")), "rate_limited");
  SAYS(w.hangs_up("c1", "five"), "ok");
  SAYS(w.send_as("six", "c1", replacing("answered")), "ok active-initiator");
  ck_assert_uint_eq(w.machine().live_calls(), 4);
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(ids_of_calls_and_chains_are_taken_once) {
  FourDevices w;
  w.calls("c1", "A", {"B"}, "one");
  w.hangs_up("c1", "one");
  SAYS(w.calls("c3", "B", {"A"}, "one"), "conflict");
  w.pass(10min);  // the request is forgotten, the call is not
  SAYS(w.calls("c1", "A", {"B"}, "one"), "conflict");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(only_members_may_name_a_chain) {
  FourDevices w;
  w.connect("x1", "X");
  w.calls("c1", "A", {"B"}, "one");
  w.hangs_up("c1", "one");
  SAYS(w.send_as("three", "x1", in_chain("X", "A", "one")), "not_found");
  SAYS(w.send_as("four", "c3", in_chain("B", "A", "unheard-of")), "not_found");
  SAYS(w.send_as("five", "c3", in_chain("B", "X", "one")), "ok active-initiator");
  const auto& ok = std::get<parley::call::Ok>(w.last_reply()->body);
  SAYS(ok.chain->str(), "one");
  SAYS(ok.call->str(), "five");
  w.hangs_up("c3", "five");
  // X was called within the chain, and is no member of it for that.
  SAYS(w.send_as("six", "x1", in_chain("X", "A", "one")), "not_found");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(outsiders_learn_nothing_and_participants_learn_that_it_is_over) {
  FourDevices w;
  w.connect("x1", "X");
  w.calls("c1", "A", {"B"});
  SAYS(w.accepts("x1"), "not_found");
  SAYS(w.hangs_up("x1"), "not_found");
  w.hangs_up("c1");
  SAYS(w.accepts("x1"), "not_found");
  SAYS(w.accepts("c3"), "ended");
  SAYS(w.rings("c4"), "ended");
}
END_TEST

START_TEST(messages_of_the_other_side_are_refused) {
  FourDevices w;
  w.calls("c1", "A", {"B"});
  SAYS(w.send("c1", parley::call::Pending{CallId("call")}), "bad_request");
  SAYS(w.send("c3", parley::call::Pending{CallId("call")}), "bad_request");
  SAYS(w.rings("c2"), "bad_request");
  SAYS(w.rejects("c2"), "bad_request");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_ringing_that_crossed_an_accept_is_no_error) {
  FourDevices w;
  w.calls("c1", "A", {"B"});
  w.accepts("c3");
  w.told("c1");
  SAYS(w.rings("c4"), "ok passive-receiver");
  SAYS(w.told("c1"), "");
}
END_TEST

START_TEST(a_repeat_gets_the_first_answer_and_changes_nothing) {
  FourDevices w;
  w.media_connects_at_once();
  w.calls("c1", "A", {"B"});
  w.told("c3");
  SAYS(w.calls("c2", "A", {"X"}), "ok active-initiator");  // other members, another device
  SAYS(w.told("c3"), "");
  const parley::call::Accept accept{CallId("call")};
  SAYS(w.send_as("acc", "c3", accept), "ok active-receiver");
  SAYS(w.send_as("acc", "c4", accept), "ok active-receiver");  // what c3 was told
  SAYS(w.send_as("acc", "c1", accept), "conflict");            // another user's id
  w.pass(10min);
  SAYS(w.send_as("acc", "c3", accept), "ok active-receiver");  // forgotten: done anew
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_user_has_256_requests_remembered) {
  FourDevices w;
  w.calls("c1", "A", {"B"});
  w.send_as("first", "c3", parley::call::Ringing{CallId("call")});
  w.hangs_up("c1");
  SAYS(w.send_as("first", "c3", parley::call::Ringing{CallId("call")}), "ok");
  for (int i = 0; i < 255; ++i) w.rings("c3");
  SAYS(w.send_as("first", "c3", parley::call::Ringing{CallId("call")}), "ok");
  w.rings("c3");
  SAYS(w.send_as("first", "c3", parley::call::Ringing{CallId("call")}), "ended");
}
END_TEST

START_TEST(ended_calls_are_remembered_up_to_a_bound) {
  parley::call::Limits limits;
  limits.remembered_calls = 2;
  FourDevices w(limits);
  for (const char* id : {"one", "two", "three"}) {
    w.calls("c1", "A", {"B"}, id);
    w.hangs_up("c1", id);
  }
  SAYS(w.accepts("c3", "three"), "ended");
  SAYS(w.accepts("c3", "two"), "ended");
  SAYS(w.accepts("c3", "one"), "ended");  // the store knows it still
  w.hold_store();
  SAYS(w.accepts("c3", "one"), "ended");
  SAYS(w.accepts("c3", "two"), "");
}
END_TEST

START_TEST(a_decision_is_recorded_before_anybody_is_told) {
  FourDevices w;
  w.calls("c1", "A", {"B"});
  ck_assert(std::holds_alternative<parley::call::Save>(w.effects().at(0)));
  ck_assert(std::holds_alternative<parley::call::SendReply>(w.effects().at(1)));
  w.accepts("c3");
  ck_assert(std::holds_alternative<parley::call::Save>(w.effects().at(0)));
  w.hangs_up("c3");
  ck_assert(std::holds_alternative<parley::call::Save>(w.effects().at(0)));
}
END_TEST

int main() {
  return parley::test::run(
      "requests",
      {only_the_owner_of_from_may_call_as_it, calling_only_oneself_is_refused,
       a_call_has_a_bounded_number_of_receivers, a_user_has_at_most_four_unanswered_calls,
       a_user_opens_a_bounded_number_of_calls_that_live,
       a_call_that_replaces_another_counts_in_its_stead_and_no_more,
       ids_of_calls_and_chains_are_taken_once, only_members_may_name_a_chain,
       outsiders_learn_nothing_and_participants_learn_that_it_is_over,
       messages_of_the_other_side_are_refused, a_ringing_that_crossed_an_accept_is_no_error,
       a_repeat_gets_the_first_answer_and_changes_nothing, a_user_has_256_requests_remembered,
       ended_calls_are_remembered_up_to_a_bound, a_decision_is_recorded_before_anybody_is_told});
}
