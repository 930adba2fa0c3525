// Kills the real server under load, again and again, and looks at what is left.
//
// PARLEY_KILLS: how often (10). PARLEY_SEED: of what happens when; it is printed.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

#include "load.h"
#include "process.h"
#include "support/check_main.h"
#include "truth.h"

using namespace parley::test;

namespace {

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

void assert_right(const Ledger& ledger, std::uint64_t round) {
  for (const std::string& what : ledger.wrong)
    std::fprintf(stderr, "round %lu: %s\n", static_cast<unsigned long>(round), what.c_str());
  ck_assert_msg(ledger.wrong.empty(), "%s", ledger.wrong.front().c_str());
}

}  // namespace

START_TEST(what_was_told_is_true_after_every_kill) {
  const Folder folder;
  const std::uint64_t kills = number_from("PARLEY_KILLS", 10);
  const std::uint64_t seed = number_from("PARLEY_SEED", std::random_device{}());
  std::fprintf(stderr, "seed %lu\n", static_cast<unsigned long>(seed));
  std::mt19937 random(static_cast<std::uint32_t>(seed));
  const std::string file = folder.path() + "/parley.db";
  Parleyd server(folder.path(), file, "");
  std::array<std::string, Load::kUsers> tokens;
  for (std::size_t u = 0; u < tokens.size(); ++u) tokens[u] = server.token("u" + std::to_string(u));
  Ledger ledger;
  Truth truth(server, ledger, file);
  ck_assert_msg(server.start(), "%s", server.log().c_str());
  for (std::uint64_t round = 1; round <= kills; ++round) {
    Load load(server, ledger, random, tokens);
    ck_assert(load.connect());
    const bool played = load.play(50 + random() % 6000);
    server.kill();
    load.take_the_rest();
    assert_right(ledger, round);
    ck_assert_msg(played, "nothing came for long, or the server ended: %s", server.log().c_str());
    ck_assert_msg(server.start(), "%s", server.log().c_str());
    truth.compare(tokens);
    assert_right(ledger, round);
  }
  const auto told = std::count_if(ledger.texts.begin(), ledger.texts.end(),
                                  [](const auto& text) { return text.second.at != 0; });
  std::fprintf(stderr,
               "%lu kills: %ld texts told of %zu sent, %zu calls begun, %zu ended, "
               "%zu failed\n",
               static_cast<unsigned long>(kills), static_cast<long>(told), ledger.texts.size(),
               ledger.calls.size(), ledger.ends.size(), truth.failed_calls());
  // The load has been one.
  ck_assert_uint_gt(ledger.calls.size(), kills);
  ck_assert_uint_gt(ledger.ends.size(), kills);
  ck_assert_uint_gt(truth.failed_calls(), 0);
  ck_assert_int_gt(told, static_cast<long>(kills));
  ck_assert_int_eq(server.stop(), 0);
}
END_TEST

int main() {
  // A hundred rounds take minutes; the bound is for hangs.
  setenv("CK_TIMEOUT_MULTIPLIER", "60", 0);
  return parley::test::run("kill", {what_was_told_is_true_after_every_kill});
}
