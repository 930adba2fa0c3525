#include <array>
#include <chrono>
#include <string>
#include <vector>

#include "support/check_main.h"
#include "wire/scan.h"
#include "wire/wire.h"

namespace {

using namespace parley;
using call::Outcome;
using call::Role;

constexpr base::WallTime kAt{std::chrono::milliseconds(1700000000123)};

void assert_text(const std::string& encoded, const std::string& expected) {
  ck_assert_str_eq(encoded.c_str(), expected.c_str());
  ck_assert_msg(wire::scan(encoded).has_value(), "not strict JSON: %s", encoded.c_str());
}

// The event with `body`, in an envelope that has everything.
std::string event(call::EventBody body) {
  return wire::encode(
      {base::CallId("k"), kAt, base::ProfileId("p"), base::ConnectionId("c"), std::move(body)}, 42);
}

std::string expected(const char* type, const std::string& more = "") {
  return std::string(R"({"type":")") + type +
         R"(","seq":42,"callId":"k","at":1700000000123,"profileId":"p","connectionId":"c")" + more +
         "}";
}

}  // namespace

START_TEST(writes_ok_with_what_is_set) {
  assert_text(wire::encode(call::Reply{base::RequestId("r1"), call::Ok{}}),
              R"({"type":"ok","ref":"r1"})");
  assert_text(wire::encode(call::Reply{
                  base::RequestId("r1"),
                  call::Ok{base::CallId("k"), base::ChainId("ch"), Role::kActiveInitiator}}),
              R"({"type":"ok","ref":"r1","callId":"k","chainId":"ch","role":"active initiator"})");
  assert_text(wire::encode(call::Reply{base::RequestId("r1"), call::Ok{{}, {}, Role::kNone}}),
              R"({"type":"ok","ref":"r1","role":null})");
  assert_text(wire::encode(call::Reply{
                  base::RequestId("r1"),
                  call::Ok{base::CallId("k"), base::ChainId("ch"), Role::kActiveReceiver, true}}),
              R"({"type":"ok","ref":"r1","callId":"k","chainId":"ch","role":"active receiver",)"
              R"("merged":true})");
  assert_text(wire::encode(call::Reply{base::RequestId("r1"),
                                       call::Ok{.chain = base::ChainId("ch"), .at = kAt}}),
              R"({"type":"ok","ref":"r1","chainId":"ch","at":1700000000123})");
}
END_TEST

START_TEST(writes_errors_with_kind_code_sentence_and_winner) {
  assert_text(
      wire::encode(call::Reply{base::RequestId("r1"),
                               call::Refusal{call::ErrorCode::kAlreadyAccepted, "Taken on \"c2\".",
                                             base::ConnectionId("c2")}}),
      R"({"type":"error","ref":"r1","kind":"state","code":"already_accepted",)"
      R"("message":"Taken on \"c2\".","connectionId":"c2"})");
  wire::FrameError error;
  error.message = "The frame is not JSON.";
  assert_text(wire::encode(error), R"({"type":"error","kind":"request","code":"bad_request",)"
                                   R"("message":"The frame is not JSON."})");
  error.ref = base::RequestId("r2");
  error.code = call::ErrorCode::kRateLimited;
  assert_text(wire::encode(error),
              R"({"type":"error","ref":"r2","kind":"retry","code":"rate_limited",)"
              R"("message":"The frame is not JSON."})");
}
END_TEST

START_TEST(makes_sentences_of_what_went_wrong) {
  assert_text(
      event(call::MediaFailedEvent{"the media connection was not made in time"}),
      expected("media.failed", R"(,"message":"The media connection was not made in time.")"));
  assert_text(event(call::MediaFailedEvent{"`sdp` must be shorter."}),
              expected("media.failed", R"(,"message":"`sdp` must be shorter.")"));
  assert_text(event(call::MediaFailedEvent{""}), expected("media.failed", R"(,"message":"")"));
}
END_TEST

