#include "admin/whip.h"

#include <set>
#include <string>

#include "admin/api_fixture.h"

namespace call = parley::call;
namespace base = parley::base;
using parley::admin::GuestDoor;
using parley::admin::GuestQuestion;
using parley::admin::GuestRequest;
using parley::admin::GuestRules;
using parley::admin::Response;
using parley::test::kNow;
using parley::test::token;

namespace {

struct Door {
  parley::auth::Verifier verifier =
      parley::auth::Verifier::create({parley::test::kKey}, "parley").value();
  int names = 0;
  std::set<std::string> live;  // calls
  GuestDoor door{rules()};

  GuestRules rules() {
    GuestRules rules;
    rules.verifier = &verifier;
    rules.ice_servers = {{{"stun:stun.example.net", "turn:turn.example.net"}}};
    rules.fresh_name = [this] { return "name" + std::to_string(++names); };
    rules.is_live = [this](const base::CallId& call) { return live.contains(call.str()); };
    rules.requests_per_second = 10;
    rules.request_burst = 100;
    return rules;
  }
  static GuestRequest request(const std::string& method, const std::string& path,
                              const std::string& type = {}, const std::string& if_match = {}) {
    GuestRequest request;
    request.method = method;
    const std::size_t mark = path.find('?');
    request.path = path.substr(0, mark);
    if (mark != std::string::npos) request.query = path.substr(mark + 1);
    request.authorization = "Bearer " + token({"bridge"});
    request.content_type = type;
    request.if_match = if_match;
    request.body = "v=0";
    return request;
  }
  Response said(const GuestRequest& request) {
    const auto outcome = door.handle(request, kNow);
    ck_assert_msg(std::holds_alternative<Response>(outcome), "%s", request.path.c_str());
    return std::get<Response>(outcome);
  }
  GuestQuestion asked(const GuestRequest& request) {
    const auto outcome = door.handle(request, kNow);
    ck_assert_msg(std::holds_alternative<GuestQuestion>(outcome), "%s %s: %s",
                  request.method.c_str(), request.path.c_str(),
                  std::get<Response>(outcome).body.c_str());
    return std::get<GuestQuestion>(outcome);
  }
  // The path of a session in `call` that began.
  std::string began(const std::string& call = "c1") {
    const auto question = asked(request("POST", "/whip/" + call, "application/sdp"));
    call::Ok ok;
    ok.bridge = base::JobId("guest-1");
    ok.sdp = "v=0 answer";
    return header(door.answer(question, ok), "Location");
  }
  static std::string header(const Response& response, const std::string& name) {
    for (const auto& [key, value] : response.headers)
      if (key == name) return value;
    return {};
  }
};

}  // namespace

START_TEST(an_offer_becomes_a_question_and_its_answer_a_session) {
  Door d;
  const auto question =
      d.asked(Door::request("POST", "/whip/c1", "Application/SDP; charset=utf-8"));
  const auto& join = std::get<call::JoinGuest>(question.command);
  ck_assert(join.publishes && join.call.str() == "c1" && join.profile.str() == "server");
  call::Ok ok;
  ok.bridge = base::JobId("guest-1");
  ok.sdp = "the answer";
  const Response response = d.door.answer(question, ok);
  ck_assert_uint_eq(response.status, 201);
  ck_assert_str_eq(response.body.c_str(), "the answer");
  ck_assert(Door::header(response, "Content-Type") == "application/sdp");
  const std::string location = Door::header(response, "Location");
  ck_assert(location.starts_with("/whip/c1/name"));
  ck_assert(location.find("guest-1") == std::string::npos);  // everybody in the call knows that
  ck_assert(Door::header(response, "ETag").starts_with("\""));
  ck_assert(
      Door::header(response, "Link") ==
      "<stun:stun.example.net>; rel=\"ice-server\", <turn:turn.example.net>; rel=\"ice-server\"");

  const auto watch = d.asked(Door::request("POST", "/whep/c1?profile=carol", "application/sdp"));
  const auto& watching = std::get<call::JoinGuest>(watch.command);
  ck_assert(!watching.publishes && watching.watches->str() == "carol");
  const auto mix = d.asked(Door::request("POST", "/whep/c1", "application/sdp"));
  ck_assert(!std::get<call::JoinGuest>(mix.command).watches);
}
END_TEST

