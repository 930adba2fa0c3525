#include "wire/decoding.h"

#include <string>
#include <vector>

using namespace parley;
using namespace parley::test;

namespace {

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
  return test::run(
      "envelope",
      {ignores_unknown_members_of_any_shape, wants_a_valid_id_before_anything_else,
       refuses_unknown_types_and_quotes_only_harmless_ones, refuses_what_is_not_one_json_object,
       refuses_what_json_glib_would_take, refuses_nul_half_surrogates_and_bad_utf8,
       refuses_numbers_without_measure, refuses_a_member_given_twice_at_any_level,
       takes_16_levels_and_closes_at_17, takes_1000_members_of_all_levels_and_closes_at_1001,
       takes_64_kib_and_closes_above});
}
