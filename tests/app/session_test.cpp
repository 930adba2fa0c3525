#include "app/session.h"

#include <string>
#include <variant>
#include <vector>

#include "support/check_main.h"

using namespace parley;
using namespace parley::app;

namespace {

const auth::Key kKey{"k", auth::Algorithm::kHs256, std::string(40, 's')};
constexpr base::Instant kStart{base::TimePoint(std::chrono::hours(5)),
                               base::WallTime(std::chrono::hours(24 * 365 * 50))};

base::Instant after(base::Duration passed) {
  return {kStart.mono + passed,
          kStart.wall + std::chrono::duration_cast<std::chrono::milliseconds>(passed)};
}

std::string token(const std::string& user, base::Duration lifetime,
                  std::vector<base::ProfileId> profiles = {}) {
  return *auth::mint(kKey, {base::UserId(user),
                            std::move(profiles),
                            {},
                            "parley",
                            std::chrono::floor<std::chrono::seconds>(after(lifetime).wall)});
}

std::string hello(const std::string& jwt) {
  return R"({"type":"hello","id":"h1","token":")" + jwt + "\"}";
}

struct Fixture {
  auth::Verifier verifier = *auth::Verifier::create({kKey}, "parley");
  SessionRules rules{&verifier, std::chrono::seconds(5), {}, {}};
  Session session{base::ConnectionId("c1"), "resume-secret", rules, kStart};

  void arrive(base::Duration lifetime = std::chrono::hours(1)) {
    const auto out = session.receive(hello(token("alice", lifetime)), kStart);
    ck_assert_uint_eq(out.size(), 1);
    ck_assert(std::holds_alternative<Arrived>(out[0]));
  }
};

std::string text_of(const SessionOutput& output) { return std::get<SendText>(output).text; }
bool says(const SessionOutput& output, const std::string& part) {
  const auto* send = std::get_if<SendText>(&output);
  return send != nullptr && send->text.find(part) != std::string::npos;
}
int close_code(const SessionOutputs& outputs) {
  const auto* close = outputs.empty() ? nullptr : std::get_if<CloseSocket>(&outputs.back());
  return close != nullptr ? close->code : 0;
}

}  // namespace

START_TEST(welcomes_who_shows_a_valid_token) {
  Fixture f;
  const auto out = f.session.receive(hello(token("alice", std::chrono::hours(1))), kStart);
  const auto& arrived = std::get<Arrived>(out.at(0));
  ck_assert_str_eq(arrived.user.str().c_str(), "alice");
  ck_assert_uint_eq(arrived.profiles.size(), 1);
  const auto welcome = f.session.welcome({});
  ck_assert(says(welcome.at(0), R"("type":"welcome")"));
  ck_assert(says(welcome.at(0), R"("ref":"h1")"));
  ck_assert(says(welcome.at(0), R"("connectionId":"c1")"));
  ck_assert(says(welcome.at(0), R"("resume":"resume-secret")"));
  ck_assert(says(welcome.at(0), R"("resumed":false)"));
}
END_TEST

START_TEST(turns_away_a_wrong_token) {
  Fixture f;
  const auto out = f.session.receive(hello("not.a.token"), kStart);
  ck_assert(says(out.at(0), R"("code":"unauthorized")"));
  ck_assert(says(out.at(0), R"("ref":"h1")"));
  ck_assert_int_eq(close_code(out), 1008);
  // ... and hears nothing more of it.
  ck_assert(f.session.receive(hello(token("alice", std::chrono::hours(1))), kStart).empty());
}
END_TEST

START_TEST(turns_away_an_expired_token) {
  Fixture f;
  const auto out = f.session.receive(hello(token("alice", -std::chrono::hours(1))), kStart);
  ck_assert(says(out.at(0), R"("code":"unauthorized")"));
  ck_assert_int_eq(close_code(out), 1008);
}
END_TEST

START_TEST(turns_away_who_says_anything_before_hello) {
  Fixture f;
  const auto out = f.session.receive(R"({"type":"call.hangup","id":"r1","callId":"x"})", kStart);
  ck_assert(says(out.at(0), R"("code":"unauthorized")"));
  ck_assert(says(out.at(0), R"("ref":"r1")"));
  ck_assert_int_eq(close_code(out), 1008);
}
END_TEST

START_TEST(turns_away_who_says_nothing_in_time) {
  Fixture f;
  ck_assert(*f.session.deadline() == after(std::chrono::seconds(5)).mono);
  ck_assert(f.session.tick(after(std::chrono::milliseconds(4999))).empty());
  const auto out = f.session.tick(after(std::chrono::seconds(5)));
  ck_assert(says(out.at(0), R"("code":"unauthorized")"));
  ck_assert_int_eq(close_code(out), 1008);
  ck_assert(f.session.tick(after(std::chrono::seconds(6))).empty());
  ck_assert(!f.session.deadline().has_value());
}
END_TEST

