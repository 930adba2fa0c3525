// What happens to a session whose socket is lost.
#include <malloc.h>

#include <memory>
#include <string>
#include <vector>

#include "app/session_fixture.h"

using namespace parley;
using namespace parley::test;
using Fed = std::vector<std::string>;
using Seqs = std::vector<int>;

namespace {

const auto kWindow = std::chrono::seconds(30);

// Alice, on socket 1, has had two events.
struct Connected : Lobby {
  explicit Connected(const std::function<void(SessionRules&)>& change = {}) : Lobby(change) {
    hello(1, token("alice"));
    event(0);
    event(0);
    fed.clear();
  }
};

}  // namespace

START_TEST(gives_what_was_missed_once_and_in_order) {
  Connected l;
  l.drop(1);
  ck_assert(l.fed == Fed({"lost 0"}));
  ck_assert_uint_eq(l.sessions.lost(), 1);
  l.event(0, "missed");
  l.event(0, "missed-too");
  l.resume(2, l.token("alice"), l.secret(1), 1);
  ck_assert(l.fed == Fed({"lost 0", "resumed 0"}));
  ck_assert(l.sent[2].at(0).find(R"({"type":"welcome","ref":"h2")") == 0);
  ck_assert(l.heard(2, R"("resumed":true)"));
  ck_assert(l.heard(2, R"("calls":[])"));
  ck_assert(l.member(2, "connectionId") == l.member(1, "connectionId"));
  ck_assert(l.seqs(2) == Seqs({2, 3, 4}));
  l.event(0);
  ck_assert(l.seqs(2) == Seqs({2, 3, 4, 5}));
  ck_assert(l.seqs(1) == Seqs({1, 2}));
  ck_assert(l.proven == std::vector<std::uint64_t>({1, 2}));
  ck_assert_uint_eq(l.sessions.attached(), 1);
  ck_assert_uint_eq(l.counters.resumed, 1);
}
END_TEST

START_TEST(does_not_end_with_a_clean_close) {
  Connected l;
  l.drop(1, 1000);
  l.resume(2, l.token("alice"), l.secret(1), 2);
  ck_assert(l.heard(2, R"("resumed":true)"));
  ck_assert(l.seqs(2).empty());
}
END_TEST

START_TEST(drops_replies_while_nobody_is_there) {
  Connected l;
  l.drop(1);
  l.sessions.reply(base::ConnectionId(l.connections[0]), {base::RequestId("r"), call::Ok{}});
  l.resume(2, l.token("alice"), l.secret(1), 2);
  ck_assert_uint_eq(l.sent[2].size(), 1);
  l.sessions.reply(base::ConnectionId(l.connections[0]), {base::RequestId("r"), call::Ok{}});
  ck_assert(l.heard(2, R"({"type":"ok","ref":"r"})"));
}
END_TEST

START_TEST(begins_anew_past_the_window) {
  Connected l;
  l.drop(1);
  l.pass(kWindow - std::chrono::milliseconds(1));
  ck_assert(l.fed == Fed({"lost 0"}));
  l.pass(std::chrono::milliseconds(1));
  ck_assert(l.fed == Fed({"lost 0", "gone 0"}));
  ck_assert_uint_eq(l.sessions.lost(), 0);
  ck_assert_uint_eq(l.counters.ended_lost, 1);
  l.resume(2, l.token("alice"), l.secret(1), 2);
  ck_assert(l.heard(2, R"("resumed":false)"));
  ck_assert(l.member(2, "connectionId") != l.member(1, "connectionId"));
  ck_assert(l.fed == Fed({"lost 0", "gone 0", "connected alice"}));
  ck_assert_uint_eq(l.counters.refused_resumes, 1);
  l.event(1);
  ck_assert(l.seqs(2) == Seqs({1}));
}
END_TEST

START_TEST(begins_anew_when_the_window_is_over_before_the_timer_came_round) {
  Connected l;
  l.drop(1);
  l.now.mono += kWindow;
  l.resume(2, l.token("alice"), l.secret(1), 2);
  ck_assert(l.heard(2, R"("resumed":false)"));
}
END_TEST

START_TEST(has_the_whole_window_again_after_each_loss) {
  Connected l;
  l.drop(1);
  l.pass(std::chrono::seconds(20));
  l.resume(2, l.token("alice"), l.secret(1), 2);
  l.pass(std::chrono::seconds(20));
  l.drop(2);
  l.pass(std::chrono::seconds(20));
  l.resume(3, l.token("alice"), l.secret(2), 2);
  ck_assert(l.heard(3, R"("resumed":true)"));
}
END_TEST

