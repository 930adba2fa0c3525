#include "base/flat_index.h"

#include <cstdint>
#include <map>
#include <random>

#include "support/check_main.h"

using parley::base::FlatIndex;

START_TEST(an_empty_one_finds_nothing) {
  FlatIndex index;
  ck_assert_uint_eq(index.find(0), FlatIndex::kNone);
  index.erase(0);
  ck_assert_uint_eq(index.size(), 0);
}
END_TEST

START_TEST(agrees_with_a_map_through_any_series_of_changes) {
  std::mt19937 random(7);  // NOLINT: the same run every time
  FlatIndex index;
  std::map<std::uint64_t, std::uint32_t> expected;
  for (int i = 0; i < 200'000; ++i) {
    const std::uint64_t key = random() % 300;
    if (random() % 2 == 0) {
      index.set(key, static_cast<std::uint32_t>(i));
      expected[key] = static_cast<std::uint32_t>(i);
    } else {
      index.erase(key);
      expected.erase(key);
    }
    const std::uint64_t asked = random() % 300;
    const auto found = expected.find(asked);
    ck_assert_uint_eq(index.find(asked),
                      found == expected.end() ? FlatIndex::kNone : found->second);
    ck_assert_uint_eq(index.size(), expected.size());
  }
}
END_TEST

int main() {
  return parley::test::run(
      "flat index", {an_empty_one_finds_nothing, agrees_with_a_map_through_any_series_of_changes});
}