START_TEST(writes_call_init) {
  call::InitEvent init;
  init.chain = base::ChainId("ch");
  init.from = base::ProfileId("a");
  init.to = {base::ProfileId("b"), base::ProfileId("d")};
  init.settings.video = false;
  init.init_left_ms = 10000;
  init.ringing_left_ms = 45000;
  assert_text(event(init),
              expected("call.init", R"(,"chainId":"ch","from":"a","to":["b","d"],"immediate":true,)"
                                    R"("settings":{"audio":true,"video":false},"role":null,)"
                                    R"("initLeftMs":10000,"ringingLeftMs":45000)"
                                    R"(,"mode":"forward","bridges":[])"));
  init.to.pop_back();
  init.immediate = false;
  init.role = Role::kPassiveInitiator;
  init.init_left_ms.reset();
  init.ringing_left_ms.reset();
  assert_text(
      event(init),
      expected("call.init", R"(,"chainId":"ch","from":"a","to":["b"],"immediate":false,)"
                            R"("settings":{"audio":true,"video":false},"role":"passive initiator")"
                            R"(,"mode":"forward","bridges":[])"));
}
END_TEST

START_TEST(writes_what_is_made_of_a_call) {
  call::RecordingView recording;
  recording.recording = base::JobId("r");
  recording.state = call::RecordingState::kAsking;
  recording.policy = call::RecordPolicy::kConsent;
  recording.consents = {{base::ProfileId("a"), true},
                        {base::ProfileId("b"), false},
                        {base::ProfileId("c"), std::nullopt}};
  const std::string shown =
      R"("recordingId":"r","state":"asking","layout":"tracks","format":"webm","policy":"consent",)"
      R"("consents":{"a":true,"b":false,"c":null})";
  assert_text(event(recording), expected("call.recording", "," + shown));
  assert_text(event(call::ModeEvent{call::Mode::kMix}), expected("call.mode", R"(,"mode":"mix")"));
  call::BridgeView bridge;
  bridge.bridge = base::JobId("x");
  bridge.kind = call::BridgeKind::kHls;
  bridge.state = call::BridgeState::kReconnecting;
  bridge.message = "no answer";
  bridge.watch = "/hls/x/index.m3u8";
  const std::string one = R"("bridgeId":"x","direction":"out","kind":"hls","state":"reconnecting",)"
                          R"("message":"No answer.","watch":"/hls/x/index.m3u8")";
  assert_text(event(bridge), expected("call.bridge", "," + one));

  call::InitEvent init;
  init.chain = base::ChainId("ch");
  init.from = base::ProfileId("a");
  init.extras = {.mode = call::Mode::kMix, .recording = recording, .bridges = {bridge}};
  init.accepted_at = base::WallTime(std::chrono::milliseconds(5));
  call::ParticipantView guest{.profile = base::ProfileId("rtmp-1"),
                              .state = call::ParticipantState::kActive,
                              .connection = {},
                              .unmuted = {},
                              .outcome = {}};
  guest.bridge = base::JobId("y");
  guest.mode = call::Mode::kMix;
  init.participants = {guest};
  assert_text(
      event(init),
      expected("call.init", R"(,"chainId":"ch","from":"a","to":[],"immediate":true,)"
                            R"("settings":{"audio":true,"video":true},"role":null,"mode":"mix",)"
                            R"("recording":{)" +
                                shown + R"(},"bridges":[{)" + one +
                                R"(}],"acceptedAt":5,"participants":[{"profileId":"rtmp-1",)"
                                R"("state":"active","audio":true,"video":true,"mode":"mix",)"
                                R"("bridge":"y"}])"));
}
END_TEST

START_TEST(writes_the_events_that_are_all_envelope) {
  assert_text(event(call::PendingEvent{}), expected("call.pending"));
  assert_text(event(call::RingingEvent{}), expected("call.ringing"));
  assert_text(event(call::InitTimeoutEvent{}), expected("call.init_timeout"));
  assert_text(event(call::AcceptEvent{}), expected("call.accept"));
  assert_text(event(call::RingingTimeoutEvent{}), expected("call.ringing_timeout"));
  assert_text(event(call::HangupEvent{}), expected("call.hangup"));
  assert_text(event(call::ReconnectingEvent{}), expected("call.reconnecting"));
  assert_text(event(call::ReconnectedEvent{}), expected("call.reconnected"));
}
END_TEST

START_TEST(leaves_profile_and_connection_out_where_there_is_none) {
  assert_text(wire::encode(
                  call::Event{base::CallId("k"), base::WallTime{}, {}, {}, call::HangupEvent{}}, 1),
              R"({"type":"call.hangup","seq":1,"callId":"k","at":0})");
}
END_TEST