START_TEST(is_nobody_elses_to_resume) {
  Connected l;
  l.drop(1);
  l.resume(2, l.token("mallory"), l.secret(1), 2);
  ck_assert(l.heard(2, R"("resumed":false)"));
  ck_assert(l.heard(2, R"("userId":"mallory")"));
  l.resume(3, l.token("alice", std::chrono::hours(1), {base::ProfileId("alice-work")}), l.secret(1),
           2);
  ck_assert(l.heard(3, R"("resumed":false)"));
  l.resume(4, l.token("alice"), std::string(64, '0'), 2);
  ck_assert(l.heard(4, R"("resumed":false)"));
  l.resume(5, "not.a.token", l.secret(1), 2);
  ck_assert(l.heard(5, R"("code":"unauthorized")"));
  // None of it has harmed the session.
  l.resume(6, l.token("alice"), l.secret(1), 2);
  ck_assert(l.heard(6, R"("resumed":true)"));
}
END_TEST

START_TEST(does_not_believe_in_events_it_has_not_sent) {
  Connected l;
  l.drop(1);
  l.resume(2, l.token("alice"), l.secret(1), 3);
  ck_assert(l.heard(2, R"("resumed":false)"));
  // The place of the lost one is kept: another connection may take it, and so may the right client.
  ck_assert(l.fed == Fed({"lost 0", "connected alice"}));
}
END_TEST

START_TEST(closes_the_first_socket_when_a_second_one_resumes) {
  Connected l;
  l.resume(2, l.token("alice"), l.secret(1), 1);
  ck_assert(l.heard(1, R"({"type":"bye","reason":"replaced"})"));
  ck_assert_int_eq(l.closed[1], 1008);
  ck_assert(l.heard(2, R"("resumed":true)"));
  ck_assert(l.seqs(2) == Seqs({2}));
  // The machine hears nothing of it: there always was a socket.
  ck_assert(l.fed.empty());
  l.ask(1);
  ck_assert(l.requests.empty());
  l.drop(1, 1008);
  ck_assert(l.fed.empty());
  l.event(0);
  ck_assert(l.seqs(1) == Seqs({1, 2}));
  ck_assert(l.seqs(2) == Seqs({2, 3}));
  ck_assert_uint_eq(l.counters.replaced, 1);
}
END_TEST

START_TEST(makes_a_new_secret_each_time) {
  Connected l;
  l.drop(1);
  l.resume(2, l.token("alice"), l.secret(1), 2);
  ck_assert(l.secret(2) != l.secret(1));
  l.ask(2);
  l.drop(2);
  l.resume(3, l.token("alice"), l.secret(1), 2);
  ck_assert(l.heard(3, R"("resumed":false)"));
  l.resume(4, l.token("alice"), l.secret(2), 2);
  ck_assert(l.heard(4, R"("resumed":true)"));
}
END_TEST

START_TEST(takes_the_previous_secret_until_the_client_has_spoken_after_a_welcome) {
  Connected l;
  l.drop(1);
  const std::string first = l.secret(1);
  // Two welcomes in a row are lost on the way.
  l.resume(2, l.token("alice"), first, 2);
  l.drop(2);
  l.resume(3, l.token("alice"), first, 2);
  l.drop(3);
  l.event(0);
  l.resume(4, l.token("alice"), first, 2);
  ck_assert(l.heard(4, R"("resumed":true)"));
  ck_assert(l.seqs(4) == Seqs({3}));
  // The secret of a welcome that was lost leads nowhere now.
  l.drop(4);
  l.resume(5, l.token("alice"), l.secret(3), 2);
  ck_assert(l.heard(5, R"("resumed":false)"));
  l.resume(6, l.token("alice"), l.secret(4), 2);
  ck_assert(l.heard(6, R"("resumed":true)"));
  l.ask(6);
  l.drop(6);
  l.resume(7, l.token("alice"), l.secret(4), 2);
  ck_assert(l.heard(7, R"("resumed":false)"));
}
END_TEST

