#include "admin/api.h"

#include <string>

#include "api_fixture.h"

using namespace parley;
using test::Desk;
using test::header;
using test::kNow;
using test::same;
using test::summary;

namespace {

admin::Request with(const std::string& authorization) {
  admin::Request request = Desk::request("GET", "calls");
  request.authorization = authorization;
  return request;
}

}  // namespace

START_TEST(asks_for_a_token_and_says_how) {
  Desk desk;
  const auto missing = desk.response(with(""));
  same(summary(missing), "401 auth unauthorized");
  same(header(missing, "WWW-Authenticate"), "Bearer realm=\"parley\"");
  for (const std::string& wrong : {std::string("Basic eDp5"), std::string("Bearer"),
                                   std::string("Bearer "), test::token({"admin"})})
    same(summary(desk.response(with(wrong))), "401 auth unauthorized");
  const auto expired =
      desk.response(with("Bearer " + test::token({"admin"}, std::chrono::seconds(-1))));
  same(summary(expired), "401 auth unauthorized");
  same(header(expired, "WWW-Authenticate"),
       "Bearer realm=\"parley\", error=\"invalid_token\", "
       "error_description=\"The token has expired.\"");
  ck_assert(expired.body.find("eyJ") == std::string::npos);
  const auto weak = desk.response(with("Bearer " + test::token({"record"})));
  same(summary(weak), "403 auth forbidden");
  same(header(weak, "WWW-Authenticate"), "Bearer realm=\"parley\", error=\"insufficient_scope\"");
  ck_assert(std::holds_alternative<admin::Question>(
      desk.api.handle(with("bearer  " + test::token({"admin"})), kNow)));
}
END_TEST

START_TEST(says_nothing_about_paths_to_strangers) {
  Desk desk;
  for (const char* path : {"calls", "nothing", "calls/x/y/z", ""}) {
    admin::Request request = Desk::request("GET", path);
    request.authorization.clear();
    same(summary(desk.response(request)), "401 auth unauthorized");
  }
  admin::Request document = Desk::request("GET", "openapi.json");
  document.authorization.clear();
  same(summary(desk.response(document)), "200");
  ck_assert(desk.response(document).body.starts_with("{\"openapi\":\"3.1.0\""));
}
END_TEST

START_TEST(knows_its_paths_and_methods) {
  Desk desk;
  for (const char* path : {"", "call", "calls/", "calls//", "calls/a/b", "calls/a/participants",
                           "calls/a b", "calls/a/participants/b/c", "texts/x", "calls/\xc3\xa4"})
    same(summary(desk.response("GET", path)), "404 request not_found");
  same(summary(desk.response("GET", "calls/" + std::string(65, 'x'))), "404 request not_found");
  const auto allowed = [&](const std::string& method, const std::string& path) {
    const auto response = desk.response(method, path);
    same(summary(response), "405 request method_not_allowed");
    return header(response, "Allow");
  };
  same(allowed("POST", "calls"), "GET, HEAD");
  same(allowed("OPTIONS", "calls/a"), "GET, HEAD, DELETE");
  same(allowed("GET", "calls/a/participants/b"), "DELETE, PATCH");
  same(allowed("PUT", "texts"), "POST");
  (void)desk.question<admin::LiveCalls>("HEAD", "calls");
}
END_TEST

START_TEST(speaks_json_only) {
  Desk desk;
  admin::Request request = Desk::request("GET", "calls");
  for (const char* good : {"", "*/*", "application/json", "text/html, application/*;q=0.1",
                           "text/html;q=0.9, */*;q=0.8", "Application/JSON; indent=2"}) {
    request.accept = good;
    ck_assert_msg(std::holds_alternative<admin::Question>(desk.api.handle(request, kNow)), "%s",
                  good);
  }
  for (const char* bad : {"text/html", "application/xml", "application/json;q=0",
                          "application/json ; Q=0.000", "application/jsonx"}) {
    request.accept = bad;
    same(summary(desk.response(request)), "406 request not_acceptable");
  }
  admin::Request text = Desk::request("POST", "texts", R"({"from":"a","to":"b","body":"x"})");
  for (const char* good : {"application/json; charset=utf-8", "APPLICATION/JSON"}) {
    text.content_type = good;
    ck_assert(std::holds_alternative<admin::Question>(desk.api.handle(text, kNow)));
  }
  for (const char* bad : {"", "text/plain", "application/x-www-form-urlencoded"}) {
    text.content_type = bad;
    same(summary(desk.response(text)), "415 request unsupported_type");
  }
  text.content_type = "application/json";
  text.content_encoding = "gzip";
  same(summary(desk.response(text)), "415 request unsupported_type");
}
END_TEST