START_TEST(writes_the_call_events_with_members) {
  assert_text(event(call::RejectEvent{}),
              expected("call.reject", R"(,"reason":"declined","scope":"profile")"));
  assert_text(event(call::RejectEvent{call::RejectReason::kBusy, call::RejectScope::kConnection}),
              expected("call.reject", R"(,"reason":"busy","scope":"connection")"));
  assert_text(event(call::UpdateEvent{{false, true}}),
              expected("call.update", R"(,"audio":false,"video":true)"));
  assert_text(event(call::TakeEvent{base::ConnectionId("c0")}),
              expected("call.take", R"(,"was":"c0")"));
  assert_text(event(call::InviteEvent{{base::ProfileId("d"), base::ProfileId("e")}}),
              expected("call.invite", R"(,"to":["d","e"])"));
  assert_text(event(call::LeftEvent{Outcome::kLost}),
              expected("call.left", R"(,"outcome":"lost")"));
  assert_text(event(call::EndEvent{Outcome::kCompleted,
                                   61000,
                                   {{base::ProfileId("a"), Outcome::kCompleted},
                                    {base::ProfileId("b"), Outcome::kMissed}}}),
              expected("call.end", R"(,"reason":"completed","durationMs":61000,)"
                                   R"("outcomes":{"a":"completed","b":"missed"})"));
}
END_TEST

START_TEST(writes_media_offer_and_failed) {
  call::MediaOfferEvent offer;
  offer.rev = 4294967295U;
  offer.sdp = "v=0\r\ns=\"x\"\r\n";
  offer.tracks = {{"0", base::ProfileId("a"), base::Source::kMic},
                  {"7", base::ProfileId("b"), base::Source::kScreen}};
  assert_text(
      event(offer),
      expected("media.offer", R"(,"rev":4294967295,"sdp":"v=0\r\ns=\"x\"\r\n","tracks":[)"
                              R"({"mid":"0","profileId":"a","source":"mic","kind":"audio"},)"
                              R"({"mid":"7","profileId":"b","source":"screen","kind":"video"}])"));
  assert_text(event(call::MediaOfferEvent{1, "v=0", {}}),
              expected("media.offer", R"(,"rev":1,"sdp":"v=0","tracks":[])"));
  assert_text(event(call::MediaFailedEvent{"No answer."}),
              expected("media.failed", R"(,"message":"No answer.")"));
}
END_TEST

START_TEST(replaces_what_json_cannot_hold_in_free_text) {
  assert_text(event(call::MediaFailedEvent{"caf\xe9"}),
              expected("media.failed", ",\"message\":\"Caf\xef\xbf\xbd.\""));
  assert_text(event(call::MediaFailedEvent{std::string("a\0b", 3)}),
              expected("media.failed",
                       ",\"message\":\"A\xef\xbf\xbd"
                       "b.\""));
}
END_TEST

START_TEST(escapes_every_control_character) {
  for (char c = 1; c < 0x20; ++c) {
    const std::string text = event(call::MediaFailedEvent{std::string("a") + c + "b"});
    ck_assert_msg(wire::scan(text).has_value(), "U+%04X", static_cast<unsigned>(c));
  }
}
END_TEST