START_TEST(counts_the_expiry_of_the_token_it_resumed_with) {
  Lobby l;
  l.hello(1, l.token("alice", std::chrono::minutes(1)));
  l.pass(std::chrono::seconds(50));
  l.drop(1);
  // It expires while nobody is there: that ends nothing.
  l.pass(std::chrono::seconds(20));
  l.resume(2, l.token("alice", std::chrono::minutes(5)), l.secret(1), 0);
  ck_assert(l.heard(2, R"("resumed":true)"));
  l.pass(std::chrono::minutes(4));
  ck_assert(l.closed.empty());
  l.pass(std::chrono::minutes(2));
  ck_assert(l.heard(2, R"({"type":"bye","reason":"expired"})"));
}
END_TEST

START_TEST(ends_a_lost_session_that_missed_more_than_is_kept) {
  Connected l([](SessionRules& rules) { rules.replay.events = 3; });
  l.drop(1);
  for (int i = 0; i < 3; ++i) l.event(0);
  l.pass(std::chrono::milliseconds(1));
  ck_assert(l.fed == Fed({"lost 0"}));  // one who has both events could still go on
  l.event(0);
  l.pass(std::chrono::milliseconds(1));
  ck_assert(l.fed == Fed({"lost 0", "gone 0"}));
  l.resume(2, l.token("alice"), l.secret(1), 2);
  ck_assert(l.heard(2, R"("resumed":false)"));
}
END_TEST

START_TEST(begins_anew_for_a_client_whose_events_are_kept_no_longer) {
  Connected l([](SessionRules& rules) { rules.replay.events = 3; });
  for (int i = 0; i < 3; ++i) l.event(0);
  l.drop(1);
  l.resume(2, l.token("alice"), l.secret(1), 1);
  ck_assert(l.heard(2, R"("resumed":false)"));
  l.resume(3, l.token("alice"), l.secret(1), 2);
  ck_assert(l.heard(3, R"("resumed":true)"));
  ck_assert(l.seqs(3) == Seqs({3, 4, 5}));
}
END_TEST

START_TEST(keeps_no_more_than_its_bytes) {
  ReplayBuffer kept;
  const ReplayBounds bounds{.events = 10, .bytes = 100};
  kept.push(std::string(60, 'a'), bounds);
  kept.push(std::string(40, 'b'), bounds);
  ck_assert(kept.reaches(0));
  kept.push("c", bounds);
  ck_assert(!kept.reaches(0));
  ck_assert(kept.reaches(1));
  ck_assert_uint_eq(kept.bytes(), 41);
  kept.push(std::string(101, 'd'), bounds);
  ck_assert_uint_eq(kept.bytes(), 0);
  ck_assert(!kept.reaches(3));
  ck_assert(kept.reaches(4));
  ck_assert(!kept.reaches(5));
  std::vector<std::string> told;
  kept.push("e", bounds);
  kept.each_after(4, [&](const std::string& text) { told.push_back(text); });
  ck_assert(told == std::vector<std::string>({"e"}));
}
END_TEST

START_TEST(forgets_what_must_have_arrived_long_ago) {
  Connected l;
  // Two sweeps, a minute apart: dead sockets have been found out meanwhile.
  l.pass(std::chrono::seconds(60));
  l.event(0);
  l.pass(std::chrono::seconds(60));
  l.drop(1);
  l.resume(2, l.token("alice"), l.secret(1), 1);
  ck_assert(l.heard(2, R"("resumed":false)"));
  l.resume(3, l.token("alice"), l.secret(1), 2);
  ck_assert(l.heard(3, R"("resumed":true)"));
  ck_assert(l.seqs(3) == Seqs({3}));
}
END_TEST

START_TEST(keeps_everything_while_it_is_lost) {
  Connected l([](SessionRules& rules) { rules.resume_window = std::chrono::minutes(10); });
  l.drop(1);
  for (int i = 0; i < 5; ++i) l.pass(std::chrono::seconds(60));
  l.resume(2, l.token("alice"), l.secret(1), 0);
  ck_assert(l.seqs(2) == Seqs({1, 2}));
}
END_TEST

START_TEST(ends_at_once_when_its_client_never_heard_its_secret) {
  Lobby l;
  l.welcome_at_once = false;  // the disk is slow
  l.hello(1, l.token("alice"));
  l.drop(1);
  ck_assert(l.fed == Fed({"connected alice", "gone 0"}));
  l.sessions.welcome(base::ConnectionId(l.connections[0]), {});
  ck_assert(l.sent[1].empty());
}
END_TEST