START_TEST(reads_bodies_strictly) {
  Desk desk;
  for (const char* bad :
       {"{", "[]", "null", "{\"from\":\"a\"", "{}",
        R"({"from":"a","from":"b","to":"c","body":"x"})", R"({"from":"a b","to":"c","body":"x"})",
        R"({"from":"a","to":[1],"body":"x"})", R"({"from":"a","to":"b","body":""})",
        R"({"from":"a","to":"b","body":7})", R"({"from":"a","to":"b","chainId":"c","body":"x"})",
        R"({"from":"a","body":"x"})", R"({"id":"a b","from":"a","to":"b","body":"x"})",
        R"([[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]])"})
    same(summary(desk.response("POST", "texts", bad)), "400 request bad_request");
  same(summary(desk.response("POST", "texts", "\"" + std::string(70'000, 'x') + "\"")),
       "413 request too_large");
  for (const char* bad : {"{}", R"({"audio":1})", R"({"video":"yes"})"})
    same(summary(desk.response("PATCH", "calls/a/participants/b", bad)), "400 request bad_request");
}
END_TEST

START_TEST(reads_queries_strictly) {
  Desk desk;
  const auto all = desk.question<admin::LiveCalls>("GET", "calls?after=x%3ay&limit=1000&new=1&&");
  same(all.after->str(), "x:y");
  ck_assert_uint_eq(all.limit, 200);
  ck_assert(!all.profile && !all.chain);
  const auto some = desk.question<admin::LiveCalls>("GET", "calls?profileId=p&chainId=c&limit=1");
  same(some.profile->str(), "p");
  same(some.chain->str(), "c");
  ck_assert_uint_eq(some.limit, 1);
  ck_assert_uint_eq(desk.question<admin::LiveCalls>("GET", "calls").limit, 50);
  for (const char* bad : {"limit=0", "limit=-1", "limit=x", "limit=", "limit=1&limit=2", "after=",
                          "after=a+b", "after=%", "after=%2", "after=%zz", "limit=99999999999"})
    same(summary(desk.response("GET", std::string("calls?") + bad)), "400 request bad_request");
}
END_TEST

START_TEST(hands_on_what_is_asked) {
  Desk desk;
  same(desk.question<admin::OneCall>("GET", "calls/c:1").call.str(), "c:1");
  same(desk.command<call::EndCall>("DELETE", "calls/c").call.str(), "c");
  const auto removed = desk.command<call::RemoveParticipant>("DELETE", "calls/c/participants/p@x");
  same(removed.call.str() + " " + removed.profile.str(), "c p@x");
  const auto muted =
      desk.command<call::MuteParticipant>("PATCH", "calls/c/participants/p", R"({"video":false})");
  ck_assert(!muted.audio && muted.video == false);
  const auto chains = desk.question<admin::Chains>("GET", "profiles/p/chains?before=c&limit=2");
  same(chains.profile.str() + " " + chains.before->str(), "p c");
  const auto items = desk.question<admin::History>("GET", "chains/c/items?before=m");
  same(items.chain.str() + " " + *items.before, "c m");
  const auto text = desk.command<call::PostText>(
      "POST", "texts", R"({"id":"t","from":"a","to":["b","c"],"body":"x"})");
  same(text.id.str() + " " + text.user.str() + " " + text.text.from.str(), "t server a");
  ck_assert_uint_eq(text.text.to.size(), 2);
  const auto into =
      desk.command<call::PostText>("POST", "texts", R"({"from":"a","chainId":"k","body":"x"})");
  same(into.id.str() + " " + into.text.chain->str(), "fresh k");
}
END_TEST

START_TEST(mints_no_more_than_the_asker_has) {
  Desk desk;
  const auto verified = [&](const std::string& body) {
    const auto response = desk.response("POST", "tokens", body);
    same(summary(response), "201");
    JsonNode* node = json_from_string(response.body.c_str(), nullptr);
    JsonObject* object = json_node_get_object(node);
    auto claims =
        desk.verifier.verify(json_object_get_string_member(object, "token"), kNow.wall).value();
    ck_assert_int_eq(json_object_get_int_member(object, "expiresAt"),
                     claims.expires.time_since_epoch().count());
    json_node_unref(node);
    return claims;
  };
  const auto plain = verified(R"({"userId":"alice"})");
  same(plain.user.str() + " " + plain.profiles.at(0).str(), "alice alice");
  ck_assert(plain.grants.empty());
  const auto lasts = plain.expires - kNow.wall;
  ck_assert(lasts >= std::chrono::hours(1) &&
            lasts < std::chrono::hours(1) + std::chrono::seconds(1));
  const auto rich =
      verified(R"({"userId":"a","profiles":["p","q"],"grants":["admin"],"validForMs":86400000})");
  ck_assert_uint_eq(rich.profiles.size(), 2);
  ck_assert(rich.grants.contains("admin"));
  // The asker's own token lives for an hour.
  ck_assert(rich.expires <= kNow.wall + std::chrono::hours(1));
  same(summary(desk.response("POST", "tokens", R"({"userId":"a","grants":["record"]})")),
       "403 auth forbidden");
  for (const char* bad :
       {"{}", R"({"userId":"a","validForMs":999})", R"({"userId":"a","validForMs":86400001})",
        R"({"userId":"a","profiles":[]})", R"({"userId":"a","grants":"admin"})",
        R"({"userId":"a","grants":[1]})", R"({"userId":""})"})
    same(summary(desk.response("POST", "tokens", bad)), "400 request bad_request");
  Desk keyless(false);
  same(summary(keyless.response("POST", "tokens", R"({"userId":"a"})")), "409 state conflict");
}
END_TEST

START_TEST(slows_down_who_asks_too_fast) {
  Desk desk(true, 3);
  for (int i = 0; i < 3; ++i) (void)desk.question<admin::LiveCalls>("GET", "calls");
  const auto refused = desk.response("GET", "calls");
  same(summary(refused), "429 retry rate_limited");
  same(header(refused, "Retry-After"), "1");
  base::Instant later = kNow;
  later.mono += std::chrono::seconds(1);
  ck_assert(std::holds_alternative<admin::Question>(
      desk.api.handle(Desk::request("GET", "calls"), later)));
}
END_TEST

int main() {
  return test::run(
      "admin api",
      {asks_for_a_token_and_says_how, says_nothing_about_paths_to_strangers,
       knows_its_paths_and_methods, speaks_json_only, reads_bodies_strictly, reads_queries_strictly,
       hands_on_what_is_asked, mints_no_more_than_the_asker_has, slows_down_who_asks_too_fast});
}
