#include <chrono>
#include <string>
#include <variant>
#include <vector>

#include "support/check_main.h"
#include "wire/wire.h"

namespace {

using namespace parley;
using wire::ClientMessage;
using wire::decode;
using wire::FrameError;

void assert_equal(const std::string& is, const std::string& should_be) {
  ck_assert_str_eq(is.c_str(), should_be.c_str());
}

template <class Message>
Message session(const std::string& frame) {
  auto decoded = decode(frame);
  ck_assert_msg(decoded.has_value(), "%s: %s", frame.c_str(),
                decoded ? "" : decoded.error().message.c_str());
  ck_assert(std::holds_alternative<Message>(*decoded));
  return std::get<Message>(std::move(*decoded));
}

// The body of the request in `frame`, whose id must be r1.
template <class Body>
Body request(const std::string& frame) {
  auto message = session<call::Request>(frame);
  ck_assert_str_eq(message.id.str().c_str(), "r1");
  ck_assert(std::holds_alternative<Body>(message.body));
  return std::get<Body>(std::move(message.body));
}

template <class Body>
Body media(const std::string& frame) {
  auto message = request<call::Media>(frame);
  ck_assert_str_eq(message.call.str().c_str(), "k");
  ck_assert(std::holds_alternative<Body>(message.body));
  return std::get<Body>(std::move(message.body));
}

FrameError refused(const std::string& frame) {
  auto decoded = decode(frame);
  ck_assert_msg(!decoded.has_value(), "taken: %s", frame.c_str());
  return std::move(decoded.error());
}

// The frame is refused for `why`, as a bad request that refers to r1, and the socket stays.
void assert_bad(const std::string& frame, const std::string& why) {
  const FrameError error = refused(frame);
  ck_assert_str_eq(error.message.c_str(), why.c_str());
  ck_assert(error.code == call::ErrorCode::kBadRequest);
  ck_assert_msg(error.ref && error.ref->str() == "r1", "%s", frame.c_str());
  ck_assert(!error.close_code.has_value());
}

// What is not JSON: refused without a ref, and the socket stays.
void assert_not_json(const std::string& frame) {
  const FrameError error = refused(frame);
  ck_assert(error.code == call::ErrorCode::kBadRequest);
  ck_assert_msg(!error.ref.has_value(), "%s", frame.c_str());
  ck_assert_msg(!error.close_code.has_value(), "%s", frame.c_str());
  ck_assert(!error.message.empty());
}

std::string nested(int depth) {
  const auto n = static_cast<std::size_t>(depth - 1);
  return R"({"id":"r1","type":"call.accept","callId":"k","x":)" + std::string(n, '[') +
         std::string(n, ']') + "}";
}

}  // namespace

START_TEST(reads_hello_with_and_without_resume) {
  const auto fresh = session<wire::Hello>(R"({"type":"hello","id":"r1","token":"a.b.c"})");
  ck_assert_str_eq(fresh.id.str().c_str(), "r1");
  ck_assert_str_eq(fresh.token.c_str(), "a.b.c");
  ck_assert(!fresh.resume && !fresh.last_seq);
  const auto again = session<wire::Hello>(
      R"({"type":"hello","id":"r1","token":"t","resume":"secret","lastSeq":9007199254740991})");
  ck_assert_str_eq(again.resume->c_str(), "secret");
  ck_assert_uint_eq(*again.last_seq, 9007199254740991ULL);
  assert_bad(R"({"type":"hello","id":"r1"})", "`token` must be a string that is not empty.");
  assert_bad(R"({"type":"hello","id":"r1","token":"t","resume":"s"})",
             "`lastSeq` must be a whole number from 0 to 9007199254740991.");
}
END_TEST

START_TEST(reads_token) {
  const auto token = session<wire::Token>(R"({"type":"token","id":"r1","token":"a.b.c"})");
  ck_assert_str_eq(token.id.str().c_str(), "r1");
  ck_assert_str_eq(token.token.c_str(), "a.b.c");
  assert_bad(R"({"type":"token","id":"r1","token":7})",
             "`token` must be a string that is not empty.");
}
END_TEST