START_TEST(gives_way_to_a_new_connection_of_its_user) {
  Lobby l([](SessionRules& rules) { rules.connections_per_user = 3; });
  for (const std::uint64_t socket : {1, 2, 3}) l.hello(socket, l.token("alice"));
  l.hello(4, l.token("alice"));
  ck_assert(l.heard(4, R"("ref":"h4","kind":"retry","code":"rate_limited")"));
  ck_assert_int_eq(l.closed[4], 1013);
  l.drop(2);
  l.pass(std::chrono::seconds(1));
  l.drop(1);
  l.fed.clear();
  l.hello(5, l.token("alice"));
  ck_assert(l.fed == Fed({"gone 1", "connected alice"}));  // the one lost longest
  ck_assert(l.heard(5, "welcome"));
  ck_assert_uint_eq(l.counters.evicted, 1);
  l.hello(6, l.token("bob"));
  ck_assert(l.heard(6, "welcome"));
  // Who comes back needs no new place.
  l.resume(7, l.token("alice"), l.secret(1), 0);
  ck_assert(l.heard(7, R"("resumed":true)"));
  l.hello(8, l.token("alice"));
  ck_assert_int_eq(l.closed[8], 1013);
}
END_TEST

START_TEST(drops_the_page_nobody_waits_for) {
  Connected l;
  l.say(1, R"({"type":"chain.list","id":"q"})");
  l.drop(1);
  l.sessions.answer(l.questions.at(0).first, "{}");
  l.resume(2, l.token("alice"), l.secret(1), 2);
  ck_assert_uint_eq(l.sent[2].size(), 1);
  l.pass(std::chrono::hours(2));
  l.sessions.answer(l.questions.at(0).first, "{}");
}
END_TEST

START_TEST(keeps_ten_thousand_idle_sessions_small) {
  constexpr std::size_t kSessions = 10'000;
  // Our choice: an eighth of what a connection may take in all (996 measured).
  constexpr std::size_t kBytes = 3072;
  Lobby l;
  std::unique_ptr<Sessions> sessions;
  SessionPorts ports = l.ports();
  ports.send = [](base::SocketId, std::string_view) {};
  ports.proven = [](base::SocketId) {};
  ports.feed = [&sessions](const call::Input& input) {
    if (const auto* in = std::get_if<call::Connected>(&input))
      sessions->welcome(in->connection, {});
  };
  sessions = std::make_unique<Sessions>(ports, l.rules({}), "n1", l.counters);
  const std::size_t before = mallinfo2().uordblks;
  for (std::uint64_t i = 0; i < kSessions; ++i) {
    sessions->opened(base::SocketId{i}, l.now);
    sessions->text(
        base::SocketId{i},
        R"({"type":"hello","id":"h","token":")" + l.token("u" + std::to_string(i)) + "\"}", l.now);
  }
  ck_assert_uint_eq(sessions->attached(), kSessions);
  const std::size_t each = (mallinfo2().uordblks - before) / kSessions;
  ck_assert_msg(each < kBytes, "%zu bytes for each session", each);
}
END_TEST

int main() {
  return test::run("resume", {gives_what_was_missed_once_and_in_order,
                              does_not_end_with_a_clean_close,
                              drops_replies_while_nobody_is_there,
                              begins_anew_past_the_window,
                              begins_anew_when_the_window_is_over_before_the_timer_came_round,
                              has_the_whole_window_again_after_each_loss,
                              is_nobody_elses_to_resume,
                              does_not_believe_in_events_it_has_not_sent,
                              closes_the_first_socket_when_a_second_one_resumes,
                              makes_a_new_secret_each_time,
                              takes_the_previous_secret_until_the_client_has_spoken_after_a_welcome,
                              counts_the_expiry_of_the_token_it_resumed_with,
                              ends_a_lost_session_that_missed_more_than_is_kept,
                              begins_anew_for_a_client_whose_events_are_kept_no_longer,
                              keeps_no_more_than_its_bytes,
                              forgets_what_must_have_arrived_long_ago,
                              keeps_everything_while_it_is_lost,
                              ends_at_once_when_its_client_never_heard_its_secret,
                              gives_way_to_a_new_connection_of_its_user,
                              drops_the_page_nobody_waits_for,
                              keeps_ten_thousand_idle_sessions_small});
}
