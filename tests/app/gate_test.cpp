// Commit before tell, with a store whose commits are held back.
#include "app/gate.h"

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/overloaded.h"
#include "support/check_main.h"

using namespace parley;
using namespace parley::app;

namespace {

struct Fixture {
  base::TimePoint now{};
  std::vector<std::pair<std::size_t, std::function<void(base::Result<void>)>>> commits;
  std::vector<std::uint64_t> performed;  // ids of legs, which stand for effects
  std::vector<base::Duration> waits;
  int failures = 0;
  std::function<void(std::uint64_t)> on_perform;
  Gate gate{[this](std::vector<call::Save> saves, std::function<void(base::Result<void>)> done) {
              commits.emplace_back(saves.size(), std::move(done));
            },
            [this](call::Effect effect) {
              const std::uint64_t id = std::get<call::OpenLeg>(effect).leg.value;
              performed.push_back(id);
              if (on_perform) on_perform(id);
            },
            [this](base::Duration wait, const base::Result<void>& result) {
              waits.push_back(wait);
              if (!result) ++failures;
            },
            [this] { return now; }};

  void commit(std::size_t n) { commits.at(n).second({}); }
};

call::Effect effect(std::uint64_t id) { return call::OpenLeg{base::LegId{id}}; }
call::Effect save() { return call::Save{call::CallEnded{}}; }
using Ids = std::vector<std::uint64_t>;

}  // namespace

START_TEST(performs_at_once_what_needs_no_disk) {
  Fixture f;
  f.gate.push({effect(1), effect(2)});
  ck_assert(f.performed == Ids({1, 2}));
}
END_TEST

START_TEST(holds_back_what_stands_behind_a_save_until_it_is_on_disk) {
  Fixture f;
  f.gate.push({effect(1), save(), effect(2), effect(3)});
  ck_assert(f.performed == Ids({1}));
  ck_assert_uint_eq(f.gate.waiting(), 2);
  f.now += std::chrono::milliseconds(7);
  f.commit(0);
  ck_assert(f.performed == Ids({1, 2, 3}));
  ck_assert(f.waits == std::vector<base::Duration>({std::chrono::milliseconds(7)}));
}
END_TEST

START_TEST(never_lets_a_later_decision_overtake) {
  Fixture f;
  f.gate.push({save(), effect(1)});
  f.gate.push({effect(2)});  // needs no disk, but was decided later
  f.gate.push({save(), effect(3)});
  ck_assert_uint_eq(f.commits.size(), 2);  // both are on their way: nobody waits to decide
  f.commit(0);
  ck_assert(f.performed == Ids({1, 2}));
  f.commit(1);
  ck_assert(f.performed == Ids({1, 2, 3}));
}
END_TEST

START_TEST(makes_one_transaction_of_the_saves_of_an_input) {
  Fixture f;
  f.gate.push({save(), effect(1), save(), effect(2)});
  ck_assert_uint_eq(f.commits.size(), 1);
  ck_assert_uint_eq(f.commits[0].first, 2);
  ck_assert(f.performed.empty());
  f.commit(0);
  ck_assert(f.performed == Ids({1, 2}));
}
END_TEST

START_TEST(releases_a_decision_whose_commit_failed_and_counts_it) {
  Fixture f;
  f.gate.push({save(), effect(1)});
  f.commits[0].second(tl::unexpected(base::Error{base::Code::kUnavailable, "disk full"}));
  ck_assert(f.performed == Ids({1}));
  ck_assert_int_eq(f.failures, 1);
}
END_TEST

START_TEST(keeps_the_order_when_what_is_performed_decides_more) {
  Fixture f;
  f.on_perform = [&](std::uint64_t id) {
    if (id == 1) f.gate.push({effect(10), save(), effect(11)});
  };
  f.gate.push({effect(1), effect(2)});
  ck_assert(f.performed == Ids({1, 2, 10}));
  f.commit(0);
  ck_assert(f.performed == Ids({1, 2, 10, 11}));
}
END_TEST

START_TEST(ignores_a_commit_that_comes_back_after_the_end) {
  std::function<void(base::Result<void>)> late;
  {
    Fixture f;
    f.gate.push({save(), effect(1)});
    late = f.commits[0].second;
  }
  late({});
}
END_TEST

int main() {
  return test::run(
      "gate", {performs_at_once_what_needs_no_disk,
               holds_back_what_stands_behind_a_save_until_it_is_on_disk,
               never_lets_a_later_decision_overtake, makes_one_transaction_of_the_saves_of_an_input,
               releases_a_decision_whose_commit_failed_and_counts_it,
               keeps_the_order_when_what_is_performed_decides_more,
               ignores_a_commit_that_comes_back_after_the_end});
}
