// Journals of bugs that are fixed, and of cases that were hard to get right: each must be replayed
// as it is written. The name of a file says what was wrong. One whose outcome was changed on
// purpose is written anew by journal_renew.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "call/player.h"
#include "journal/replay.h"
#include "support/check_main.h"

namespace {

using parley::journal::Replayed;
using parley::test::Player;
using parley::test::Step;
using Verdict = Replayed::Verdict;

// A run of the random test (tests/call/random_test.cpp) that is the same each time.
std::string random_journal(std::uint32_t seed) {
  const auto number = [&seed] {  // a linear congruential generator; Numerical Recipes
    seed = seed * 1664525U + 1013904223U;
    return (seed >> 8U) % 10'000;
  };
  Player player;
  for (int i = 0; i < 300; ++i) player.play(Step{number(), number(), number(), number()});
  player.finish(true);
  ck_assert_msg(!player.failed(), "%s", player.story().c_str());
  return player.journal();
}

Replayed replay(const std::string& text) {
  std::istringstream in(text);
  return parley::journal::replay(in);
}

}  // namespace

START_TEST(a_random_run_is_replayed_and_a_changed_byte_is_noticed) {
  for (std::uint32_t seed = 1; seed <= 10; ++seed) {
    const std::string text = random_journal(seed);
    const Replayed done = replay(text);
    ck_assert_msg(done.verdict == Verdict::kSame && done.ended, "%s", done.message.c_str());
    ck_assert_uint_gt(done.inputs, 200);
    ck_assert_uint_gt(done.effects, 100);
    // Somewhere in an effect in the middle.
    std::string changed = text;
    const auto effect = changed.find("{\"out\":", changed.size() / 2);
    char& byte = changed[effect + 10];
    byte = static_cast<char>(byte ^ 1);
    const Replayed noticed = replay(changed);
    ck_assert(noticed.verdict == Verdict::kDifferent);
    ck_assert_uint_eq(
        noticed.line,
        1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(effect), '\n'));
  }
}
END_TEST

START_TEST(every_bug_that_was_fixed_stays_fixed) {
  std::size_t journals = 0;
  for (const auto& entry : std::filesystem::directory_iterator(PARLEY_ISSUES)) {
    if (entry.path().extension() != ".journal") continue;
    ++journals;
    std::ifstream file(entry.path());
    const Replayed done = parley::journal::replay(file);
    ck_assert_msg(done.verdict == Verdict::kSame && done.ended, "%s:%zu: %s", entry.path().c_str(),
                  done.line, done.message.c_str());
  }
  ck_assert_uint_gt(journals, 0);
}
END_TEST

int main() {
  return parley::test::run("issues", {a_random_run_is_replayed_and_a_changed_byte_is_noticed,
                                      every_bug_that_was_fixed_stays_fixed});
}
