// The driver and the store: nothing is told before it is on disk, and what the machine does not
// know is asked for.
#include <string>
#include <vector>

#include "app/driver_world.h"
#include "app/pages.h"

using namespace parley;
using namespace parley::test;

namespace {

constexpr base::WallTime kAt{std::chrono::milliseconds(1700000000123)};

void two_of_each(World& w) {
  w.arrive(1, "alice");
  w.arrive(2, "alice");
  w.arrive(3, "bob");
  w.arrive(4, "bob");
}

store::StoredCall call_of_old() {
  store::StoredCall call;
  call.call = base::CallId("old");
  call.chain = base::ChainId("old");
  call.started = kAt;
  call.ended = kAt + std::chrono::milliseconds(5000);
  call.reason = "missed";
  call.participants = {{base::ProfileId("alice"), true, "missed"},
                       {base::ProfileId("bob"), false, "missed"}};
  return call;
}

store::StoredText text_of_old(const std::string& id, const std::string& body) {
  return {base::RequestId(id), base::ChainId("old"), base::ProfileId("alice"), body, kAt};
}

}  // namespace

START_TEST(tells_a_text_to_all_devices_when_it_is_on_disk) {
  World w;
  two_of_each(w);
  w.hold_commits = true;
  w.say(1, R"({"type":"text","id":"t1","from":"alice","to":"bob","body":"hi"})");
  ck_assert(!w.driver.idle());
  const auto& stored = std::get<store::TextSent>(w.saved.back());
  ck_assert_str_eq(stored.body.c_str(), "hi");
  ck_assert(stored.founders ==
            std::vector<base::ProfileId>({base::ProfileId("alice"), base::ProfileId("bob")}));
  for (const std::uint64_t socket : {1, 2, 3, 4}) ck_assert(!w.heard(socket, "t1"));
  w.commit_all();
  ck_assert(w.heard(1, R"({"type":"ok","ref":"t1","chainId":"t1","at":)"));
  ck_assert(!w.heard(1, R"("type":"text")"));
  for (const std::uint64_t socket : {2, 3, 4})
    ck_assert(w.heard(socket, R"({"type":"text","seq":1,"id":"t1","chainId":"t1",)"
                              R"("members":["alice","bob"],"from":"alice","body":"hi","at":)"));
  ck_assert(w.driver.idle());
  w.say(3, R"({"type":"text","id":"t2","from":"bob","chainId":"t1","body":"yes"})");
  ck_assert(std::get<store::TextSent>(w.saved.back()).founders.empty());
}
END_TEST

START_TEST(refuses_a_text_that_the_store_does_not_take) {
  World w;
  two_of_each(w);
  w.hold_commits = true;
  const std::string to_bob = R"("from":"alice","to":"bob","body":"hi"})";
  w.say(1, R"({"type":"text","id":"t1",)" + to_bob);
  w.answer_all(failure(base::Code::kUnavailable, "/var/lib/parley.db: disk full"));
  ck_assert(w.heard(1, R"("ref":"t1","kind":"retry","code":"unavailable")"));
  ck_assert(!w.heard(1, "/var/lib"));
  w.say(1, R"({"type":"text","id":"t2",)" + to_bob);
  w.answer_all(failure(base::Code::kConflict, "there is a call of this id"));
  ck_assert(w.heard(1, R"("ref":"t2","kind":"state","code":"conflict")"));
  ck_assert(!w.heard(3, R"("type":"text")"));
  ck_assert_uint_eq(w.driver.counters().refused_texts, 2);
  // A retry with the same id succeeds when the disk works again.
  w.say(1, R"({"type":"text","id":"t1",)" + to_bob);
  w.commit_all();
  ck_assert(w.heard(1, R"({"type":"ok","ref":"t1")"));
  ck_assert(w.heard(3, R"("id":"t1")"));
}
END_TEST