START_TEST(answers_a_second_hello_with_bad_request) {
  Fixture f;
  f.arrive();
  const auto out = f.session.receive(hello(token("alice", std::chrono::hours(1))), kStart);
  ck_assert_uint_eq(out.size(), 1);
  ck_assert(says(out[0], R"("code":"bad_request")"));
}
END_TEST

START_TEST(says_bye_when_the_token_expires) {
  Fixture f;
  f.arrive(std::chrono::minutes(10));
  ck_assert(f.session.tick(after(std::chrono::minutes(9))).empty());
  const auto out = f.session.tick(after(std::chrono::minutes(11)));
  ck_assert(says(out.at(0), R"("type":"bye")"));
  ck_assert(says(out.at(0), R"("reason":"expired")"));
  ck_assert_int_eq(close_code(out), 1008);
}
END_TEST

START_TEST(stays_when_the_token_is_renewed_in_time) {
  Fixture f;
  f.arrive(std::chrono::minutes(10));
  const auto renewed = f.session.receive(
      R"({"type":"token","id":"t1","token":")" + token("alice", std::chrono::minutes(60)) + "\"}",
      after(std::chrono::minutes(9)));
  ck_assert(says(renewed.at(0), R"("type":"ok")"));
  ck_assert(f.session.tick(after(std::chrono::minutes(11))).empty());
  ck_assert(!f.session.tick(after(std::chrono::minutes(61))).empty());
}
END_TEST

START_TEST(takes_no_renewal_of_another_user_or_other_profiles) {
  Fixture f;
  f.arrive(std::chrono::minutes(10));
  const auto renew = [&](const std::string& jwt) {
    const auto out =
        f.session.receive(R"({"type":"token","id":"t1","token":")" + jwt + "\"}", kStart);
    ck_assert_uint_eq(out.size(), 1);
    return text_of(out[0]);
  };
  ck_assert(renew(token("bob", std::chrono::hours(1))).find("forbidden") != std::string::npos);
  ck_assert(renew(token("alice", std::chrono::hours(1), {base::ProfileId("alice-work")}))
                .find("conflict") != std::string::npos);
  ck_assert(renew("junk").find("unauthorized") != std::string::npos);
  // The old token goes on counting.
  ck_assert_int_eq(close_code(f.session.tick(after(std::chrono::minutes(11)))), 1008);
}
END_TEST

START_TEST(does_not_expire_because_the_wall_clock_was_set_back) {
  Fixture f;
  f.arrive(std::chrono::minutes(10));
  base::Instant now = after(std::chrono::minutes(11));
  now.wall -= std::chrono::minutes(5);
  ck_assert(f.session.tick(now).empty());
  ck_assert(*f.session.deadline() > now.mono);
}
END_TEST

START_TEST(counts_events_from_one) {
  Fixture f;
  f.arrive();
  const call::Event event{base::CallId("x"), kStart.wall, {}, {}, call::PendingEvent{}};
  ck_assert(says(f.session.event(event).at(0), R"("seq":1)"));
  ck_assert(says(f.session.event(event).at(0), R"("seq":2)"));
}
END_TEST

START_TEST(answers_what_is_no_json_and_stays) {
  Fixture f;
  f.arrive();
  const auto out = f.session.receive("{nonsense", kStart);
  ck_assert_uint_eq(out.size(), 1);
  ck_assert(says(out[0], R"("type":"error")"));
  ck_assert(!says(out[0], R"("ref")"));
}
END_TEST

START_TEST(closes_on_what_is_too_large_or_too_deep) {
  Fixture f;
  f.arrive();
  const auto out = f.session.receive(std::string(100'000, '['), kStart);
  ck_assert_int_eq(close_code(out), 1009);
  Fixture g;
  g.arrive();
  const std::string deep = R"({"type":"call.hangup","id":"r","x":)" + std::string(20'000, '[') +
                           std::string(20'000, ']') + "}";
  ck_assert_int_eq(close_code(g.session.receive(deep, kStart)), 1008);
}
END_TEST

START_TEST(says_nothing_after_its_bye) {
  Fixture f;
  f.arrive();
  ck_assert_int_eq(close_code(f.session.bye("shutdown", 1001)), 1001);
  ck_assert(f.session.bye("expired", 1008).empty());
  ck_assert(f.session.reply({base::RequestId("r"), call::Ok{}}).empty());
}
END_TEST

int main() {
  return test::run(
      "session",
      {welcomes_who_shows_a_valid_token, turns_away_a_wrong_token, turns_away_an_expired_token,
       turns_away_who_says_anything_before_hello, turns_away_who_says_nothing_in_time,
       answers_a_second_hello_with_bad_request, says_bye_when_the_token_expires,
       stays_when_the_token_is_renewed_in_time, takes_no_renewal_of_another_user_or_other_profiles,
       does_not_expire_because_the_wall_clock_was_set_back, counts_events_from_one,
       answers_what_is_no_json_and_stays, closes_on_what_is_too_large_or_too_deep,
       says_nothing_after_its_bye});
}