START_TEST(writes_welcome_with_limits_and_snapshots) {
  wire::WelcomeFrame welcome;
  welcome.ref = base::RequestId("r1");
  welcome.connection = base::ConnectionId("c1");
  welcome.user = base::UserId("u");
  welcome.profiles = {base::ProfileId("a"), base::ProfileId("a2")};
  welcome.resume = "secret";
  assert_text(
      wire::encode(welcome),
      R"({"type":"welcome","ref":"r1","connectionId":"c1","userId":"u",)"
      R"("profiles":["a","a2"],"resume":"secret","resumed":false,"iceServers":[],)"
      R"("limits":{"maxFrameBytes":65536,"requestsPerSecond":50,"requestBurst":200,)"
      R"("maxReceivers":49,"maxUnansweredCalls":4,"maxTextBytes":8192,"resumeWindowMs":30000},"calls":[]})");
  welcome.resumed = true;
  welcome.ice_servers = {{{"stun:a", "stun:b"}}, {}};
  welcome.limits = {1, 2, 3, 4, 5, 6, 7};
  call::Snapshot call;
  call.call = base::CallId("k");
  call.chain = base::ChainId("ch");
  call.from = base::ProfileId("a");
  call.to = {base::ProfileId("b")};
  call.role = Role::kActiveReceiver;
  call.running = true;
  call.at = kAt;
  call.accepted_at = kAt + std::chrono::milliseconds(9876);
  call.participants = {
      {base::ProfileId("a"),
       call::ParticipantState::kActive,
       base::ConnectionId("c9"),
       {true, false},
       {}},
      {base::ProfileId("b"), call::ParticipantState::kLeft, {}, {}, Outcome::kRejected}};
  call.can_join = true;
  welcome.calls = {call};
  call.running = false;
  call.role = Role::kNone;
  call.accepted_at.reset();
  call.participants.clear();
  call.ringing_left_ms = 0;
  welcome.calls.push_back(call);
  assert_text(
      wire::encode(welcome),
      R"({"type":"welcome","ref":"r1","connectionId":"c1","userId":"u",)"
      R"("profiles":["a","a2"],"resume":"secret","resumed":true,)"
      R"("iceServers":[{"urls":["stun:a","stun:b"]},{"urls":[]}],)"
      R"("limits":{"maxFrameBytes":1,"requestsPerSecond":2,"requestBurst":3,)"
      R"("maxReceivers":4,"maxUnansweredCalls":5,"maxTextBytes":6,"resumeWindowMs":7},"calls":[)"
      R"({"callId":"k","chainId":"ch","from":"a","to":["b"],)"
      R"("settings":{"audio":true,"video":true},"role":"active receiver","state":"running",)"
      R"("at":1700000000123,"acceptedAt":1700000009999,)"
      R"("participants":[{"profileId":"a","state":"active","connectionId":"c9",)"
      R"("audio":true,"video":false},)"
      R"({"profileId":"b","state":"left","audio":true,"video":true,"outcome":"rejected"}],)"
      R"("canJoin":true,"mode":"forward","bridges":[]},)"
      R"({"callId":"k","chainId":"ch","from":"a","to":["b"],)"
      R"("settings":{"audio":true,"video":true},"role":null,"state":"ringing",)"
      R"("at":1700000000123,"participants":[],"ringingLeftMs":0,"canJoin":true)"
      R"(,"mode":"forward","bridges":[]}]})");
}
END_TEST

START_TEST(writes_a_text) {
  call::TextMessage text;
  text.id = base::RequestId("t1");
  text.chain = base::ChainId("ch");
  text.members = {base::ProfileId("a"), base::ProfileId("b")};
  text.from = base::ProfileId("a");
  text.body = "he said \"hi\"\n\xf0\x9f\x98\x80";
  text.at = kAt;
  assert_text(wire::encode(text, 7),
              R"({"type":"text","seq":7,"id":"t1","chainId":"ch","members":["a","b"],"from":"a",)"
              R"("body":"he said \"hi\"\n)"
              "\xf0\x9f\x98\x80"
              R"(","at":1700000000123})");
}
END_TEST

START_TEST(writes_pages_of_history) {
  wire::CallItem live;
  live.id = base::CallId("k1");
  live.from = base::ProfileId("a");
  live.to = {base::ProfileId("b")};
  live.settings.video = false;
  live.at = kAt;
  wire::CallItem ended = live;
  ended.id = base::CallId("k2");
  ended.to.emplace_back("c");
  ended.ended_at = kAt + std::chrono::milliseconds(5000);
  ended.reason = "completed";
  ended.duration_ms = 4000;
  ended.outcomes = {{base::ProfileId("a"), "completed"}, {base::ProfileId("c"), std::nullopt}};
  const wire::TextItem text{base::RequestId("t1"), base::ProfileId("b"), "hi", kAt};
  assert_text(
      wire::encode(
          wire::HistoryPage{base::RequestId("r1"), base::ChainId("ch"), {ended, text, live}, true}),
      R"({"type":"ok","ref":"r1","chainId":"ch","items":[)"
      R"({"type":"call","id":"k2","from":"a","to":["b","c"],)"
      R"("settings":{"audio":true,"video":false},"at":1700000000123,"endedAt":1700000005123,)"
      R"("durationMs":4000,"reason":"completed","outcomes":{"a":"completed"}},)"
      R"({"type":"text","id":"t1","from":"b","body":"hi","at":1700000000123},)"
      R"({"type":"call","id":"k1","from":"a","to":["b"],)"
      R"("settings":{"audio":true,"video":false},"at":1700000000123,"outcomes":{}}],"more":true})");
  assert_text(
      wire::encode(wire::HistoryPage{base::RequestId("r1"), base::ChainId("ch"), {}, false}),
      R"({"type":"ok","ref":"r1","chainId":"ch","items":[],"more":false})");
}
END_TEST

