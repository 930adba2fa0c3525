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
  std::vector<call::Save> last_saves;
  std::vector<call::Effect> told;  // what is no leg
  std::vector<std::string> withdrawn;
  std::vector<std::uint64_t> performed;  // ids of legs, which stand for effects
  std::vector<base::Duration> waits;
  int failures = 0;
  std::function<void(std::uint64_t)> on_perform;
  std::function<void()> on_withdrawn;
  Gate gate{[this](std::vector<call::Save> saves, std::function<void(base::Result<void>)> done) {
              commits.emplace_back(saves.size(), std::move(done));
              last_saves = std::move(saves);
            },
            [this](call::Effect effect) {
              if (!std::holds_alternative<call::OpenLeg>(effect))
                return told.push_back(std::move(effect));
              const std::uint64_t id = std::get<call::OpenLeg>(effect).leg.value;
              performed.push_back(id);
              if (on_perform) on_perform(id);
            },
            [this](base::Duration wait, const base::Result<void>& result) {
              waits.push_back(wait);
              if (!result) ++failures;
            },
            [this](const call::CallId& call) {
              withdrawn.push_back(call.str());
              if (on_withdrawn) on_withdrawn();
            },
            [this] { return now; }};

  void refuse(std::size_t n, base::Code code) {
    commits.at(n).second(tl::unexpected(base::Error{code, "no"}));
  }
  void commit(std::size_t n) { commits.at(n).second({}); }
};

call::Effect effect(std::uint64_t id) { return call::OpenLeg{base::LegId{id}}; }
call::Effect save() { return call::Save{call::CallEnded{}}; }
call::Effect started(const std::string& call) {
  call::CallStarted record;
  record.call = base::CallId(call);
  return call::Save{record};
}
call::Effect ended(const std::string& call) {
  call::CallEnded record;
  record.call = base::CallId(call);
  return call::Save{record};
}
call::Effect reply(const std::string& ref) {
  return call::SendReply{base::ConnectionId("c"), {base::RequestId(ref), call::Ok{}}};
}
call::Effect event(const std::string& call) {
  return call::SendEvent{base::ConnectionId("d"),
                         {base::CallId(call), {}, {}, {}, call::PendingEvent{}}};
}
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

START_TEST(withdraws_a_call_whose_id_is_taken) {
  Fixture f;
  f.gate.push({started("k"), reply("k"), event("k"), effect(1)});
  f.gate.push({reply("next"), effect(2)});
  f.refuse(0, base::Code::kConflict);
  ck_assert(f.withdrawn == std::vector<std::string>({"k"}));
  ck_assert_uint_eq(f.told.size(), 2);  // the event is not among them
  const auto& answer = std::get<call::SendReply>(f.told[0]);
  ck_assert_str_eq(answer.reply.ref.str().c_str(), "k");
  ck_assert(std::get<call::Refusal>(answer.reply.body).code == call::ErrorCode::kConflict);
  ck_assert_str_eq(std::get<call::SendReply>(f.told[1]).reply.ref.str().c_str(), "next");
  ck_assert(f.performed == Ids({2}));  // nor anything else of its input
  ck_assert_uint_eq(f.gate.waiting(), 0);
  ck_assert_int_eq(f.failures, 0);
  ck_assert_uint_eq(f.commits.size(), 1);
}
END_TEST

START_TEST(performs_what_is_decided_anew_for_a_withdrawn_call) {
  Fixture f;
  // The call that it was to replace ends all the same: the machine says so again.
  f.on_withdrawn = [&] { f.gate.push({ended("old"), event("old")}); };
  f.gate.push({ended("old"), started("k"), event("old"), reply("k"), event("k")});
  f.refuse(0, base::Code::kConflict);
  ck_assert_uint_eq(f.told.size(), 1);
  const auto& answer = std::get<call::SendReply>(f.told[0]);
  ck_assert(std::holds_alternative<call::Refusal>(answer.reply.body));
  ck_assert_uint_eq(f.last_saves.size(), 1);
  f.commit(1);
  ck_assert_uint_eq(f.told.size(), 2);
  ck_assert(std::get<call::SendEvent>(f.told[1]).event.call == base::CallId("old"));
  ck_assert_uint_eq(f.gate.waiting(), 0);
}
END_TEST

START_TEST(withdraws_nothing_for_other_faults) {
  Fixture f;
  f.gate.push({started("k"), reply("k"), event("k")});
  f.refuse(0, base::Code::kUnavailable);
  ck_assert(f.withdrawn.empty());
  ck_assert_uint_eq(f.told.size(), 2);
  ck_assert(std::holds_alternative<call::Ok>(std::get<call::SendReply>(f.told[0]).reply.body));
  ck_assert_int_eq(f.failures, 1);
  f.gate.push({save(), effect(1)});
  f.refuse(1, base::Code::kConflict);  // about a call that lives
  ck_assert(f.performed == Ids({1}));
  ck_assert_int_eq(f.failures, 2);
}
END_TEST

int main() {
  return test::run(
      "gate",
      {performs_at_once_what_needs_no_disk,
       holds_back_what_stands_behind_a_save_until_it_is_on_disk,
       never_lets_a_later_decision_overtake, makes_one_transaction_of_the_saves_of_an_input,
       releases_a_decision_whose_commit_failed_and_counts_it,
       keeps_the_order_when_what_is_performed_decides_more,
       ignores_a_commit_that_comes_back_after_the_end, withdraws_a_call_whose_id_is_taken,
       performs_what_is_decided_anew_for_a_withdrawn_call, withdraws_nothing_for_other_faults});
}
