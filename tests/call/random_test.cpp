// Random runs (player.h): what Watch checks must hold after every single input, whatever their
// order.
//
// PARLEY_CALL_STEPS sets how many steps are tried in all (default 100000). A failing run shrinks,
// is told in words, and written to call-random-failure.journal, which `parleyd replay` takes.
#include <rapidcheck.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "call/player.h"

namespace {

using parley::test::Player;
using parley::test::Step;

constexpr std::size_t kStepsPerRun = 500;
constexpr std::size_t kDefaultSteps = 100'000;
constexpr const char* kJournal = "call-random-failure.journal";

// Only the list of steps shrinks, not the steps: that is quick, and enough to read.
rc::Gen<Step> any_step() {
  const auto number = rc::gen::resize(rc::kNominalSize, rc::gen::inRange<unsigned>(0, 10'000));
  return rc::gen::noShrink(
      rc::gen::map(rc::gen::tuple(number, number, number, number), [](const auto& t) {
        return Step{std::get<0>(t), std::get<1>(t), std::get<2>(t), std::get<3>(t)};
      }));
}

// Without these nothing was tried.
constexpr const char* kMustHappen[] = {"completed",
                                       "cancelled",
                                       "rejected",
                                       "busy",
                                       "missed",
                                       "lost",
                                       "failed",
                                       "shutdown",
                                       "take-over",
                                       "text",
                                       "recall",
                                       "refused ended",
                                       "refused unavailable",
                                       "recorded",
                                       "mixed",
                                       "bridged",
                                       "guest"};

bool nothing_is_left_out(const std::map<std::string, std::size_t>& happened) {
  return std::all_of(std::begin(kMustHappen), std::end(kMustHappen), [&](const char* name) {
    if (happened.contains(name)) return true;
    std::cout << "never once: " << name << "\n";
    return false;
  });
}

}  // namespace

int main() {
  const char* steps = std::getenv("PARLEY_CALL_STEPS");
  const std::size_t wanted = steps ? std::strtoul(steps, nullptr, 10) : kDefaultSteps;
  const std::size_t runs = std::max<std::size_t>(wanted / kStepsPerRun, 1);
  // Without overwriting: a seed for a repetition may stand there.
  setenv("RC_PARAMS", ("max_success=" + std::to_string(runs)).c_str(), 0);
  std::map<std::string, std::size_t> happened;
  const bool good = rc::check("every promise of the protocol holds in every order", [&] {
    const auto all = *rc::gen::container<std::vector<Step>>(kStepsPerRun, any_step());
    Player player;
    for (const Step& step : all) player.play(step);
    player.finish(all.front().a % 2 == 0);
    if (player.failed()) {
      // The last one that is written is the shortest that fails.
      std::ofstream(kJournal) << player.journal();
      RC_FAIL(player.story());
    }
    for (const auto& [name, count] : player.happened()) happened[name] += count;
  });
  if (!good) {
    std::cout << "the journal of this run is " << kJournal << "\n";
    return 1;
  }
  for (const auto& [name, count] : happened) std::cout << name << ": " << count << "\n";
  return wanted < kDefaultSteps || nothing_is_left_out(happened) ? 0 : 1;
}