START_TEST(reads_call_init_in_full) {
  const auto init = request<call::Init>(
      R"({"type":"call.init","id":"r1","from":"a","to":["b","c"],"chainId":"ch",)"
      R"("immediate":false,"settings":{"audio":true,"video":false}})");
  ck_assert_str_eq(init.from.str().c_str(), "a");
  ck_assert(init.to == (std::vector{base::ProfileId("b"), base::ProfileId("c")}));
  ck_assert_str_eq(init.chain->str().c_str(), "ch");
  ck_assert(!init.immediate);
  ck_assert(init.settings.audio && !init.settings.video);
}
END_TEST

START_TEST(reads_call_init_with_one_receiver_and_defaults) {
  const auto init = request<call::Init>(
      R"({"type":"call.init","id":"r1","from":"a","to":"b","chainId":null,"settings":null})");
  ck_assert(init.to == std::vector{base::ProfileId("b")});
  ck_assert(!init.chain.has_value());
  ck_assert(init.immediate && init.settings.audio && init.settings.video);
}
END_TEST

START_TEST(names_what_is_wrong_in_call_init) {
  const auto with = [](const std::string& members) {
    return R"({"type":"call.init","id":"r1",)" + members + "}";
  };
  const std::string id = "an id: 1 to 64 characters of A-Z a-z 0-9 _ . : @ -.";
  assert_bad(with(R"("to":"b")"), "`from` must be " + id);
  assert_bad(with(R"("from":"a b","to":"b")"), "`from` must be " + id);
  for (const char* to : {"7", "null", "{}", R"("")", R"(["b",7])", R"(["b","c d"])", R"([["b"]])",
                         R"(["b",null])", "true"})
    assert_bad(with(R"("from":"a","to":)" + std::string(to)),
               "`to` must be an id or an array of ids.");
  assert_bad(with(R"("from":"a")"), "`to` must be an id or an array of ids.");
  assert_bad(with(R"("from":"a","to":"b","chainId":7)"), "`chainId` must be " + id);
  assert_bad(with(R"("from":"a","to":"b","immediate":"yes")"),
             "`immediate` must be true or false.");
  assert_bad(with(R"("from":"a","to":"b","settings":[])"), "`settings` must be an object.");
  assert_bad(with(R"("from":"a","to":"b","settings":{"video":1})"),
             "`settings.video` must be true or false.");
}
END_TEST

START_TEST(reads_the_messages_that_only_name_their_call) {
  const auto frame = [](const char* type) {
    return std::string(R"({"callId":"k","id":"r1","type":")") + type + "\"}";
  };
  assert_equal(request<call::Pending>(frame("call.pending")).call.str(), "k");
  assert_equal(request<call::Ringing>(frame("call.ringing")).call.str(), "k");
  assert_equal(request<call::Accept>(frame("call.accept")).call.str(), "k");
  assert_equal(request<call::Hangup>(frame("call.hangup")).call.str(), "k");
  for (const char* type :
       {"call.pending", "call.ringing", "call.accept", "call.reject", "call.hangup", "call.update",
        "media.answer", "media.publish", "media.subscribe", "media.restart"})
    assert_bad(std::string(R"({"id":"r1","type":")") + type + "\"}",
               "`callId` must be an id: 1 to 64 characters of A-Z a-z 0-9 _ . : @ -.");
}
END_TEST

START_TEST(reads_call_reject) {
  const auto plain = request<call::Reject>(R"({"type":"call.reject","id":"r1","callId":"k"})");
  ck_assert(plain.reason == call::RejectReason::kDeclined);
  ck_assert(plain.scope == call::RejectScope::kProfile);
  const auto full = request<call::Reject>(
      R"({"type":"call.reject","id":"r1","callId":"k","reason":"busy","scope":"connection"})");
  ck_assert(full.reason == call::RejectReason::kBusy);
  ck_assert(full.scope == call::RejectScope::kConnection);
  assert_bad(R"({"type":"call.reject","id":"r1","callId":"k","reason":"tired"})",
             "`reason` must be \"declined\" or \"busy\".");
  assert_bad(R"({"type":"call.reject","id":"r1","callId":"k","scope":"all"})",
             "`scope` must be \"profile\" or \"connection\".");
  assert_bad(R"({"type":"call.reject","id":"r1","callId":"k","reason":7})",
             "`reason` must be a string that is not empty.");
}
END_TEST

