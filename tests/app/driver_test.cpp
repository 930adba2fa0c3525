// Sockets, the machine, media and time, joined.
#include <map>
#include <string>
#include <vector>

#include "app/driver_world.h"

using namespace parley;
using namespace parley::test;

START_TEST(welcomes_a_connection_and_makes_it_known) {
  World w;
  w.arrive(1, "alice");
  ck_assert(w.heard(1, R"("type":"welcome")"));
  ck_assert(w.heard(1, R"("connectionId":"n1-)"));
  ck_assert(w.proven == std::vector<std::uint64_t>({1}));
  ck_assert_uint_eq(w.driver.counters().connections, 1);
  w.driver.closed(base::SocketId{1}, 1000);
  ck_assert_uint_eq(w.driver.counters().connections, 0);
  ck_assert_uint_eq(w.driver.counters().lost_connections, 1);
}
END_TEST

START_TEST(gives_every_connection_a_name_and_a_secret_of_its_own) {
  World w;
  w.arrive(1, "alice");
  w.arrive(2, "alice");
  const auto member = [&](std::uint64_t socket, const std::string& name) {
    const std::string& text = w.sent[socket].at(0);
    const std::size_t at = text.find("\"" + name + "\":\"") + name.size() + 4;
    return text.substr(at, text.find('"', at) - at);
  };
  ck_assert(member(1, "connectionId") != member(2, "connectionId"));
  ck_assert(member(1, "resume") != member(2, "resume"));
  ck_assert_uint_eq(member(1, "resume").size(), 64);  // 256 bits in hexadecimal
}
END_TEST

START_TEST(tells_nobody_of_a_call_before_it_is_on_disk) {
  World w;
  w.hold_commits = true;
  begin_call(w);
  ck_assert_uint_ge(w.saved.size(), 1);
  ck_assert(std::holds_alternative<store::CallStarted>(w.saved[0]));
  ck_assert(!w.heard(1, R"("ref":"call")"));
  for (const std::uint64_t socket : {2, 3, 4}) ck_assert(!w.heard(socket, "call.init"));
  w.commit_all();
  ck_assert(w.heard(1, R"("type":"ok")"));
  ck_assert(w.heard(2, R"("role":"passive initiator")"));
  for (const std::uint64_t socket : {3, 4}) ck_assert(w.heard(socket, "call.init"));
}
END_TEST

START_TEST(tells_nobody_who_accepted_before_it_is_on_disk) {
  World w;
  begin_call(w);
  w.ask(3, "call.ringing", kCall);
  w.hold_commits = true;
  const std::string ref = w.ask(3, "call.accept", kCall);
  // The machine has gone on meanwhile: the second accept is decided, but not told either.
  const std::string late = w.ask(4, "call.accept", kCall);
  for (const std::uint64_t socket : {1, 2, 4}) ck_assert(!w.heard(socket, "call.accept"));
  ck_assert(!w.heard(3, "\"ref\":\"" + ref + "\""));
  ck_assert(!w.heard(4, "\"ref\":\"" + late + "\""));
  w.commit_all();
  for (const std::uint64_t socket : {1, 2, 4}) ck_assert(w.heard(socket, "call.accept"));
  ck_assert(w.heard(3, "\"ref\":\"" + ref + "\""));
  ck_assert(w.heard(4, "already_accepted"));
}
END_TEST

START_TEST(releases_the_decisions_about_a_live_call_when_the_disk_fails) {
  World w;
  begin_call(w);
  w.ask(3, "call.ringing", kCall);
  w.hold_commits = true;
  w.ask(3, "call.accept", kCall);
  w.answer_all(failure(base::Code::kUnavailable, "disk full"));
  ck_assert(w.heard(1, "call.accept"));
  ck_assert_uint_ge(w.driver.counters().failed_commits, 1);
}
END_TEST

START_TEST(opens_legs_for_the_active_only) {
  World w;
  begin_call(w);
  ck_assert(w.commands.empty());
  w.ask(3, "call.ringing", kCall);
  ck_assert_uint_eq(w.commands_of<media::OpenLeg>().size(), 1);  // the initiator's
  w.ask(3, "call.accept", kCall);
  ck_assert_uint_eq(w.commands_of<media::OpenLeg>().size(), 2);
  ck_assert_uint_eq(w.commands_of<media::Feed>().size(), 2);
  const auto shown = w.commands_of<media::Show>();
  ck_assert_uint_eq(shown.size(), 2);
}
END_TEST

START_TEST(carries_media_messages_to_the_leg_and_its_answer_back) {
  World w;
  begin_call(w);
  w.ask(3, "call.ringing", kCall);
  const base::LegId leg = w.commands_of<media::OpenLeg>().at(0).leg;
  w.driver.media(media::Offered{leg, 1, "v=0", {{"0", "bob", base::Source::kMic}}});
  ck_assert(w.heard(1, R"("type":"media.offer")"));
  ck_assert(!w.heard(2, "media.offer"));
  const std::string good = w.ask(1, "media.answer", kCall + R"(,"rev":1,"sdp":"v=0")");
  const std::string stale = w.ask(1, "media.answer", kCall + R"(,"rev":0,"sdp":"v=0")");
  const auto answers = w.commands_of<media::Answer>();
  ck_assert_uint_eq(answers.size(), 2);
  ck_assert(answers[0].leg == leg && answers[0].rev == 1 && answers[0].sdp == "v=0");
  w.driver.media(media::Verdict{leg, answers[0].ticket, {}});
  w.driver.media(
      media::Verdict{leg, answers[1].ticket, base::Error{base::Code::kConflict, "an older offer"}});
  ck_assert(w.heard(1, R"({"type":"ok","ref":")" + good + "\""));
  ck_assert(w.heard(1, "\"ref\":\"" + stale + "\",\"kind\":\"state\",\"code\":\"conflict\""));
}
END_TEST

