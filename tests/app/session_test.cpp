// From the hello to the end of a token.
#include <string>
#include <vector>

#include "app/session_fixture.h"

using namespace parley;
using namespace parley::test;
using Fed = std::vector<std::string>;

START_TEST(welcomes_who_shows_a_valid_token) {
  Lobby l;
  l.hello(1, l.token("alice"));
  ck_assert(l.fed == Fed({"connected alice"}));
  ck_assert(l.heard(1, R"("type":"welcome","ref":"h1","connectionId":"n1-)"));
  ck_assert(l.heard(1, R"("userId":"alice","profiles":["alice"])"));
  ck_assert(l.heard(1, R"("resumed":false)"));
  ck_assert_uint_eq(l.secret(1).size(), 64);  // 256 bits in hexadecimal
  ck_assert(l.proven == std::vector<std::uint64_t>({1}));
  ck_assert_uint_eq(l.sessions.attached(), 1);
}
END_TEST

START_TEST(turns_away_wrong_and_expired_tokens) {
  Lobby l;
  l.hello(1, "not.a.token");
  l.hello(2, l.token("alice", -std::chrono::hours(1)));
  for (const std::uint64_t socket : {1, 2}) {
    ck_assert(l.heard(socket, R"("code":"unauthorized")"));
    ck_assert(l.heard(socket, R"("ref":"h)" + std::to_string(socket)));
    ck_assert_int_eq(l.closed[socket], 1008);
    // ... and hears nothing more of it.
    l.say(socket, R"({"type":"hello","id":"x","token":")" + l.token("alice") + "\"}");
  }
  ck_assert(l.fed.empty());
  ck_assert(l.proven.empty());
  ck_assert_uint_eq(l.counters.refused_hellos, 2);
  l.drop(1);
  ck_assert_uint_eq(l.counters.refused_hellos, 2);
}
END_TEST

START_TEST(turns_away_who_says_anything_before_hello) {
  Lobby l;
  l.open(1);
  l.ask(1);
  ck_assert(l.heard(1, R"("ref":"r1","kind":"auth","code":"unauthorized")"));
  ck_assert_int_eq(l.closed[1], 1008);
  ck_assert(l.requests.empty());
}
END_TEST

START_TEST(turns_away_who_says_nothing_in_time) {
  Lobby l;
  l.open(1);
  ck_assert(*l.sessions.deadline() == l.now.mono + std::chrono::seconds(5));
  l.pass(std::chrono::milliseconds(4999));
  ck_assert(l.sent[1].empty());
  l.pass(std::chrono::milliseconds(1));
  ck_assert(l.heard(1, R"("code":"unauthorized")"));
  ck_assert_int_eq(l.closed[1], 1008);
  ck_assert(!l.sessions.deadline().has_value());
  l.pass(std::chrono::seconds(6));
  ck_assert_uint_eq(l.sent[1].size(), 1);
}
END_TEST

START_TEST(answers_a_second_hello_with_bad_request) {
  Lobby l;
  l.hello(1, l.token("alice"));
  l.say(1, R"({"type":"hello","id":"again","token":")" + l.token("alice") + "\"}");
  ck_assert(l.heard(1, R"("ref":"again","kind":"request","code":"bad_request")"));
  ck_assert(l.closed.empty());
}
END_TEST

START_TEST(closes_the_socket_when_the_token_expires_and_keeps_the_session) {
  Lobby l;
  l.hello(1, l.token("alice", std::chrono::minutes(10)));
  l.pass(std::chrono::minutes(9));
  ck_assert(l.closed.empty());
  l.pass(std::chrono::minutes(2));
  ck_assert(l.heard(1, R"({"type":"bye","reason":"expired"})"));
  ck_assert_int_eq(l.closed[1], 1008);
  ck_assert(l.fed == Fed({"connected alice", "lost 0"}));
  // What the old socket still says counts for nothing, and its end tells nothing new.
  l.ask(1);
  l.drop(1, 1008);
  ck_assert(l.requests.empty());
  ck_assert(l.fed == Fed({"connected alice", "lost 0"}));
  l.resume(2, l.token("alice"), l.secret(1), 0);
  ck_assert(l.heard(2, R"("resumed":true)"));
  ck_assert_str_eq(l.fed.back().c_str(), "resumed 0");
}
END_TEST

