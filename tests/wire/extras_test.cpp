// Requests to record, mix and bridge.
#include <string>

#include "wire/decoding.h"

namespace {

using namespace parley;        // NOLINT(google-build-using-namespace)
using namespace parley::test;  // NOLINT(google-build-using-namespace)

std::string frame(const std::string& type, const std::string& members) {
  return R"({"type":")" + type + R"(","id":"r1","callId":"k")" +
         (members.empty() ? "" : "," + members) + "}";
}
template <class Body>
Body body(const std::string& type, const std::string& members) {
  const auto message = wire::decode(frame(type, members));
  ck_assert_msg(message.has_value(), "%s", message ? "" : message.error().message.c_str());
  return std::get<Body>(std::get<call::Request>(*message).body);
}
std::string problem(const std::string& type, const std::string& members) {
  const auto message = wire::decode(frame(type, members));
  ck_assert(!message.has_value());
  return message.error().message;
}
void says(const std::string& text, const std::string& part) {
  ck_assert_msg(text.find(part) != std::string::npos, "'%s' is not in: %s", part.c_str(),
                text.c_str());
}

}  // namespace

START_TEST(reads_call_record_and_consent) {
  const auto plain = body<call::Record>("call.record", R"("action":"start")");
  ck_assert(plain.start && plain.layout == call::RecordLayout::kTracks &&
            plain.format == call::RecordFormat::kWebm &&
            plain.policy == call::RecordPolicy::kNotify);
  const auto full = body<call::Record>(
      "call.record", R"("action":"start","layout":"speaker","format":"mp4","policy":"consent")");
  ck_assert(full.layout == call::RecordLayout::kSpeaker &&
            full.format == call::RecordFormat::kMp4 && full.policy == call::RecordPolicy::kConsent);
  ck_assert(!body<call::Record>("call.record", R"("action":"stop")").start);
  ck_assert(body<call::Consent>("call.consent", R"("given":true)").given);
  ck_assert(!body<call::Consent>("call.consent", R"("given":false)").given);
  says(problem("call.record", ""), "`action` must be");
  says(problem("call.record", R"("action":"start","layout":"mosaic")"), "`layout` must be");
  says(problem("call.record", R"("action":"start","format":"mp4")"), "`format` must be");
  says(problem("call.consent", ""), "`given` must be");
}
END_TEST

START_TEST(reads_call_mode) {
  const auto all = body<call::SetMode>("call.mode", R"("mode":"mix")");
  ck_assert(all.mode == call::Mode::kMix && !all.profile);
  const auto one = body<call::SetMode>("call.mode", R"("mode":"forward","profileId":"a")");
  ck_assert(one.mode == call::Mode::kForward && one.profile->str() == "a");
  says(problem("call.mode", ""), "`mode` must be");
  says(problem("call.mode", R"("mode":"both")"), "`mode` must be");
}
END_TEST

START_TEST(reads_call_bridge) {
  const auto out = body<call::StartBridge>(
      "call.bridge",
      R"("action":"start","direction":"out","kind":"rtmp","url":"rtmp://h/a","only":"b")");
  ck_assert(out.direction == call::Direction::kOut && out.kind == call::BridgeKind::kRtmp);
  ck_assert_str_eq(out.url.c_str(), "rtmp://h/a");
  ck_assert_str_eq(out.only->str().c_str(), "b");
  const auto hls = body<call::StartBridge>(
      "call.bridge", R"("action":"start","direction":"out","kind":"hls","layout":"speaker")");
  ck_assert(hls.url.empty() && hls.layout == call::RecordLayout::kSpeaker);
  const auto in = body<call::StartBridge>(
      "call.bridge",
      R"("action":"start","direction":"in","kind":"rtsp","url":"rtsp://h/s","profileId":"cam")");
  ck_assert(in.direction == call::Direction::kIn && in.profile->str() == "cam");
  const auto stop = body<call::StopBridge>("call.bridge", R"("action":"stop","bridgeId":"x")");
  ck_assert_str_eq(stop.bridge.str().c_str(), "x");
  const auto wrong = [](const std::string& rest) {
    return problem("call.bridge", R"("action":"start",)" + rest);
  };
  says(problem("call.bridge", R"("action":"stop")"), "`bridgeId` must be");
  says(wrong(R"("kind":"rtmp","url":"u")"), "`direction` must be");
  says(wrong(R"("direction":"out","url":"u")"), "`kind` must be");
  says(wrong(R"("direction":"out","kind":"rtmp")"), "`url` must be");
  says(wrong(R"("direction":"out","kind":"hls","url":"u")"), "`url` must be");
  says(wrong(R"("direction":"out","kind":"file","url":"u")"), "`kind` must be");
  says(wrong(R"("direction":"in","kind":"rtp","url":"u")"), "`kind` must be");
  says(wrong(R"("direction":"in","kind":"whip","url":"u")"), "`kind` must be");
  says(wrong(R"("direction":"out","kind":"srt","layout":"tracks","url":"u")"), "`layout` must be");
}
END_TEST

int main() {
  return parley::test::run("wire extras",
                           {reads_call_record_and_consent, reads_call_mode, reads_call_bridge});
}