START_TEST(writes_pages_of_chains) {
  const wire::TextItem text{base::RequestId("t1"), base::ProfileId("b"), "hi", kAt};
  assert_text(wire::encode(wire::ChainPage{
                  base::RequestId("r1"),
                  {{base::ChainId("ch"), {base::ProfileId("a"), base::ProfileId("b")}, text}},
                  true}),
              R"({"type":"ok","ref":"r1","items":[{"chainId":"ch","members":["a","b"],)"
              R"("last":{"type":"text","id":"t1","from":"b","body":"hi","at":1700000000123}}],)"
              R"("more":true})");
  assert_text(wire::encode(wire::ChainPage{base::RequestId("r1"), {}, false}),
              R"({"type":"ok","ref":"r1","items":[],"more":false})");
}
END_TEST

START_TEST(writes_bye) {
  assert_text(wire::encode_bye("shutdown"), R"({"type":"bye","reason":"shutdown"})");
}
END_TEST

START_TEST(names_are_those_of_the_protocol) {
  using call::ErrorCode;
  const std::vector<std::array<std::string_view, 2>> codes = {
      {"bad_request", "request"}, {"unauthorized", "auth"}, {"forbidden", "auth"},
      {"not_found", "request"},   {"conflict", "state"},    {"already_accepted", "state"},
      {"not_active", "state"},    {"ended", "state"},       {"too_large", "request"},
      {"rate_limited", "retry"},  {"unavailable", "retry"}, {"internal", "server"}};
  for (std::size_t i = 0; i < codes.size(); ++i) {
    ck_assert(wire::name_of(static_cast<ErrorCode>(i)) == codes[i][0]);
    ck_assert(wire::kind_of(static_cast<ErrorCode>(i)) == codes[i][1]);
  }
  const std::vector<std::string_view> outcomes = {
      "completed", "cancelled",  "rejected", "busy",     "missed", "unreachable",
      "lost",      "superseded", "kicked",   "shutdown", "failed"};
  for (std::size_t i = 0; i < outcomes.size(); ++i)
    ck_assert(wire::name_of(static_cast<Outcome>(i)) == outcomes[i]);
  const std::vector<std::string_view> states = {"inviting", "ringing", "active", "reconnecting",
                                                "left"};
  for (std::size_t i = 0; i < states.size(); ++i)
    ck_assert(wire::name_of(static_cast<call::ParticipantState>(i)) == states[i]);
  ck_assert(!wire::name_of(Role::kNone).has_value());
  ck_assert(wire::name_of(Role::kActiveInitiator) == std::string_view("active initiator"));
  ck_assert(wire::name_of(Role::kPassiveInitiator) == std::string_view("passive initiator"));
  ck_assert(wire::name_of(Role::kActiveReceiver) == std::string_view("active receiver"));
  ck_assert(wire::name_of(Role::kPassiveReceiver) == std::string_view("passive receiver"));
}
END_TEST

int main() {
  return parley::test::run(
      "encode", {writes_ok_with_what_is_set, writes_errors_with_kind_code_sentence_and_winner,
                 makes_sentences_of_what_went_wrong, writes_call_init,
                 writes_what_is_made_of_a_call, writes_the_events_that_are_all_envelope,
                 leaves_profile_and_connection_out_where_there_is_none,
                 writes_the_call_events_with_members, writes_media_offer_and_failed,
                 replaces_what_json_cannot_hold_in_free_text, escapes_every_control_character,
                 writes_welcome_with_limits_and_snapshots, writes_a_text, writes_pages_of_history,
                 writes_pages_of_chains, writes_bye, names_are_those_of_the_protocol});
}