START_TEST(asks_the_store_for_chains_of_earlier_times) {
  World w;
  two_of_each(w);
  w.chains["old"] = {base::ChainId("old"), {base::ProfileId("alice"), base::ProfileId("bob")}};
  w.say(1, R"({"type":"text","id":"t1","from":"alice","chainId":"old","body":"hi"})");
  ck_assert(w.heard(1, R"({"type":"ok","ref":"t1","chainId":"old")"));
  ck_assert(w.heard(3, R"("chainId":"old","members":["alice","bob"])"));
  w.say(1, R"({"type":"text","id":"t2","from":"alice","chainId":"never","body":"hi"})");
  ck_assert(w.heard(1, R"("ref":"t2","kind":"request","code":"not_found")"));
  w.say(3, R"({"type":"call.init","id":"k","from":"bob","to":"alice","chainId":"old"})");
  ck_assert(w.heard(3, R"({"type":"ok","ref":"k","callId":"k","chainId":"old")"));
}
END_TEST

START_TEST(asks_the_store_for_calls_that_are_over) {
  World w;
  two_of_each(w);
  w.arrive(5, "eve");
  w.calls["old"] = call_of_old();
  w.say(3, R"({"type":"call.accept","id":"r1","callId":"old"})");
  ck_assert(w.heard(3, R"("ref":"r1","kind":"state","code":"ended")"));
  w.say(5, R"({"type":"call.accept","id":"r2","callId":"old"})");
  ck_assert(w.heard(5, R"("ref":"r2","kind":"request","code":"not_found")"));
  w.say(3, R"({"type":"call.accept","id":"r3","callId":"never"})");
  ck_assert(w.heard(3, R"("ref":"r3","kind":"request","code":"not_found")"));
}
END_TEST

START_TEST(begins_no_call_whose_id_is_taken_on_disk) {
  World w;
  two_of_each(w);
  w.hold_commits = true;
  w.say(1, R"({"type":"call.init","id":"k","from":"alice","to":"bob"})");
  w.answer_all(failure(base::Code::kConflict, "there is a text of this id"));
  ck_assert(w.heard(1, R"("ref":"k","kind":"state","code":"conflict")"));
  for (const std::uint64_t socket : {2, 3, 4}) ck_assert(!w.heard(socket, "call.init"));
  ck_assert_uint_eq(w.driver.counters().withdrawn_calls, 1);
  ck_assert_uint_eq(w.driver.counters().failed_commits, 0);
  ck_assert_uint_eq(w.driver.counters().live_calls, 0);
  ck_assert(w.driver.idle());
}
END_TEST

START_TEST(says_nothing_of_a_call_that_was_over_before_its_id_was_found_taken) {
  World w;
  two_of_each(w);
  w.hold_commits = true;
  w.say(1, R"({"type":"call.init","id":"k","from":"alice","to":"bob"})");
  w.say(1, R"({"type":"text","id":"t","from":"alice","to":"bob","body":"hi"})");
  w.say(1, R"({"type":"call.hangup","id":"h","callId":"k"})");
  w.answer_all(failure(base::Code::kConflict, "there is a call of this id"));
  ck_assert(w.heard(1, R"("ref":"k","kind":"state","code":"conflict")"));
  ck_assert(w.heard(1, R"({"type":"ok","ref":"h")"));
  w.commit_all();
  ck_assert(w.heard(3, R"("type":"text","seq":1,"id":"t")"));
  for (const std::uint64_t socket : {1, 2, 3, 4}) ck_assert(!w.heard(socket, R"("callId":"k")"));
  ck_assert_uint_eq(w.driver.counters().live_calls, 0);
  ck_assert_uint_eq(w.driver.counters().waiting_effects, 0);
  ck_assert(w.driver.idle());
}
END_TEST

START_TEST(begins_no_call_and_no_text_while_nothing_can_be_stored) {
  World w;
  two_of_each(w);
  w.driver.store_state(false);
  w.say(1, R"({"type":"call.init","id":"k","from":"alice","to":"bob"})");
  w.say(1, R"({"type":"text","id":"t","from":"alice","to":"bob","body":"hi"})");
  ck_assert(w.heard(1, R"("ref":"k","kind":"retry","code":"unavailable")"));
  ck_assert(w.heard(1, R"("ref":"t","kind":"retry","code":"unavailable")"));
  ck_assert(w.saved.empty());
  w.driver.store_state(true);
  w.say(1, R"({"type":"call.init","id":"k","from":"alice","to":"bob"})");
  ck_assert(w.heard(1, R"({"type":"ok","ref":"k")"));
}
END_TEST