START_TEST(stays_when_the_token_is_renewed_in_time) {
  Lobby l;
  l.hello(1, l.token("alice", std::chrono::minutes(10)));
  l.pass(std::chrono::minutes(9));
  l.say(1, R"({"type":"token","id":"t1","token":")" + l.token("alice") + "\"}");
  ck_assert(l.heard(1, R"({"type":"ok","ref":"t1"})"));
  l.pass(std::chrono::minutes(2));
  ck_assert(l.closed.empty());
  l.pass(std::chrono::minutes(60));
  ck_assert_int_eq(l.closed[1], 1008);
}
END_TEST

START_TEST(takes_no_renewal_of_another_user_or_other_profiles) {
  Lobby l;
  l.hello(1, l.token("alice", std::chrono::minutes(10)));
  const auto renew = [&](const std::string& id, const std::string& jwt, const std::string& code) {
    l.say(1, R"({"type":"token","id":")" + id + R"(","token":")" + jwt + "\"}");
    return l.sent[1].back().find(R"("ref":")" + id) != std::string::npos &&
           l.sent[1].back().find(code) != std::string::npos;
  };
  ck_assert(renew("t1", l.token("bob"), "forbidden"));
  ck_assert(renew("t2", l.token("alice", std::chrono::hours(1), {base::ProfileId("alice-work")}),
                  "conflict"));
  ck_assert(renew("t3", "junk", "unauthorized"));
  // The old token goes on counting.
  l.pass(std::chrono::minutes(11));
  ck_assert_int_eq(l.closed[1], 1008);
}
END_TEST

START_TEST(does_not_expire_because_the_wall_clock_was_set_back) {
  Lobby l;
  l.hello(1, l.token("alice", std::chrono::minutes(10)));
  l.now.wall -= std::chrono::minutes(5);
  l.pass(std::chrono::minutes(11));
  ck_assert(l.closed.empty());
  ck_assert(*l.sessions.deadline() > l.now.mono);
}
END_TEST

START_TEST(says_with_each_request_whether_its_user_is_an_admin_now) {
  Lobby l;
  l.hello(1, l.token("alice", std::chrono::minutes(10), {}, {"admin", "record"}));
  l.hello(2, l.token("bob", std::chrono::minutes(10), {}, {"record"}));
  l.ask(1);
  l.ask(2);
  ck_assert(l.requests.at(0).admin);
  ck_assert(!l.requests.at(1).admin);
  // Its token has expired, though the timer has not come round yet.
  l.now.wall += std::chrono::minutes(11);
  l.ask(1);
  ck_assert(!l.requests.at(2).admin);
  l.say(1, R"({"type":"token","id":"t","token":")" + l.token("alice") + "\"}");
  l.ask(1);
  ck_assert(!l.requests.at(3).admin);
}
END_TEST

START_TEST(counts_events_from_one) {
  Lobby l;
  l.hello(1, l.token("alice"));
  l.event(0);
  l.sessions.text(base::ConnectionId(l.connections[0]),
                  {base::RequestId("t"), base::ChainId("c"), {}, base::ProfileId("bob"), "hi", {}});
  l.event(0);
  ck_assert(l.seqs(1) == std::vector<int>({1, 2, 3}));
  ck_assert(l.heard(1, R"({"type":"text","seq":2,"id":"t")"));
}
END_TEST

START_TEST(answers_what_is_no_json_and_stays) {
  Lobby l;
  l.hello(1, l.token("alice"));
  l.say(1, "{nonsense");
  ck_assert(l.sent[1].back().find(R"({"type":"error","kind")") == 0);
  ck_assert(l.closed.empty());
}
END_TEST

