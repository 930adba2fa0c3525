#include "admin/notices.h"

#include <string>

#include "api_fixture.h"

using namespace parley;
using test::same;

namespace {

base::WallTime at(int ms) { return base::WallTime(std::chrono::milliseconds(ms)); }
const base::CallId kCall("c");
const base::ChainId kChain("k");
const base::ProfileId kAlice("alice");
const base::ProfileId kBob("bob");

}  // namespace

START_TEST(writes_what_happened_to_a_call) {
  same(admin::encode({"i1", call::CallStarted{kCall, kChain, kAlice, {kBob}, {}, at(5)}}),
       R"({"id":"i1","type":"call.started","at":5,"data":{"callId":"c","chainId":"k",)"
       R"("from":"alice","to":["bob"],"settings":{"audio":true,"video":true}}})");
  same(admin::encode(
           {"i2", call::RingsUnheard{kCall, kChain, kAlice, kBob, {true, false}, at(6), at(9)}}),
       R"({"id":"i2","type":"call.unheard","at":6,"data":{"callId":"c","chainId":"k",)"
       R"("from":"alice","profileId":"bob","settings":{"audio":true,"video":false},"until":9}})");
  call::CallEnded end{kCall, call::Outcome::kMissed, 0, {{kBob, call::Outcome::kMissed}}, at(7)};
  same(admin::encode({"i3", admin::EndNotice{kChain, kAlice, end}}),
       R"({"id":"i3","type":"call.ended","at":7,"data":{"callId":"c","chainId":"k",)"
       R"("from":"alice","reason":"missed","durationMs":0,"outcomes":{"bob":"missed"}}})");
}
END_TEST

START_TEST(writes_a_text_nobody_heard) {
  call::StoreText text;
  text.text = {base::RequestId("t"), kChain, {kAlice, kBob}, kAlice, "hi \"you\"", at(8)};
  text.unheard = {kBob};
  same(admin::encode({"i4", text}),
       R"({"id":"i4","type":"text.unheard","at":8,"data":{"textId":"t","chainId":"k",)"
       R"("from":"alice","body":"hi \"you\"","profileIds":["bob"]}})");
}
END_TEST

START_TEST(writes_what_is_made_of_a_call) {
  const base::JobId recording("r");
  same(admin::encode({"i5", call::RecordingBegan{.call = kCall,
                                                 .recording = recording,
                                                 .layout = call::RecordLayout::kGrid,
                                                 .by = kAlice,
                                                 .at = at(9)}}),
       R"({"id":"i5","type":"recording.started","at":9,"data":{"callId":"c","recordingId":"r",)"
       R"("layout":"grid","format":"webm","policy":"notify","by":"alice"}})");
  same(
      admin::encode({"i6", call::RecordingOver{kCall, recording, true, "the disk is full", at(9)}}),
      R"({"id":"i6","type":"recording.ended","at":9,"data":{"callId":"c","recordingId":"r",)"
      R"("state":"failed","message":"The disk is full."}})");
  call::BridgeView bridge;
  bridge.bridge = base::JobId("b");
  bridge.state = call::BridgeState::kLive;
  const std::string noted = admin::encode({"i7", call::BridgeNoted{kCall, bridge, at(9)}});
  same(noted, R"({"id":"i7","type":"bridge.changed","at":9,"data":{"callId":"c","bridgeId":"b",)"
              R"("direction":"out","kind":"rtmp","state":"live"}})");
  same(admin::read_envelope(noted)->topic, "c");
}
END_TEST

START_TEST(reads_back_what_a_sender_must_know) {
  const auto ringing = admin::read_envelope(
      admin::encode({"i", call::RingsUnheard{kCall, kChain, kAlice, kBob, {}, at(6), at(9)}}));
  ck_assert(ringing.has_value());
  same(ringing->type + " " + ringing->topic, "call.unheard c");
  ck_assert(ringing->until == at(9));
  call::StoreText text;
  text.text = {base::RequestId("t"), kChain, {kAlice, kBob}, kAlice, "hi", at(8)};
  const auto sent = admin::read_envelope(admin::encode({"i", text}));
  same(sent->type + " " + sent->topic, "text.unheard k");
  ck_assert(!sent->until);
  for (const char* foreign :
       {"", "{}", "[]", R"({"type":"call.started"})", R"({"type":"other","data":{}})",
        R"({"type":"call.started","data":1})"})
    ck_assert_msg(!admin::read_envelope(foreign), "%s", foreign);
}
END_TEST

START_TEST(signs_time_and_body_with_every_secret) {
  // printf '1767225600000.{"a":1}' | openssl dgst -sha256 -hmac KEY
  const base::WallTime now(std::chrono::milliseconds(1'767'225'600'000));
  const std::string first = "d3cb7686c94d6384b8948ebbbd287a32c4b33b9561ce4c51fea5655f8ca96e91";
  const std::string second = "4c3da5ff1100129fa40003bac2176a5126cef6a8fbee87e9e1b40ab183d1b36c";
  same(admin::sign("{\"a\":1}", now, {std::string(32, 'a')}), "t=1767225600000,v1=" + first);
  same(admin::sign("{\"a\":1}", now, {std::string(32, 'a'), "other"}),
       "t=1767225600000,v1=" + first + ",v1=" + second);
  ck_assert(admin::sign("{\"a\":2}", now, {"other"}).find(second) == std::string::npos);
}
END_TEST

START_TEST(knows_its_names) {
  for (const char* name : {"call.unheard", "call.started", "call.ended", "text.unheard",
                           "recording.started", "recording.ended", "bridge.changed"})
    same(std::string(admin::name_of(admin::parse_notice_kind(name).value())), name);
  ck_assert(!admin::parse_notice_kind("call"));
}
END_TEST

int main() {
  return test::run("notices", {writes_what_happened_to_a_call, writes_a_text_nobody_heard,
                               writes_what_is_made_of_a_call, reads_back_what_a_sender_must_know,
                               signs_time_and_body_with_every_secret, knows_its_names});
}
