// What is written is read back as it was, for every kind of input; and what is no journal is told
// apart.
#include <set>
#include <string>

#include "journal/line_reader.h"
#include "journal/line_writer.h"
#include "journal/scribe.h"
#include "support/check_main.h"

namespace {

using namespace parley;  // NOLINT: every name here is ours
using journal::Hidden;

// Gives every member a value of its own, and optional ones and alternatives by turns.
class Filler {
 public:
  explicit Filler(unsigned turn) : state_(turn) {}
  template <class T>
  void operator()(std::string_view /*name*/, T& value) {
    fill(value);
  }
  template <class T>
  void operator()(std::string_view /*name*/, std::optional<T>& value) {
    if (number() % 2 == 0) fill(value.emplace());
  }
  void hide(std::string_view /*name*/, std::string& text) {
    text = std::string(number() % 7, '\n') + "\"\\ body " + std::to_string(number());
  }
  void hide(std::string_view name, std::optional<std::string>& text) {
    if (number() % 2 == 0) hide(name, text.emplace());
  }
  void flag(std::string_view /*name*/, bool& value) { fill(value); }
  template <class... T>
  void fill(std::variant<T...>& value) {
    std::size_t wanted = number() % sizeof...(T);
    ((wanted-- == 0 ? fill(value.template emplace<T>()) : void()), ...);
  }

 private:
  void fill(bool& value) { value = number() % 2 == 0; }
  template <std::integral T>
  void fill(T& value) {
    value = static_cast<T>(number());
  }
  void fill(std::string& value) { value = "\x1f\"wörds\\" + std::to_string(number()); }
  template <class E>
    requires std::is_enum_v<E>
  void fill(E& value) {
    value = static_cast<E>(number() % journal::kWords<E>.size());
  }
  template <class Tag>
  void fill(base::Id<Tag>& value) {
    value = base::Id<Tag>("id-" + std::to_string(number()));
  }
  template <class Tag>
  void fill(base::Number<Tag>& value) {
    value.value = number();
  }
  void fill(base::Duration& value) { value = base::Duration(number()); }
  template <class T>
  void fill(std::vector<T>& items) {
    items.resize(number() % 3);
    for (T& item : items) fill(item);
  }
  template <class T>
    requires std::is_class_v<T>
  void fill(T& value) {
    journal::fields(*this, value);
  }

  unsigned number() {  // a linear congruential generator; Numerical Recipes
    state_ = state_ * 1664525U + 1013904223U;
    return state_ >> 8U;
  }

  std::uint32_t state_;
};

// The line of this input once written, read and written again.
std::string reread(const std::string& line) {
  const auto json = journal::parse_json(line);
  ck_assert_msg(json.has_value(), "%s", line.c_str());
  Hidden hidden({});
  std::optional<std::string> problem;
  journal::LineReader reader(std::get<journal::JsonObject>(json->value), hidden, problem);
  call::Input input;
  base::Duration mono{};
  std::int64_t wall = 0;
  reader("mono", mono);
  reader("wall", wall);
  reader.alternative("in", input);
  ck_assert_msg(!problem, "%s: %s", problem.value_or("").c_str(), line.c_str());
  std::string again;
  journal::write_input(again, input,
                       {base::TimePoint(mono), base::WallTime(std::chrono::milliseconds(wall))},
                       hidden);
  again.pop_back();
  return again;
}

}  // namespace

START_TEST(every_input_is_read_back_as_it_was_written) {
  const Hidden hidden({1, 2});
  std::set<std::string> kinds;
  for (unsigned turn = 0; turn < 8000; ++turn) {
    call::Input input;
    Filler(turn).fill(input);
    std::string line;
    journal::write_input(
        line, input,
        {base::TimePoint(base::Duration(turn)), base::WallTime(std::chrono::milliseconds(turn))},
        hidden);
    ck_assert(line.back() == '\n');
    line.pop_back();
    ck_assert_msg(line.find('\n') == std::string::npos, "%s", line.c_str());
    const std::string again = reread(line);
    ck_assert_str_eq(again.c_str(), line.c_str());
    for (const std::string name : {"\"in\":", "\"type\":"})
      for (auto at = line.find(name); at != std::string::npos; at = line.find(name, at + 1))
        kinds.insert(line.substr(at, line.find_first_of(",}", at) - at));
  }
  // 20 inputs; 16 requests, 4 media messages and 11 commands inside of them, of which 4 are both.
  std::string all;
  for (const std::string& kind : kinds) all += kind + " ";
  ck_assert_msg(kinds.size() == 20 + 16 + 4 + 11 - 4, "%zu: %s", kinds.size(), all.c_str());
}
END_TEST