START_TEST(a_session_is_patched_and_left_by_who_began_it) {
  Door d;
  const std::string path = d.began();
  const std::string fragment = "application/trickle-ice-sdpfrag";
  const Response type = d.said(Door::request("PATCH", path, "application/sdp", "*"));
  ck_assert_uint_eq(type.status, 415);
  ck_assert(Door::header(type, "Accept-Patch") == fragment);
  ck_assert_uint_eq(d.said(Door::request("PATCH", path, fragment)).status, 428);
  ck_assert_uint_eq(d.said(Door::request("PATCH", path, fragment, "\"other\"")).status, 412);
  // The tag is the second name that was made.
  const auto trickle = d.asked(Door::request("PATCH", path, fragment, "\"a\", \"name2\""));
  ck_assert_str_eq(std::get<call::PatchGuest>(trickle.command).guest.str().c_str(), "guest-1");
  call::Ok nothing;
  nothing.sdp = "";
  ck_assert_uint_eq(d.door.answer(trickle, nothing).status, 204);

  // What the restart has overtaken comes too late, whether that is answered or not.
  const auto restart = d.asked(Door::request("PATCH", path, fragment, "*"));
  ck_assert_uint_eq(d.said(Door::request("PATCH", path, fragment, "\"name2\"")).status, 412);
  call::Ok renewed;
  renewed.sdp = "a=ice-ufrag:x";
  const Response response = d.door.answer(restart, renewed);
  ck_assert_uint_eq(response.status, 200);
  ck_assert(Door::header(response, "Content-Type") == fragment);
  const std::string etag = Door::header(response, "ETag");
  ck_assert_uint_eq(d.said(Door::request("PATCH", path, fragment, "\"name2\"")).status, 412);
  (void)d.asked(Door::request("PATCH", path, fragment, etag));
  const auto wrong = d.asked(Door::request("PATCH", path, fragment, "*"));
  const call::Refusal no{call::ErrorCode::kBadRequest, "no fragment", std::nullopt};
  ck_assert_uint_eq(d.door.answer(wrong, no).status, 400);
  (void)d.asked(Door::request("PATCH", path, fragment, etag));  // they are still the same

  GuestRequest stranger = Door::request("DELETE", path);
  stranger.authorization =
      "Bearer " +
      parley::auth::mint(
          parley::test::kKey,
          {base::UserId("mallory"), {}, {"bridge"}, "parley", kNow.wall + std::chrono::hours(1)})
          .value();
  ck_assert_uint_eq(d.said(stranger).status, 404);
  ck_assert_uint_eq(d.said(Door::request("DELETE", "/whip/c2" + path.substr(8))).status, 404);
  const auto leave = d.asked(Door::request("DELETE", path));
  ck_assert(std::holds_alternative<call::LeaveGuest>(leave.command));
  ck_assert_uint_eq(d.door.answer(leave, call::Ok{}).status, 200);
  ck_assert_uint_eq(d.said(Door::request("DELETE", path)).status, 404);

  // One that the machine knows no more is gone here as well.
  const std::string lost = d.began();
  const auto late = d.asked(Door::request("DELETE", lost));
  ck_assert_uint_eq(
      d.door.answer(late, call::Refusal{call::ErrorCode::kEnded, "over", std::nullopt}).status,
      404);
  ck_assert_uint_eq(d.said(Door::request("DELETE", lost)).status, 404);
}
END_TEST