START_TEST(denies_no_chain_and_no_call_that_it_cannot_read) {
  World w;
  w.arrive(1, "alice");
  w.chains["old"] = {base::ChainId("old"), {base::ProfileId("alice"), base::ProfileId("bob")}};
  w.calls["old"] = call_of_old();
  const std::string text = R"({"type":"text","id":"t","from":"alice","chainId":"old","body":"hi"})";
  w.unreadable = true;
  w.say(1, text);
  ck_assert(w.heard(1, R"("ref":"t","kind":"retry","code":"unavailable")"));
  w.say(1, R"({"type":"call.hangup","id":"h","callId":"old"})");
  ck_assert(w.heard(1, R"("ref":"h","kind":"retry","code":"unavailable")"));
  w.unreadable = false;
  w.say(1, text);
  ck_assert(w.heard(1, R"({"type":"ok","ref":"t")"));
  w.say(1, R"({"type":"call.hangup","id":"h","callId":"old"})");
  ck_assert(w.heard(1, R"("ref":"h","kind":"state","code":"ended")"));
}
END_TEST

START_TEST(answers_with_pages_of_chains_and_their_history) {
  World w;
  w.arrive(1, "alice");
  w.list->items = {
      {{base::ChainId("old"), {base::ProfileId("alice"), base::ProfileId("bob")}}, call_of_old()}};
  w.say(1, R"({"type":"chain.list","id":"q1"})");
  ck_assert(w.asked == std::vector<std::string>({"alice,-,50"}));
  ck_assert(w.heard(
      1, R"({"type":"ok","ref":"q1","items":[{"chainId":"old","members":["alice","bob"],"last":)"
         R"({"type":"call","id":"old","from":"alice","to":["bob"],)"
         R"("settings":{"audio":true,"video":true},"at":1700000000123,"endedAt":1700000005123,)"
         R"("durationMs":0,"reason":"missed","outcomes":{"alice":"missed","bob":"missed"}}}],)"
         R"("more":false})"));
  w.history->items = {text_of_old("t1", "hi"), text_of_old("t2", "there")};
  w.history->more = true;
  w.say(1, R"({"type":"chain.history","id":"q2","chainId":"old","before":"t3","limit":2})");
  ck_assert(w.asked.back() == "alice,old,t3,2");
  ck_assert(
      w.heard(1, R"({"type":"ok","ref":"q2","chainId":"old","items":[)"
                 R"({"type":"text","id":"t1","from":"alice","body":"hi","at":1700000000123},)"
                 R"({"type":"text","id":"t2","from":"alice","body":"there","at":1700000000123}],)"
                 R"("more":true})"));
}
END_TEST

START_TEST(refuses_pages_that_the_store_does_not_give) {
  World w;
  w.arrive(1, "alice");
  w.history = failure(base::Code::kNotFound, "no such chain");
  w.say(1, R"({"type":"chain.history","id":"q1","chainId":"x"})");
  ck_assert(w.heard(1, R"("ref":"q1","kind":"request","code":"not_found")"));
  w.list = failure(base::Code::kUnavailable, "/var/lib/parley.db: disk I/O error");
  w.say(1, R"({"type":"chain.list","id":"q2"})");
  ck_assert(w.heard(1, R"("ref":"q2","kind":"retry","code":"unavailable")"));
  ck_assert(!w.heard(1, "/var/lib"));
}
END_TEST

START_TEST(makes_no_page_too_large_for_a_slow_reader) {
  store::Page<store::StoredItem> page;
  store::Page<store::ChainSummary> list;
  const std::string body(8192, 'x');
  for (int i = 0; i < 200; ++i) {
    page.items.emplace_back(text_of_old("t" + std::to_string(i), body));
    list.items.push_back(
        {{base::ChainId("c" + std::to_string(i)), {}}, text_of_old("t" + std::to_string(i), body)});
  }
  const std::string history = encode_page(base::RequestId("q"), base::ChainId("old"), page);
  ck_assert_uint_le(history.size(), kMaxPageBytes);
  ck_assert_uint_ge(history.size(), kMaxPageBytes / 3);
  ck_assert(history.find(R"("id":"t199")") != std::string::npos);  // the newest stay
  ck_assert(history.find(R"("id":"t0")") == std::string::npos);
  ck_assert(history.find(R"("more":true})") != std::string::npos);
  const std::string chains = encode_page(base::RequestId("q"), list);
  ck_assert_uint_le(chains.size(), kMaxPageBytes);
  ck_assert(chains.find(R"("chainId":"c0")") != std::string::npos);
  ck_assert(chains.find(R"("chainId":"c199")") == std::string::npos);
  ck_assert(chains.find(R"("more":true})") != std::string::npos);
}
END_TEST