START_TEST(makes_nothing_of_media_messages_of_passive_and_unaccepted_connections) {
  World w;
  begin_call(w);
  w.ask(3, "call.ringing", kCall);
  w.ask(3, "call.accept", kCall);
  w.arrive(5, "eve");
  const std::size_t before = w.commands.size();
  for (const std::uint64_t socket : {2, 4, 5}) {
    w.sent[socket].clear();
    w.ask(socket, "media.answer", kCall + R"(,"rev":1,"sdp":"v=0")");
    w.ask(socket, "media.publish", kCall + R"(,"sources":["mic"])");
    w.ask(socket, "media.restart", kCall);
    ck_assert_uint_eq(w.sent[socket].size(), 3);
    for (const std::string& text : w.sent[socket])
      ck_assert(text.find(socket == 5 ? "not_found" : "not_active") != std::string::npos);
  }
  ck_assert_uint_eq(w.commands.size(), before);
}
END_TEST

START_TEST(runs_the_machines_timers) {
  World w;
  begin_call(w);
  ck_assert(w.driver.deadline().has_value());
  w.pass(std::chrono::seconds(11));
  ck_assert(w.heard(1, "call.init_timeout"));
  ck_assert(w.heard(1, "call.end"));
  ck_assert_uint_eq(w.driver.counters().live_calls, 0);
}
END_TEST

START_TEST(closes_a_socket_that_says_no_hello) {
  World w;
  w.driver.opened(base::SocketId{7}, "192.0.2.1");
  ck_assert(*w.driver.deadline() == w.now.mono + std::chrono::seconds(5));
  w.pass(std::chrono::seconds(5));
  ck_assert_int_eq(w.closed[7], 1008);
  ck_assert(!w.driver.deadline().has_value());
  w.driver.closed(base::SocketId{7}, 1008);
  ck_assert_uint_eq(w.driver.counters().refused_hellos, 1);
}
END_TEST