START_TEST(closes_on_what_is_too_large_or_too_deep_and_keeps_the_session) {
  Lobby l;
  l.hello(1, l.token("alice"));
  l.say(1, std::string(100'000, '['));
  ck_assert_int_eq(l.closed[1], 1009);
  l.hello(2, l.token("alice"));
  l.say(2, R"({"type":"call.hangup","id":"r","x":)" + std::string(20'000, '[') +
               std::string(20'000, ']') + "}");
  ck_assert_int_eq(l.closed[2], 1008);
  ck_assert(l.fed == Fed({"connected alice", "lost 0", "connected alice", "lost 1"}));
  l.open(3);
  l.say(3, std::string(100'000, '['));
  ck_assert_int_eq(l.closed[3], 1009);
}
END_TEST

START_TEST(says_bye_to_who_floods) {
  Lobby l;
  l.hello(1, l.token("alice"));
  l.open(2);
  for (const std::uint64_t socket : {1, 2}) {
    l.sessions.flooding(base::SocketId{socket}, l.now);
    ck_assert(l.heard(socket, R"({"type":"bye","reason":"rate_limited"})"));
    ck_assert_int_eq(l.closed[socket], 1008);
  }
  ck_assert(l.fed == Fed({"connected alice", "lost 0"}));
}
END_TEST

START_TEST(says_goodbye_to_all_and_nothing_after_it) {
  Lobby l;
  l.hello(1, l.token("alice"));
  l.open(2);
  l.sessions.say_goodbye();
  for (const std::uint64_t socket : {1, 2}) {
    ck_assert(l.heard(socket, R"({"type":"bye","reason":"shutdown"})"));
    ck_assert_int_eq(l.closed[socket], 1001);
  }
  l.drop(1, 1001);
  ck_assert(l.fed == Fed({"connected alice", "gone 0"}));
  ck_assert_uint_eq(l.sessions.lost(), 0);
}
END_TEST

START_TEST(bounds_the_pages_one_connection_reads_at_once) {
  Lobby l;
  l.hello(1, l.token("alice"));
  for (int i = 0; i < 9; ++i)
    l.say(1, R"({"type":"chain.list","id":"q)" + std::to_string(i) + "\"}");
  ck_assert_uint_eq(l.questions.size(), 8);
  ck_assert(l.heard(1, R"("ref":"q8","kind":"retry","code":"rate_limited")"));
  l.sessions.answer(l.questions[0].first, "{}");
  l.sessions.refuse_question(l.questions[1].first, base::RequestId("q1"),
                             {call::ErrorCode::kNotFound, "no such chain", {}});
  ck_assert(l.heard(1, R"("ref":"q1","kind":"request","code":"not_found")"));
  l.say(1, R"({"type":"chain.history","id":"q9","chainId":"c"})");
  l.say(1, R"({"type":"chain.history","id":"q10","chainId":"c"})");
  l.say(1, R"({"type":"chain.history","id":"q11","chainId":"c"})");
  ck_assert_uint_eq(l.questions.size(), 10);
  ck_assert(l.heard(1, R"("ref":"q11","kind":"retry","code":"rate_limited")"));
}
END_TEST

int main() {
  return test::run(
      "session",
      {welcomes_who_shows_a_valid_token, turns_away_wrong_and_expired_tokens,
       turns_away_who_says_anything_before_hello, turns_away_who_says_nothing_in_time,
       answers_a_second_hello_with_bad_request,
       closes_the_socket_when_the_token_expires_and_keeps_the_session,
       stays_when_the_token_is_renewed_in_time, takes_no_renewal_of_another_user_or_other_profiles,
       does_not_expire_because_the_wall_clock_was_set_back,
       says_with_each_request_whether_its_user_is_an_admin_now, counts_events_from_one,
       answers_what_is_no_json_and_stays,
       closes_on_what_is_too_large_or_too_deep_and_keeps_the_session, says_bye_to_who_floods,
       says_goodbye_to_all_and_nothing_after_it, bounds_the_pages_one_connection_reads_at_once});
}
