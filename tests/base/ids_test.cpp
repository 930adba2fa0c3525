#include "base/ids.h"

#include <string>

#include "support/check_main.h"

using parley::base::CallId;

START_TEST(takes_every_allowed_character) { ck_assert(CallId::parse("azAZ09_.:@-").has_value()); }
END_TEST

START_TEST(refuses_what_is_empty_or_over_64_characters) {
  ck_assert(!CallId::parse("").has_value());
  ck_assert(CallId::parse(std::string(64, 'a')).has_value());
  ck_assert(!CallId::parse(std::string(65, 'a')).has_value());
}
END_TEST

START_TEST(refuses_any_other_character) {
  for (const char* text : {"a b", "a/b", "a\"b", "ä", "a\n", "a#"})
    ck_assert_msg(!CallId::parse(text).has_value(), "%s", text);
}
END_TEST

int main() {
  return parley::test::run(
      "ids", {takes_every_allowed_character, refuses_what_is_empty_or_over_64_characters,
              refuses_any_other_character});
}