START_TEST(says_bye_to_a_flooding_socket) {
  World w;
  w.arrive(1, "alice");
  w.driver.flooding(base::SocketId{1});
  ck_assert(w.heard(1, R"("reason":"rate_limited")"));
  ck_assert_int_eq(w.closed[1], 1008);
}
END_TEST

START_TEST(bounds_the_connections_of_a_user) {
  World w;
  for (std::uint64_t socket = 1; socket <= 50; ++socket) w.arrive(socket, "alice");
  ck_assert(w.heard(50, "welcome"));
  w.arrive(51, "alice");
  ck_assert(w.heard(51, R"("ref":"h","kind":"retry","code":"rate_limited")"));
  ck_assert_int_eq(w.closed[51], 1013);
  w.arrive(52, "bob");
  ck_assert(w.heard(52, "welcome"));
  ck_assert_uint_eq(w.proven.size(), 51);
  w.driver.closed(base::SocketId{51}, 1013);  // it never counted
  w.arrive(53, "alice");
  ck_assert_int_eq(w.closed[53], 1013);
  w.driver.closed(base::SocketId{1}, 1001);  // lost, and gives way
  w.arrive(54, "alice");
  ck_assert(w.heard(54, "welcome"));
}
END_TEST

START_TEST(ends_calls_then_says_goodbye) {
  World w;
  begin_call(w);
  w.ask(3, "call.ringing", kCall);
  w.ask(3, "call.accept", kCall);
  w.hold_commits = true;
  w.driver.shut_down();
  ck_assert(!w.driver.idle());
  ck_assert(!w.heard(1, "call.end"));
  w.commit_all();
  ck_assert(w.driver.idle());
  w.driver.say_goodbye();
  for (const std::uint64_t socket : {1, 2, 3, 4}) {
    ck_assert(w.heard(socket, R"("reason":"shutdown")"));
    ck_assert(w.sent[socket].back().find("bye") != std::string::npos);
    ck_assert_int_eq(w.closed[socket], 1001);
  }
  ck_assert_uint_eq(w.commands_of<media::CloseLeg>().size(), 2);
}
END_TEST

START_TEST(writes_its_counters_on_the_page) {
  World w;
  begin_call(w);
  w.ask(2, "call.hangup", R"("callId":"nothing")");
  w.say(2, "{");
  w.driver.opened(base::SocketId{9}, "192.0.2.9");
  w.ask(9, "hello", R"("token":"wrong")");
  const std::string page = metrics_page(w.driver.counters(), {}, {}, {});
  for (const char* line :
       {"parley_connections 4", "parley_live_calls 1", "parley_hellos_total 4",
        "parley_requests_total{kind=\"init\"} 1", "parley_errors_total{code=\"not_found\"} 1",
        "parley_errors_total{code=\"bad_request\"} 1",
        "parley_errors_total{code=\"unauthorized\"} 1", "parley_commit_wait_seconds_count 1",
        "# TYPE parley_legs gauge"})
    ck_assert_msg(page.find(line) != std::string::npos, "%s\n%s", line, page.c_str());
}
END_TEST

int main() {
  return test::run(
      "driver",
      {welcomes_a_connection_and_makes_it_known,
       gives_every_connection_a_name_and_a_secret_of_its_own,
       tells_nobody_of_a_call_before_it_is_on_disk, tells_nobody_who_accepted_before_it_is_on_disk,
       releases_the_decisions_about_a_live_call_when_the_disk_fails, opens_legs_for_the_active_only,
       carries_media_messages_to_the_leg_and_its_answer_back,
       makes_nothing_of_media_messages_of_passive_and_unaccepted_connections,
       runs_the_machines_timers, closes_a_socket_that_says_no_hello, says_bye_to_a_flooding_socket,
       bounds_the_connections_of_a_user, ends_calls_then_says_goodbye,
       writes_its_counters_on_the_page});
}
