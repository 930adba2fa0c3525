#include <string>
#include <vector>

#include "admin/api.h"
#include "api_fixture.h"

using namespace parley;
using test::same;
using test::summary;

namespace {

call::CallView view(const std::string& id, const std::string& from, const std::string& to) {
  call::CallView view;
  view.call = base::CallId(id);
  view.chain = base::ChainId("chain-" + from);
  view.from = base::ProfileId(from);
  view.to = {base::ProfileId(to)};
  view.at = base::WallTime(std::chrono::milliseconds(7));
  for (const std::string& name : {from, to}) {
    call::ParticipantView participant;
    participant.profile = base::ProfileId(name);
    view.participants.push_back(participant);
  }
  return view;
}

std::string page(const admin::LiveCalls& question) {
  const auto response =
      admin::answer(question, {view("c3", "a", "b"), view("c1", "b", "c"), view("c2", "a", "c")});
  std::string ids;
  for (const char* id : {"c1", "c2", "c3"})
    if (response.body.find("\"callId\":\"" + std::string(id)) != std::string::npos)
      ids += id + std::string(" ");
  return ids + (response.body.find("\"more\":true") != std::string::npos ? "more" : "");
}

}  // namespace

START_TEST(pages_live_calls_by_their_ids) {
  same(page({}), "c1 c2 c3 ");
  same(page({.profile = {}, .chain = {}, .after = {}, .limit = 2}), "c1 c2 more");
  same(page({.profile = {}, .chain = {}, .after = base::CallId("c2"), .limit = 2}), "c3 ");
  // Goes on behind a call that has ended meanwhile.
  same(page({.profile = {}, .chain = {}, .after = base::CallId("c2x")}), "c3 ");
  same(page({.profile = base::ProfileId("c"), .chain = {}, .after = {}}), "c1 c2 ");
  same(page({.profile = {}, .chain = base::ChainId("chain-a"), .after = {}}), "c2 c3 ");
  same(admin::answer(admin::LiveCalls{}, {}).body, R"({"items":[],"more":false})");
}
END_TEST

START_TEST(writes_a_live_call) {
  call::CallView call = view("c", "a", "b");
  call.running = true;
  call.accepted_at = base::WallTime(std::chrono::milliseconds(9));
  call.participants[1].state = call::ParticipantState::kActive;
  call.participants[1].connection = base::ConnectionId("n1-1");
  call.participants[1].unmuted.audio = false;
  same(admin::answer(admin::OneCall{call.call}, call).body,
       R"({"callId":"c","chainId":"chain-a","from":"a","to":["b"],)"
       R"("settings":{"audio":true,"video":true},"state":"running","at":7,"acceptedAt":9,)"
       R"("participants":[{"profileId":"a","state":"inviting","audio":true,"video":true},)"
       R"({"profileId":"b","state":"active","connectionId":"n1-1","audio":false,"video":true}],)"
       R"("mode":"forward","bridges":[]})");
}
END_TEST

START_TEST(writes_a_call_that_has_ended) {
  wire::CallItem item;
  item.from = base::ProfileId("a");
  item.to = {base::ProfileId("b")};
  item.ended_at = base::WallTime(std::chrono::milliseconds(5));
  item.reason = "missed";
  item.outcomes = {{base::ProfileId("a"), "missed"}, {base::ProfileId("b"), std::nullopt}};
  same(admin::answer(admin::OneCall{base::CallId("c")}, base::ChainId("k"), item).body,
       R"({"callId":"c","chainId":"k","from":"a","to":["b"],)"
       R"("settings":{"audio":true,"video":true},"state":"ended","at":0,"endedAt":5,)"
       R"("durationMs":0,"reason":"missed","participants":[)"
       R"({"profileId":"a","state":"left","outcome":"missed"},{"profileId":"b","state":"left"}]})");
}
END_TEST

START_TEST(gives_every_refusal_its_status) {
  const admin::Ask end{call::EndCall{base::CallId("c")}};
  const auto refused = [&](call::ErrorCode code) {
    return summary(admin::answer(end, call::Refusal{code, "a reason to be read", {}}));
  };
  same(refused(call::ErrorCode::kBadRequest), "400 request bad_request");
  same(refused(call::ErrorCode::kNotFound), "404 request not_found");
  same(refused(call::ErrorCode::kForbidden), "403 auth forbidden");
  same(refused(call::ErrorCode::kConflict), "409 state conflict");
  same(refused(call::ErrorCode::kEnded), "409 state ended");
  same(refused(call::ErrorCode::kNotActive), "409 state not_active");
  same(refused(call::ErrorCode::kTooLarge), "413 request too_large");
  same(refused(call::ErrorCode::kRateLimited), "429 retry rate_limited");
  same(refused(call::ErrorCode::kUnavailable), "503 retry unavailable");
  same(refused(call::ErrorCode::kInternal), "500 server internal");
  same(summary(admin::answer(end, call::Ok{})), "204");
  same(summary(admin::not_found(admin::OneCall{base::CallId("c")})), "404 request not_found");
}
END_TEST

START_TEST(says_where_a_text_went) {
  call::PostText text;
  text.id = base::RequestId("t");
  call::Ok ok;
  ok.chain = base::ChainId("k");
  ok.at = base::WallTime(std::chrono::milliseconds(3));
  const auto response = admin::answer(admin::Ask{text}, ok);
  same(summary(response), "201");
  same(response.body, R"({"id":"t","chainId":"k","at":3})");
}
END_TEST

START_TEST(writes_chains_and_their_items) {
  const wire::TextItem text{base::RequestId("t"), base::ProfileId("a"), "hi",
                            base::WallTime(std::chrono::milliseconds(3))};
  const std::string item = R"({"type":"text","id":"t","from":"a","body":"hi","at":3})";
  same(admin::answer(admin::History{base::ChainId("k"), {}}, {text}, true).body,
       R"({"chainId":"k","items":[)" + item + R"(],"more":true})");
  same(admin::answer(admin::Chains{base::ProfileId("a"), {}},
                     {{base::ChainId("k"), {base::ProfileId("a")}, text}}, false)
           .body,
       R"({"items":[{"chainId":"k","members":["a"],"last":)" + item + R"(}],"more":false})");
}
END_TEST

int main() {
  return test::run("admin answers", {pages_live_calls_by_their_ids, writes_a_live_call,
                                     writes_a_call_that_has_ended, gives_every_refusal_its_status,
                                     says_where_a_text_went, writes_chains_and_their_items});
}
