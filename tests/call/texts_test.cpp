// Texts, and what the machine asks of the store because its own memory is bounded.
#include <string>

#include "call/call_world.h"
#include "call/check_text.h"

using namespace std::chrono_literals;
using parley::call::CallId;
using parley::call::CommandDone;
using parley::call::PostText;
using parley::call::ProfileId;
using parley::call::RequestId;
using parley::call::StoreText;
using parley::call::Text;
using parley::call::UserId;
using parley::test::CallWorld;
using parley::test::FourDevices;

namespace {

// The StoreText among the effects of the last input.
const StoreText& store_text(const CallWorld& w) {
  for (const auto& effect : w.effects())
    if (const auto* text = std::get_if<StoreText>(&effect)) return *text;
  ck_abort_msg("nothing is stored");
}

std::string names(const std::vector<ProfileId>& profiles) {
  std::string text;
  for (const ProfileId& profile : profiles) text += (text.empty() ? "" : " ") + profile.str();
  return text;
}

PostText posted(const char* id, const char* user, const char* from, const char* to,
                const char* body) {
  return {.id = RequestId(id),
          .user = UserId(user),
          .text = Text{.from = ProfileId(from), .chain = {}, .to = {ProfileId(to)}, .body = body}};
}

}  // namespace

START_TEST(a_text_reaches_every_device_of_every_member_but_the_one_it_came_from) {
  FourDevices w;
  w.connect("x1", "X");
  SAYS(w.texts("c1", "A", {"B"}, "hello", "t1"), "ok");
  const auto& ok = std::get<parley::call::Ok>(w.last_reply()->body);
  SAYS(ok.chain->str(), "t1");
  ck_assert(ok.at.has_value() && !ok.call);
  SAYS(w.told("c1"), "");
  SAYS(w.told("c2"), "text:hello");
  SAYS(w.told("c3"), "text:hello");
  SAYS(w.told("c4"), "text:hello");
  SAYS(w.told("x1"), "");
  SAYS(w.texts_into("c4", "B", "t1", "hi", "t2"), "ok");
  SAYS(std::get<parley::call::Ok>(w.last_reply()->body).chain->str(), "t1");
  SAYS(w.told("c1"), "text:hi");
  SAYS(w.told("c4"), "");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_text_is_told_only_once_it_is_on_disk) {
  FourDevices w;
  w.hold_store();
  SAYS(w.texts("c1", "A", {"B"}, "hello", "t1"), "");
  SAYS(w.told("c3"), "");
  w.connect("c5", "B");  // it came in time to be told
  w.disconnect("c1");    // the text is none the worse for it
  w.release_store();
  SAYS(w.told("c2"), "text:hello");
  SAYS(w.told("c3"), "text:hello");
  SAYS(w.told("c5"), "text:hello");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_repeated_text_is_stored_once_and_answered_on_both_devices) {
  FourDevices w;
  w.hold_store();
  w.texts("c1", "A", {"B"}, "hello", "t1");
  SAYS(w.texts("c2", "A", {"B"}, "hello again", "t1"), "");
  w.release_store();
  SAYS(w.texts("c1", "A", {"B"}, "and again", "t1"), "ok");
  SAYS(w.texts("c3", "B", {"A"}, "not yours", "t1"), "conflict");
  SAYS(w.told("c3"), "text:hello");
  SAYS(w.store().texts(), "A:hello");
  w.pass(10min);  // the request is forgotten, its id is not
  SAYS(w.texts("c1", "A", {"B"}, "much later", "t1"), "conflict");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(what_cannot_be_sent_is_refused_in_clear_words) {
  FourDevices w;
  SAYS(w.texts("c1", "B", {"A"}, "as another", "t1"), "forbidden");
  SAYS(w.texts("c1", "A", {"B"}, "", "t2"), "bad_request");
  SAYS(w.texts("c1", "A", {"A"}, "to myself", "t3"), "bad_request");
  SAYS(w.texts("c1", "A", {"B"}, std::string(8193, 'x'), "t4"), "too_large");
  const auto& refusal = std::get<parley::call::Refusal>(w.last_reply()->body);
  ck_assert(refusal.message.find("8192") != std::string::npos);
  SAYS(w.texts("c1", "A", {"B"}, std::string(8192, 'x'), "t5"), "ok");
  SAYS(w.texts("c1", "A", std::vector<std::string>(50, "B"), "one fifty times", "t6"), "ok");
  std::vector<std::string> many;
  for (int i = 0; i < 50; ++i) many.push_back("M" + std::to_string(i));
  SAYS(w.texts("c1", "A", many, "too many", "t7"), "too_large");
  w.calls("c1", "A", {"B"}, "k1");
  w.hangs_up("c1", "k1");
  w.pass(10min);  // known as a call's id even when the request is forgotten
  SAYS(w.texts("c1", "A", {"B"}, "id of a call", "k1"), "conflict");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(own_profiles_and_repetitions_are_dropped_from_to) {
  CallWorld w;
  w.connect("c1", "a", {"A", "A2"});
  w.connect("c2", "b", {"B", "B2"});
  w.hold_store();
  w.texts("c1", "A", {"A2", "B", "A", "B2", "B"}, "hello", "t1");
  SAYS(names(store_text(w).text.members), "A B B2");
  ck_assert(store_text(w).founds);
  w.release_store();
  SAYS(w.told("c2"), "text:hello");  // once, though it is two of the members
  SAYS(w.texts_into("c1", "A2", "t1", "from another profile of mine", "t2"), "not_found");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(outsiders_and_people_invited_to_a_call_are_no_members) {
  FourDevices w;
  w.connect("x1", "X");
  SAYS(w.texts_into("x1", "X", "unheard-of", "hello", "t0"), "not_found");
  w.calls("c1", "A", {"B"}, "k1");
  SAYS(w.texts_into("x1", "X", "k1", "hello", "t1"), "not_found");
  SAYS(w.texts_into("c3", "B", "k1", "while it rings", "t2"), "ok");
  SAYS(w.told("x1"), "");
  w.hangs_up("c1", "k1");
  // Called within the chain, X is no member of it for that.
  parley::call::Init init;
  init.from = ProfileId("A");
  init.to = {ProfileId("X")};
  init.chain = parley::call::ChainId("k1");
  SAYS(w.send_as("k2", "c1", init), "ok active-initiator");
  w.accepts("x1", "k2");
  w.told("x1");
  SAYS(w.texts_into("x1", "X", "k1", "hello", "t3"), "not_found");
  SAYS(w.texts_into("c1", "A", "k1", "not for X", "t4"), "ok");
  SAYS(w.told("x1"), "");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(what_the_store_refuses_is_refused_and_may_be_tried_again) {
  FourDevices w;
  w.store().set_full(true);
  SAYS(w.texts("c1", "A", {"B"}, "hello", "t1"), "unavailable");
  SAYS(w.texts_into("c3", "B", "t1", "no such chain", "t2"), "not_found");
  w.store().set_full(false);
  SAYS(w.texts("c1", "A", {"B"}, "hello", "t1"), "ok");
  SAYS(w.store().texts(), "A:hello");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(while_the_store_takes_nothing_no_text_and_no_call_is_begun) {
  FourDevices w;
  w.calls("c1", "A", {"B"}, "k1");
  w.set_storing(false);
  SAYS(w.texts("c1", "A", {"B"}, "hello", "t1"), "unavailable");
  SAYS(w.texts_into("c1", "A", "k1", "hello", "t2"), "unavailable");
  SAYS(w.calls("c3", "B", {"X"}, "k2"), "unavailable");
  SAYS(w.accepts("c3", "k1"), "ok active-receiver");  // what lives goes on
  SAYS(w.commands(posted("t3", "server", "S", "A", "hello")), "unavailable");
  w.set_storing(true);
  SAYS(w.texts("c1", "A", {"B"}, "hello", "t1"), "ok");
  w.shut_down();
  SAYS(w.texts("c1", "A", {"B"}, "hello", "t4"), "unavailable");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(members_without_a_device_are_named_to_the_store) {
  CallWorld w;
  w.connect("c1", "A");
  w.connect("c3", "B");
  w.hold_store();
  w.texts("c1", "A", {"B", "C"}, "hello", "t1");
  SAYS(names(store_text(w).unheard), "C");
  w.disconnect("c3");
  w.texts("c1", "A", {"B", "C"}, "hello", "t2");
  SAYS(names(store_text(w).unheard), "B C");
  w.release_store();
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_server_sends_texts_in_the_name_of_any_profile_and_a_repeat_sends_one) {
  FourDevices w;
  SAYS(w.commands(posted("t1", "server", "A", "B", "hello")), "ok");
  for (const char* device : {"c1", "c2", "c3", "c4"}) SAYS(w.told(device), "text:hello");
  SAYS(w.commands(posted("t1", "server", "A", "B", "once more")), "ok");
  SAYS(w.told("c3"), "");
  SAYS(w.commands(posted("t1", "another", "A", "B", "mine")), "conflict");
  SAYS(w.texts_into("c3", "B", "t1", "thanks", "t2"), "ok");
  w.hold_store();
  SAYS(w.commands(posted("t3", "server", "A", "B", "held")), "");
  SAYS(w.commands(posted("t3", "server", "A", "B", "held")), "");
  w.release_store();
  PostText into = posted("t4", "server", "X", "A", "no member");
  into.text.to.clear();
  into.text.chain = parley::call::ChainId("t1");
  SAYS(w.commands(into), "not_found");
  into.id = RequestId("t5");
  into.text.from = ProfileId("B");
  SAYS(w.commands(into), "ok");
  SAYS(w.store().texts(), "A:hello B:thanks A:held B:no member");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_chain_of_earlier_times_is_asked_of_the_store) {
  FourDevices w;
  w.connect("x1", "X");
  w.texts("c1", "A", {"B"}, "hello", "t1");
  w.restart();
  for (const char* device : {"c1", "c2"}) w.connect(device, "A");
  w.connect("c3", "B");
  w.connect("x1", "X");
  SAYS(w.texts_into("x1", "X", "t1", "let me in", "t2"), "not_found");
  SAYS(w.texts_into("c3", "B", "t1", "hi", "t3"), "ok");
  SAYS(w.told("c1"), "text:hi");
  parley::call::Init init;
  init.from = ProfileId("A");
  init.to = {ProfileId("B")};
  init.chain = parley::call::ChainId("t1");
  w.restart();
  w.connect("c1", "A");
  w.connect("c3", "B");
  SAYS(w.send_as("k1", "c1", init), "ok active-initiator");
  SAYS(std::get<parley::call::Ok>(w.last_reply()->body).chain->str(), "t1");
  SAYS(w.accepts("c3", "k1"), "ok active-receiver");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(an_ended_call_of_earlier_times_is_over_for_its_participants_and_unknown_to_others) {
  FourDevices w;
  w.calls("c1", "A", {"B"}, "k1");
  w.hangs_up("c1", "k1");
  w.restart();
  w.connect("c1", "A");
  w.connect("c3", "B");
  w.connect("x1", "X");
  SAYS(w.accepts("x1", "k1"), "not_found");
  SAYS(w.accepts("c3", "k1"), "ended");
  SAYS(w.hangs_up("c1", "k1"), "ended");
  SAYS(w.hangs_up("c1", "unheard-of"), "not_found");
  SAYS(w.publishes("c3", "k1"), "ended");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(what_cannot_be_read_is_not_taken_for_missing) {
  FourDevices w;
  w.texts("c1", "A", {"B"}, "hello", "t1");
  w.calls("c1", "A", {"B"}, "k1");
  w.hangs_up("c1", "k1");
  w.restart();
  for (const char* device : {"c1", "c2"}) w.connect(device, "A");
  w.store().set_unreadable(true);
  SAYS(w.texts_into("c1", "A", "t1", "hi", "t2"), "unavailable");
  SAYS(w.accepts("c1", "k1"), "unavailable");
  parley::call::Text text{ProfileId("B"), parley::call::ChainId("t1"), {}, "from a server"};
  SAYS(w.commands(
           parley::call::PostText{parley::call::RequestId("t3"), parley::call::UserId("s"), text}),
       "unavailable");
  w.store().set_unreadable(false);
  SAYS(w.texts_into("c1", "A", "t1", "hi", "t2"), "ok");
  SAYS(w.accepts("c1", "k1"), "ended");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(several_requests_wait_and_the_world_changes_meanwhile) {
  FourDevices w;
  w.texts("c1", "A", {"B"}, "hello", "t1");
  w.restart();
  w.connect("c1", "A");
  w.connect("c2", "A");
  w.connect("c3", "B");
  w.hold_store();
  w.texts_into("c1", "A", "t1", "one", "t2");
  w.texts_into("c3", "B", "t1", "two", "t3");
  w.accepts("c3", "unheard-of");
  w.send_as("t4", "c1", Text{ProfileId("A"), parley::call::ChainId("t1"), {}, "three"});
  w.send_as("t4", "c2", Text{ProfileId("A"), parley::call::ChainId("t1"), {}, "three"});
  w.texts_into("c2", "A", "t1", "never mind", "t5");
  w.disconnect("c1");
  w.connect("c1b", "A");
  w.release_store();
  // c1 is gone: its own text is dropped unheard, what c2 repeated is done for c2.
  SAYS(w.store().texts(), "A:hello B:two A:three A:never mind");
  SAYS(w.told("c1b"), "text:two text:three text:never mind");
  SAYS(w.told("c2"), "text:two");
  SAYS(w.told("c3"), "text:three text:never mind");
  // The id was not used up.
  SAYS(w.texts_into("c2", "A", "t1", "one", "t2"), "ok");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(what_waits_for_the_store_is_bounded) {
  FourDevices w;
  w.hold_store();
  for (int i = 0; i < 256; ++i) SAYS(w.accepts("c1", "unheard-of"), "");
  SAYS(w.accepts("c1", "unheard-of"), "rate_limited");
  SAYS(w.texts("c1", "A", {"B"}, "hello", "t1"), "rate_limited");
  SAYS(w.texts("c3", "B", {"A"}, "hello", "t2"), "");
  w.release_store();
  SAYS(w.texts("c1", "A", {"B"}, "hello", "t1"), "ok");
  w.hold_store();
  for (int user = 0; user < 32; ++user) {
    const std::string name = "u" + std::to_string(user);
    w.connect(name, name);
    for (int i = 0; i < 256; ++i) SAYS(w.accepts(name, "unheard-of"), "");
  }
  SAYS(w.accepts("c3", "unheard-of"), "unavailable");
  w.release_store();
  SAYS(w.accepts("c3", "unheard-of"), "not_found");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(chains_are_remembered_up_to_a_bound_and_the_used_ones_longest) {
  parley::call::Limits limits;
  limits.remembered_calls = 2;
  FourDevices w(limits);
  w.texts("c1", "A", {"B"}, "1", "t1");
  w.texts("c1", "A", {"B"}, "2", "t2");
  w.texts_into("c1", "A", "t1", "3", "t3");
  w.texts("c1", "A", {"B"}, "4", "t4");
  w.hold_store();
  w.texts_into("c1", "A", "t1", "known", "t5");
  ck_assert(std::holds_alternative<StoreText>(w.effects().at(0)));
  w.texts_into("c1", "A", "t2", "forgotten", "t6");
  ck_assert(std::holds_alternative<parley::call::Recall>(w.effects().at(0)));
  w.release_store();
  SAYS(w.store().texts(), "A:1 A:2 A:3 A:4 A:known A:forgotten");
  SAYS(w.problems(), "");
}
END_TEST

int main() {
  return parley::test::run(
      "texts",
      {a_text_reaches_every_device_of_every_member_but_the_one_it_came_from,
       a_text_is_told_only_once_it_is_on_disk,
       a_repeated_text_is_stored_once_and_answered_on_both_devices,
       what_cannot_be_sent_is_refused_in_clear_words,
       own_profiles_and_repetitions_are_dropped_from_to,
       outsiders_and_people_invited_to_a_call_are_no_members,
       what_the_store_refuses_is_refused_and_may_be_tried_again,
       while_the_store_takes_nothing_no_text_and_no_call_is_begun,
       members_without_a_device_are_named_to_the_store,
       a_server_sends_texts_in_the_name_of_any_profile_and_a_repeat_sends_one,
       a_chain_of_earlier_times_is_asked_of_the_store,
       an_ended_call_of_earlier_times_is_over_for_its_participants_and_unknown_to_others,
       what_cannot_be_read_is_not_taken_for_missing,
       several_requests_wait_and_the_world_changes_meanwhile, what_waits_for_the_store_is_bounded,
       chains_are_remembered_up_to_a_bound_and_the_used_ones_longest});
}