START_TEST(reads_call_update) {
  const auto audio =
      request<call::Update>(R"({"type":"call.update","id":"r1","callId":"k","audio":false})");
  ck_assert(audio.audio == false && !audio.video.has_value());
  const auto both = request<call::Update>(
      R"({"type":"call.update","id":"r1","callId":"k","audio":true,"video":false})");
  ck_assert(both.audio == true && both.video == false);
  assert_bad(R"({"type":"call.update","id":"r1","callId":"k"})",
             "`audio` must be true or false, unless `video` is given.");
  assert_bad(R"({"type":"call.update","id":"r1","callId":"k","video":"off"})",
             "`video` must be true or false.");
}
END_TEST

START_TEST(reads_media_answer) {
  const auto answer = media<call::MediaAnswer>(
      R"({"type":"media.answer","id":"r1","callId":"k","rev":3,"sdp":"v=0\r\no=- 1"})");
  ck_assert_uint_eq(answer.rev, 3);
  ck_assert_str_eq(answer.sdp.c_str(), "v=0\r\no=- 1");
  for (const char* rev : {"-1", "4294967296", "1.5", "1e2", "\"1\"", "null", "9999999999999999"})
    assert_bad(R"({"type":"media.answer","id":"r1","callId":"k","sdp":"v","rev":)" +
                   std::string(rev) + "}",
               "`rev` must be a whole number from 0 to 4294967295.");
  assert_bad(R"({"type":"media.answer","id":"r1","callId":"k","rev":1,"sdp":""})",
             "`sdp` must be a string that is not empty.");
}
END_TEST

START_TEST(reads_media_publish) {
  const auto publish =
      media<call::MediaPublish>(R"({"type":"media.publish","id":"r1","callId":"k",)"
                                R"("sources":["mic","camera","screen","screen-audio","mic"]})");
  ck_assert(publish.sources == (std::vector{base::Source::kMic, base::Source::kCamera,
                                            base::Source::kScreen, base::Source::kScreenAudio}));
  ck_assert(
      media<call::MediaPublish>(R"({"type":"media.publish","id":"r1","callId":"k","sources":[]})")
          .sources.empty());
  assert_bad(R"({"type":"media.publish","id":"r1","callId":"k","sources":["mix"]})",
             "`sources` must be an array of \"mic\", \"camera\", \"screen\" or \"screen-audio\".");
  assert_bad(R"({"type":"media.publish","id":"r1","callId":"k","sources":[7]})",
             "`sources` must be an array of strings.");
  assert_bad(R"({"type":"media.publish","id":"r1","callId":"k"})",
             "`sources` must be an array of strings.");
}
END_TEST

START_TEST(reads_media_subscribe) {
  const auto subscribe = media<call::MediaSubscribe>(
      R"({"type":"media.subscribe","id":"r1","callId":"k","tracks":[)"
      R"({"profileId":"a","source":"camera","paused":true,"maxHeight":360,"priority":255},)"
      R"({"profileId":"b","source":"mic"}]})");
  ck_assert_uint_eq(subscribe.tracks.size(), 2);
  ck_assert_str_eq(subscribe.tracks[0].profile.str().c_str(), "a");
  ck_assert(subscribe.tracks[0].source == base::Source::kCamera);
  ck_assert(subscribe.tracks[0].paused == true);
  ck_assert(subscribe.tracks[0].max_height == 360U && subscribe.tracks[0].priority == 255U);
  ck_assert(subscribe.tracks[1].source == base::Source::kMic);
  ck_assert(!subscribe.tracks[1].paused && !subscribe.tracks[1].max_height);
  const auto with = [](const std::string& tracks) {
    return R"({"type":"media.subscribe","id":"r1","callId":"k","tracks":)" + tracks + "}";
  };
  assert_bad(with("{}"), "`tracks` must be an array of objects.");
  assert_bad(with("[7]"), "`tracks` must be an array of objects.");
  assert_bad(with(R"([{"profileId":"a","source":"mic"},{"profileId":"a"}])"),
             "`tracks[1].source` must be \"mic\", \"camera\", \"screen\" or \"screen-audio\".");
  assert_bad(with(R"([{"profileId":"a","source":"mic","maxHeight":0}])"),
             "`tracks[0].maxHeight` must be a whole number from 1 to 16384.");
}
END_TEST

START_TEST(reads_media_restart) {
  ck_assert(!media<call::MediaRestart>(R"({"type":"media.restart","id":"r1","callId":"k"})").fresh);
  ck_assert(
      media<call::MediaRestart>(R"({"type":"media.restart","id":"r1","callId":"k","fresh":true})")
          .fresh);
}
END_TEST

