#include "wire/decoding.h"

#include <string>
#include <vector>

using namespace parley;
using namespace parley::test;

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
  ck_assert(!init.replace);
}
END_TEST

START_TEST(reads_replace_of_call_init) {
  const std::string start = R"({"type":"call.init","id":"r1","from":"a","to":"b","replace":)";
  ck_assert(request<call::Init>(start + "true}").replace);
  ck_assert(!request<call::Init>(start + "null}").replace);
  assert_bad(start + "1}", "`replace` must be true or false.");
}
END_TEST

START_TEST(reads_call_invite) {
  const auto one =
      request<call::Invite>(R"({"type":"call.invite","id":"r1","callId":"k","to":"c"})");
  assert_equal(one.call.str(), "k");
  ck_assert(one.to == std::vector{base::ProfileId("c")});
  const auto two =
      request<call::Invite>(R"({"type":"call.invite","id":"r1","callId":"k","to":["c","d"]})");
  ck_assert(two.to == (std::vector{base::ProfileId("c"), base::ProfileId("d")}));
  assert_bad(R"({"type":"call.invite","id":"r1","callId":"k"})",
             "`to` must be an id or an array of ids.");
}
END_TEST

START_TEST(reads_text_into_a_chain_or_to_profiles) {
  const auto into = request<call::Text>(
      R"({"type":"text","id":"r1","from":"a","chainId":"ch","body":"h\u00e9\n"})");
  assert_equal(into.from.str(), "a");
  assert_equal(into.chain->str(), "ch");
  ck_assert(into.to.empty());
  assert_equal(into.body, "hé\n");
  const auto founding =
      request<call::Text>(R"({"type":"text","id":"r1","from":"a","to":["b","c"],"body":"x"})");
  ck_assert(!founding.chain.has_value());
  ck_assert(founding.to == (std::vector{base::ProfileId("b"), base::ProfileId("c")}));
}
END_TEST

START_TEST(names_what_is_wrong_in_text) {
  const auto with = [](const std::string& members) {
    return R"({"type":"text","id":"r1",)" + members + "}";
  };
  assert_bad(with(R"("from":"a","chainId":"ch","to":"b","body":"x")"),
             "`to` must be left out where `chainId` is given: a text goes to all members.");
  assert_bad(with(R"("from":"a","body":"x")"), "`to` must be an id or an array of ids.");
  assert_bad(with(R"("from":"a","to":"b")"), "`body` must be a string that is not empty.");
  assert_bad(with(R"("from":"a","to":"b","body":"")"),
             "`body` must be a string that is not empty.");
  assert_bad(with(R"("from":"a","to":"b","body":7)"), "`body` must be a string that is not empty.");
}
END_TEST

START_TEST(reads_questions_about_chains_and_cuts_their_pages) {
  const auto list = session<wire::ChainList>(R"({"type":"chain.list","id":"r1"})");
  ck_assert(!list.before && list.limit == wire::kDefaultPage);
  const auto next = session<wire::ChainList>(
      R"({"type":"chain.list","id":"r1","before":"ch","limit":9007199254740991})");
  assert_equal(next.before->str(), "ch");
  ck_assert_uint_eq(next.limit, wire::kMaxPage);
  const auto history = session<wire::ChainHistory>(
      R"({"type":"chain.history","id":"r1","chainId":"ch","before":"t1","limit":1})");
  assert_equal(history.chain.str(), "ch");
  assert_equal(*history.before, "t1");
  ck_assert_uint_eq(history.limit, 1);
  const std::string id = "an id: 1 to 64 characters of A-Z a-z 0-9 _ . : @ -.";
  assert_bad(R"({"type":"chain.history","id":"r1"})", "`chainId` must be " + id);
  assert_bad(R"({"type":"chain.history","id":"r1","chainId":"ch","before":7})",
             "`before` must be " + id);
  for (const char* limit : {"0", "-1", "1.5", "\"9\""})
    assert_bad(R"({"type":"chain.list","id":"r1","limit":)" + std::string(limit) + "}",
               "`limit` must be a whole number from 1 to 9007199254740991.");
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
  assert_equal(request<call::Take>(frame("call.take")).call.str(), "k");
  for (const char* type : {"call.pending", "call.ringing", "call.accept", "call.reject",
                           "call.hangup", "call.update", "call.take", "call.invite", "media.answer",
                           "media.publish", "media.subscribe", "media.restart"})
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

int main() {
  return test::run(
      "decode",
      {reads_hello_with_and_without_resume, reads_token, reads_call_init_in_full,
       reads_call_init_with_one_receiver_and_defaults, reads_replace_of_call_init,
       reads_call_invite, reads_text_into_a_chain_or_to_profiles, names_what_is_wrong_in_text,
       reads_questions_about_chains_and_cuts_their_pages, names_what_is_wrong_in_call_init,
       reads_the_messages_that_only_name_their_call, reads_call_reject, reads_call_update,
       reads_media_answer, reads_media_publish, reads_media_subscribe, reads_media_restart});
}