START_TEST(what_is_wrong_has_the_status_that_says_so) {
  Door d;
  const auto status = [&](const GuestRequest& request) { return d.said(request).status; };
  for (const char* method : {"GET", "HEAD", "PUT", "DELETE", "PATCH"}) {
    const Response response = d.said(Door::request(method, "/whip/c1"));
    ck_assert_uint_eq(response.status, 405);
    ck_assert(Door::header(response, "Allow") == "OPTIONS, POST");
  }
  const std::string path = d.began();
  for (const char* method : {"GET", "HEAD", "PUT", "POST"})
    ck_assert_uint_eq(status(Door::request(method, path)), 405);
  ck_assert_uint_eq(status(Door::request("POST", "/whip/c1", "application/json")), 415);
  ck_assert_uint_eq(status(Door::request("POST", "/whip/", "application/sdp")), 404);
  ck_assert_uint_eq(status(Door::request("POST", "/whip/a b", "application/sdp")), 404);
  ck_assert_uint_eq(status(Door::request("POST", "/whip/c1/x/y", "application/sdp")), 404);
  ck_assert_uint_eq(status(Door::request("POST", "/whip/c1?profile=eve", "application/sdp")), 403);
  ck_assert_uint_eq(status(Door::request("POST", "/whip/c1?profile=", "application/sdp")), 400);

  GuestRequest nobody = Door::request("POST", "/whip/c1", "application/sdp");
  nobody.authorization = {};
  const Response strange = d.said(nobody);
  ck_assert_uint_eq(strange.status, 401);
  ck_assert(!Door::header(strange, "WWW-Authenticate").empty());
  ck_assert(strange.body.find("`bridge`") != std::string::npos);
  nobody.authorization = "Bearer " + token({"record"});
  ck_assert_uint_eq(status(nobody), 403);
  nobody.method = "OPTIONS";  // a browser asks before it has a token
  nobody.authorization = {};
  const Response options = d.said(nobody);
  ck_assert_uint_eq(options.status, 204);
  ck_assert(Door::header(options, "Accept-Post") == "application/sdp");

  ck_assert_uint_eq(GuestDoor::bad_offer({base::Code::kInvalid, "no"}).status, 400);
  ck_assert_uint_eq(GuestDoor::bad_offer({base::Code::kConflict, "no"}).status, 406);
  const auto question = d.asked(Door::request("POST", "/whip/c1", "application/sdp"));
  const auto refused = [&](call::ErrorCode code) {
    return d.door.answer(question, call::Refusal{code, "no", std::nullopt}).status;
  };
  ck_assert_uint_eq(refused(call::ErrorCode::kNotFound), 404);
  ck_assert_uint_eq(refused(call::ErrorCode::kConflict), 409);
  ck_assert_uint_eq(refused(call::ErrorCode::kTooLarge), 503);  // guests, not bytes

  GuestRequest fast = Door::request("POST", "/whip/c1", "application/json");
  unsigned last = 0;
  for (int i = 0; i < 101; ++i) last = status(fast);
  ck_assert_uint_eq(last, 429);
}
END_TEST

// Many others are no way to a new burst, neither for one who keeps asking nor for the first of
// them.
START_TEST(a_crowd_does_not_make_anybody_ask_faster) {
  Door d;
  const auto status = [&d](const std::string& user) {
    GuestRequest request = Door::request("GET", "/whip/c1");
    request.method = "DELETE";
    request.path += "/none";
    request.authorization = "Bearer " + token({"bridge"}, std::chrono::hours(1), user);
    return d.said(request).status;
  };
  for (int i = 0; i < 100; ++i) ck_assert_uint_eq(status("eager"), 404);
  ck_assert_uint_eq(status("eager"), 429);
  for (int i = 0; i < 1200; ++i) {
    ck_assert_uint_eq(status("user" + std::to_string(i)), 404);
    if (i % 300 == 0) ck_assert_uint_eq(status("eager"), 429);
  }
  ck_assert_uint_eq(status("eager"), 429);
}
END_TEST

// Whose clients said no DELETE, and nobody says when a call ends.
START_TEST(sessions_of_ended_calls_are_forgotten) {
  Door d;
  d.live = {"stays"};
  call::Ok ok;
  ok.bridge = base::JobId("guest-1");
  ok.sdp = "v=0 answer";
  const std::string path = d.began("stays");
  auto question = d.asked(Door::request("POST", "/whip/c", "application/sdp"));
  for (int i = 0; i < 5000; ++i) {
    std::get<call::JoinGuest>(question.command).call = base::CallId("c" + std::to_string(i));
    ck_assert_uint_eq(d.door.answer(question, ok).status, 201);
    ck_assert_uint_le(d.door.sessions(), 1024);
  }
  (void)d.asked(Door::request("DELETE", path));
}
END_TEST

int main() {
  return parley::test::run(
      "admin whip",
      {an_offer_becomes_a_question_and_its_answer_a_session,
       a_session_is_patched_and_left_by_who_began_it, what_is_wrong_has_the_status_that_says_so,
       a_crowd_does_not_make_anybody_ask_faster, sessions_of_ended_calls_are_forgotten});
}