START_TEST(ignores_unknown_members_of_any_shape) {
  request<call::Accept>(R"( { "x" : {"y":[1,-2.5e+3,null,true,{"z":{}}]} , "type":"call.accept",)"
                        "\t\r\n"
                        R"("callId":"k","":"","ключ":"значение","id":"r1","n":-0, "e":0.1e-9 } )");
}
END_TEST

START_TEST(wants_a_valid_id_before_anything_else) {
  for (const char* frame :
       {R"({})", R"({"type":"call.accept","callId":"k"})", R"({"id":7})", R"({"id":""})",
        R"({"id":"a b"})", R"({"id":null})", R"({"id":["r1"]})"}) {
    assert_not_json(frame);
    assert_equal(refused(frame).message,
                 "`id` must be an id: 1 to 64 characters of A-Z a-z 0-9 _ . : @ -.");
  }
}
END_TEST

START_TEST(refuses_unknown_types_and_quotes_only_harmless_ones) {
  assert_bad(R"({"id":"r1","type":"call.dance"})",
             "`type` call.dance is not one the server knows.");
  assert_bad(R"({"id":"r1","type":"<b>\n"})", "`type` is not one the server knows.");
  assert_bad(R"({"id":"r1","type":"Call.init"})", "`type` Call.init is not one the server knows.");
  assert_bad(R"({"id":"r1","type":7})", "`type` must be a string that is not empty.");
  assert_bad(R"({"id":"r1"})", "`type` must be a string that is not empty.");
}
END_TEST

START_TEST(refuses_what_is_not_one_json_object) {
  for (const char* frame : {"",
                            " ",
                            "null",
                            "7",
                            "\"x\"",
                            "[]",
                            "[{}]",
                            "{",
                            "}",
                            "{}{}",
                            "{} x",
                            "{]",
                            "{\"a\"}",
                            "{\"a\":}",
                            "{\"a\":1,}",
                            "{,}",
                            "{\"a\":[1,]}",
                            "{\"a\":[,1]}",
                            "{\"a\":[1 2]}",
                            "{\"a\":1 \"b\":2}",
                            "{a:1}",
                            "{'a':1}",
                            "{\"a\":'b'}",
                            "{\"a\":tru}",
                            "{\"a\":True}",
                            "{\"a\":nul",
                            "{\"a\":undefined}",
                            "{\"a\":NaN}",
                            "{\"a\":Infinity}",
                            "{\"a\":\"b}",
                            "{\"a\":\"b\\\"}",
                            "{\"a\":[}",
                            "{\"a\":{]",
                            "\xef\xbb\xbf{}",
                            "{\"a\"::1}",
                            "{\"a\":1}]"})
    assert_not_json(frame);
}
END_TEST

START_TEST(refuses_what_json_glib_would_take) {
  for (const char* frame :
       {"/* c */{\"id\":\"r1\"}", "{\"id\":\"r1\"}// c", "{\"a\":0123}", "{\"a\":0x10}",
        "{\"a\":.5}", "{\"a\":1.}", "{\"a\":1e}", "{\"a\":1e+}", "{\"a\":-}", "{\"a\":- 1}",
        "{\"a\":+1}", "{\"a\":\"\\x\"}", "{\"a\":\"\\u12\"}", "{\"a\":\"\\u12g4\"}",
        "{\"a\":\"\\'\"}", "{\"a\":\"\n\"}", "{\"a\":\"\t\"}", "{\"a\":1_000}"})
    assert_not_json(frame);
}
END_TEST