START_TEST(what_people_write_and_offer_is_not_in_the_line) {
  const Hidden hidden({1, 2});
  call::Received received;
  received.connection = base::ConnectionId("c1");
  received.request = {base::RequestId("q1"),
                      call::Text{base::ProfileId("A"), base::ChainId("t"), {}, "meet me at eight"}};
  std::string line;
  journal::write_input(line, received, {}, hidden);
  received.request.body = call::Media{base::CallId("k"), call::MediaAnswer{1, "a=ice-pwd:secret"}};
  journal::write_input(line, received, {}, hidden);
  journal::write_input(line, call::LegOffered{{1}, {1, "a=ice-pwd:secret", {}}}, {}, hidden);
  const std::string text = "meet me at eight";
  call::Effect deliver = call::DeliverText{
      base::ConnectionId("c1"), {base::RequestId("q1"), base::ChainId("t"), {}, {}, text, {}}};
  journal::write_effects(line, {deliver}, hidden);
  call::Event event;
  event.body = call::MediaOfferEvent{1, "a=ice-pwd:secret", {}};
  journal::write_effects(line, {call::SendEvent{base::ConnectionId("c1"), event}}, hidden);
  ck_assert_msg(line.find("eight") == std::string::npos, "%s", line.c_str());
  ck_assert_msg(line.find("secret") == std::string::npos, "%s", line.c_str());
  // ... but it can be followed on its way.
  const std::string name = hidden.name(text);
  ck_assert(name.starts_with("#16:"));
  ck_assert(line.find(name) != line.rfind(name));
}
END_TEST

START_TEST(digests_have_a_key_and_restored_texts_keep_their_names_apart) {
  // The test vector of the paper, appendix A.
  std::string message;
  for (char c = 0; c < 15; ++c) message += c;
  ck_assert_uint_eq(journal::siphash({0x0706050403020100, 0x0f0e0d0c0b0a0908}, message),
                    0xa129ca6149be45e5);
  ck_assert(Hidden({1, 2}).name("yes") != Hidden({1, 3}).name("yes"));
  Hidden hidden({});
  std::set<std::string> texts;
  for (const char* name : {"#1:a", "#1:b", "#1:c", "#300:a", "#300:b", "#0:x"}) {
    const auto text = hidden.restore(name);
    ck_assert(text.has_value());
    ck_assert(texts.insert(*text).second);
    ck_assert(hidden.name(*text) == name);
    ck_assert(hidden.restore(name) == text);
  }
  for (const char* name : {"", "#", "12:a", "#a:b", "#12", "#999999999999:a", "#-1:a", "#0:y"})
    ck_assert_msg(!hidden.restore(name), "%s", name);
}
END_TEST

START_TEST(what_is_no_json_is_told_apart) {
  for (const char* good : {"{}", "[]", "[1,-2,\"\",null,true,false]", R"({"a":{"b":[{"c":0}]}})",
                           "\"\\\"\\\\\\u001f\"", "9223372036854775807"})
    ck_assert_msg(journal::parse_json(good).has_value(), "%s", good);
  for (const char* bad : {"",
                          "{",
                          "}",
                          "[1",
                          "[1,]",
                          "[,1]",
                          "{\"a\":1,}",
                          "{\"a\":1,\"a\":2}",
                          "{\"a\"}",
                          "{a:1}",
                          "1.5",
                          "1 ",
                          " 1",
                          "01x",
                          "9223372036854775808",
                          "\"\n\"",
                          "\"",
                          "\"\\n\"",
                          "\"\\u12",
                          "nul",
                          "[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]"})
    ck_assert_msg(!journal::parse_json(bad), "%s", bad);
  std::string text;
  journal::write_json_string(text, std::string("\0\x1f\"\\\xc3\xa9/", 7));
  ck_assert_str_eq(text.c_str(), "\"\\u0000\\u001f\\\"\\\\\xc3\xa9/\"");
  const auto back = journal::parse_json(text);
  ck_assert(std::get<std::string>(back->value) == std::string("\0\x1f\"\\\xc3\xa9/", 7));
}
END_TEST

int main() {
  return parley::test::run("lines", {every_input_is_read_back_as_it_was_written,
                                     what_people_write_and_offer_is_not_in_the_line,
                                     digests_have_a_key_and_restored_texts_keep_their_names_apart,
                                     what_is_no_json_is_told_apart});
}