START_TEST(stores_what_an_application_is_told_together_with_what_it_tells_of) {
  Announcements announce;
  announce.of_save = [](const call::Save& save) {
    std::vector<store::Outgoing> out;
    if (std::holds_alternative<call::CallStarted>(save)) out.push_back({"o1", "started", kAt});
    return out;
  };
  announce.of_text = [](const call::StoreText& text) {
    return std::vector<store::Outgoing>{{"o2", text.text.body, kAt}};
  };
  World w(announce);
  two_of_each(w);
  w.hold_commits = true;
  w.say(1, R"({"type":"call.init","id":"k","from":"alice","to":"bob"})");
  ck_assert_uint_eq(w.held.size(), 1);  // one submission
  ck_assert_uint_eq(w.saved.size(), 2);
  ck_assert_str_eq(std::get<store::Outgoing>(w.saved[1]).body.c_str(), "started");
  w.commit_all();
  w.say(1, R"({"type":"text","id":"t","from":"alice","to":"bob","body":"hi"})");
  ck_assert_uint_eq(w.held.size(), 1);
  ck_assert_str_eq(std::get<store::Outgoing>(w.saved.back()).body.c_str(), "hi");
}
END_TEST

START_TEST(takes_no_requests_while_too_much_waits_for_the_disk) {
  World w({}, 10);
  two_of_each(w);
  w.hold_commits = true;
  std::string last;
  for (int i = 0; i < 4 && !w.heard(1, "unavailable"); ++i)
    last = w.ask(1, "call.init", R"("from":"alice","to":"bob")");
  ck_assert(w.heard(1, "\"ref\":\"" + last + R"(","kind":"retry","code":"unavailable")"));
  ck_assert_uint_eq(w.driver.counters().overloaded, 1);
  // Who wants to leave still can.
  const std::string leaving = w.ask(1, "call.hangup", R"("callId":"r1")");
  w.commit_all();
  ck_assert(w.heard(1, "{\"type\":\"ok\",\"ref\":\"" + leaving + "\""));
  const std::string again = w.ask(1, "call.init", R"("from":"alice","to":"bob")");
  w.commit_all();
  ck_assert(w.heard(1, "{\"type\":\"ok\",\"ref\":\"" + again + "\""));
}
END_TEST

START_TEST(answers_what_servers_command) {
  World w;
  begin_call(w);
  std::vector<Driver::Answer> answers;
  w.driver.command(call::EndCall{base::CallId("call")},
                   [&](const Driver::Answer& answer) { answers.push_back(answer); });
  w.driver.command(call::EndCall{base::CallId("never")},
                   [&](const Driver::Answer& answer) { answers.push_back(answer); });
  ck_assert_uint_eq(answers.size(), 2);
  ck_assert(std::holds_alternative<call::Refusal>(answers[1]));
}
END_TEST

int main() {
  return test::run(
      "driver and store",
      {tells_a_text_to_all_devices_when_it_is_on_disk, refuses_a_text_that_the_store_does_not_take,
       asks_the_store_for_chains_of_earlier_times, asks_the_store_for_calls_that_are_over,
       begins_no_call_whose_id_is_taken_on_disk,
       says_nothing_of_a_call_that_was_over_before_its_id_was_found_taken,
       begins_no_call_and_no_text_while_nothing_can_be_stored,
       denies_no_chain_and_no_call_that_it_cannot_read,
       answers_with_pages_of_chains_and_their_history, refuses_pages_that_the_store_does_not_give,
       makes_no_page_too_large_for_a_slow_reader,
       stores_what_an_application_is_told_together_with_what_it_tells_of,
       takes_no_requests_while_too_much_waits_for_the_disk, answers_what_servers_command});
}