START_TEST(refuses_nul_half_surrogates_and_bad_utf8) {
  assert_not_json(std::string("{\"a\":\"\0\"}", 9));
  assert_not_json(std::string("{}\0", 3));
  assert_not_json("{\"a\":\"\\u0000\"}");
  assert_not_json("{\"a\":\"\\ud800\"}");
  assert_not_json("{\"a\":\"\\udc00\"}");
  assert_not_json("{\"a\":\"\\ud800\\u0041\"}");
  assert_not_json("{\"a\":\"\\ud800\\ud800\"}");
  assert_not_json("{\"a\":\"\\ud83d");
  for (const char* bad : {"\xff", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf5\x80\x80\x80"})
    assert_not_json(std::string("{\"a\":\"") + bad + "\"}");
  const auto answer = media<call::MediaAnswer>(
      R"({"type":"media.answer","id":"r1","callId":"k","rev":0,"sdp":"\ud83d\ude00é\/\u00e9"})");
  ck_assert_str_eq(answer.sdp.c_str(), "\xf0\x9f\x98\x80é/é");
}
END_TEST

START_TEST(refuses_numbers_without_measure) {
  for (const std::string& number : {std::string("12345678901234567"), std::string(5000, '9'),
                                    "0." + std::string(40, '1'), "1e" + std::string(40, '1')})
    assert_not_json("{\"a\":" + number + "}");
  request<call::Accept>(
      R"({"id":"r1","type":"call.accept","callId":"k","x":-9999999999999999,"y":1e308})");
}
END_TEST

START_TEST(refuses_a_member_given_twice_at_any_level) {
  assert_bad(R"({"id":"r1","type":"call.accept","callId":"k","callId":"l"})",
             "A member is given twice.");
  assert_bad(R"({"id":"r1","type":"call.accept","callId":"k","x":[{"a":{"b":1,"b":1}}]})",
             "A member is given twice.");
  assert_bad(R"({"id":"r1","type":"call.accept","callId":"k","x":1,"\u0078":2})",
             "A member is given twice.");
  request<call::Accept>(
      R"({"id":"r1","type":"call.accept","callId":"k","x":{"id":1},"y":{"id":1},"z":[1,1]})");
}
END_TEST

START_TEST(takes_16_levels_and_closes_at_17) {
  request<call::Accept>(nested(16));
  const FrameError error = refused(nested(17));
  ck_assert(error.close_code == 1008);
  ck_assert_str_eq(error.message.c_str(), "The frame nests deeper than 16 levels.");
  ck_assert(refused("{\"a\":" + std::string(60000, '[')).close_code == 1008);
  std::string objects = "{";
  for (int i = 0; i < 9000; ++i) objects += "\"a\":{";
  ck_assert(refused(objects).close_code == 1008);
  ck_assert(!refused(std::string(60000, '[')).close_code.has_value());
}
END_TEST

START_TEST(takes_1000_members_of_all_levels_and_closes_at_1001) {
  const auto frame = [](int items) {
    std::string list = "0";
    for (int i = 1; i < items; ++i) list += i % 2 == 0 ? ",{}" : ",0";
    return R"({"id":"r1","type":"call.accept","callId":"k","x":[)" + list + "]}";
  };
  request<call::Accept>(frame(996));
  ck_assert(refused(frame(997)).close_code == 1008);
}
END_TEST

START_TEST(takes_64_kib_and_closes_above) {
  const std::string start = R"({"id":"r1","type":"call.accept","callId":"k","x":")";
  request<call::Accept>(start + std::string(wire::kMaxFrameBytes - start.size() - 2, 'x') + "\"}");
  const FrameError error =
      refused(start + std::string(wire::kMaxFrameBytes - start.size() - 1, 'x') + "\"}");
  ck_assert(error.close_code == 1009);
  ck_assert(error.code == call::ErrorCode::kTooLarge);
}
END_TEST

int main() {
  return parley::test::run("decode", {reads_hello_with_and_without_resume,
                                      reads_token,
                                      reads_call_init_in_full,
                                      reads_call_init_with_one_receiver_and_defaults,
                                      names_what_is_wrong_in_call_init,
                                      reads_the_messages_that_only_name_their_call,
                                      reads_call_reject,
                                      reads_call_update,
                                      reads_media_answer,
                                      reads_media_publish,
                                      reads_media_subscribe,
                                      reads_media_restart,
                                      ignores_unknown_members_of_any_shape,
                                      wants_a_valid_id_before_anything_else,
                                      refuses_unknown_types_and_quotes_only_harmless_ones,
                                      refuses_what_is_not_one_json_object,
                                      refuses_what_json_glib_would_take,
                                      refuses_nul_half_surrogates_and_bad_utf8,
                                      refuses_numbers_without_measure,
                                      refuses_a_member_given_twice_at_any_level,
                                      takes_16_levels_and_closes_at_17,
                                      takes_1000_members_of_all_levels_and_closes_at_1001,
                                      takes_64_kib_and_closes_above});
}
