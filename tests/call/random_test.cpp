// Random users, devices, requests, reports of the media layer, disconnections and time steps: what
// Watch checks must hold after every single input, whatever their order.
//
// PARLEY_CALL_STEPS sets how many inputs are tried in all (default 100000).
#include <rapidcheck.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/overloaded.h"
#include "call/call_world.h"
#include "call/machine.h"
#include "call/paper_store.h"
#include "call/watch.h"

namespace {

using namespace parley;  // NOLINT: every name here is ours

constexpr std::size_t kStepsPerRun = 500;
constexpr std::size_t kDefaultSteps = 100'000;

// What to do, and three numbers that choose with whom and what.
struct Step {
  unsigned what = 0;
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
};

class Player {
 public:
  Player() : machine_({}) {
    now_.mono = base::TimePoint(std::chrono::hours(1));
    for (unsigned user = 0; user < 5; ++user) connect(user);
  }

  void play(const Step& step);
  void finish(bool by_shutdown);
  [[nodiscard]] bool failed() const { return !watch_.problems().empty(); }
  // How many calls ended for each reason; a test that never gets anywhere proves nothing.
  [[nodiscard]] const std::map<call::Outcome, std::size_t>& endings() const { return endings_; }
  [[nodiscard]] std::string story() const {
    return log_ + "=> " + watch_.problems().front() + "\n" + machine_.debug_state();
  }

 private:
  void connect(unsigned user);
  void disconnect(unsigned which);
  void init(const Step& step);
  void request(const Step& step);
  void repeat(const Step& step);
  void report(const Step& step);
  void pass(const Step& step);
  void hand_in(const call::Input& input, const std::string& what);
  void keep(const call::Effect& effect);
  std::string pick_connection(unsigned n) const {
    return connections_.empty() ? "gone" : connections_[n % connections_.size()];
  }

  call::Machine machine_;
  test::Watch watch_;
  test::PaperStore store_;
  base::Instant now_{};
  unsigned next_ = 1;
  std::vector<std::string> connections_;
  std::map<std::string, std::vector<call::ProfileId>> profiles_by_connection_;
  std::vector<call::CallId> calls_{call::CallId("unheard-of")};
  std::vector<call::Received> asked_;
  std::vector<std::pair<std::string, call::CallId>> told_of_;  // devices and calls, latest last
  std::vector<base::LegId> legs_{base::LegId{999'999}};        // one that never was, then real ones
  std::vector<call::ToLeg> to_legs_;
  std::map<call::Outcome, std::size_t> endings_;
  std::string log_;
};

// Profiles a token of each user lists. P is shared by two users, and E has one of A's as well.
std::vector<call::ProfileId> profiles_of(unsigned user) {
  static const std::vector<std::vector<const char*>> kProfiles = {
      {"A"}, {"B", "B2"}, {"C", "P"}, {"D", "P"}, {"E", "A"}};
  std::vector<call::ProfileId> profiles;
  for (const char* name : kProfiles[user % kProfiles.size()]) profiles.emplace_back(name);
  return profiles;
}

const char* any_profile(unsigned n) {
  static constexpr const char* kAll[] = {"A", "B", "C", "D", "E", "P", "B2", "nobody"};
  return kAll[n % std::size(kAll)];
}

void Player::connect(unsigned user) {
  if (connections_.size() >= 12) return;
  connections_.push_back("c" + std::to_string(next_++));
  profiles_by_connection_[connections_.back()] = profiles_of(user);
  hand_in(call::Connected{call::ConnectionId(connections_.back()),
                          call::UserId("user" + std::to_string(user % 5)), profiles_of(user)},
          "connect " + connections_.back() + " of user " + std::to_string(user % 5));
}

void Player::disconnect(unsigned which) {
  if (connections_.empty()) return;
  const std::string id = pick_connection(which);
  std::erase(connections_, id);
  hand_in(call::Disconnected{call::ConnectionId(id)}, "disconnect " + id);
}

void Player::init(const Step& step) {
  const std::string from = pick_connection(step.a);
  call::Init init;
  const auto& own = profiles_by_connection_[from];
  init.from = own.empty() || step.a % 17 == 0 ? call::ProfileId(any_profile(step.b))
                                              : own[step.b % own.size()];
  init.to.emplace_back(any_profile(step.c));
  for (unsigned n = step.c / 8; n % 4 > 1; n /= 4) init.to.emplace_back(any_profile(n / 4));
  if (step.b / 8 % 4 == 0) init.chain = call::ChainId(calls_[step.b / 32 % calls_.size()].str());
  init.immediate = step.a % 23 != 0;
  const std::string id = "q" + std::to_string(next_++);
  asked_.push_back({call::ConnectionId(from), {call::RequestId(id), init}});
  hand_in(asked_.back(), from + " call.init " + id + " from " + init.from.str());
}

call::RequestBody body_for(const Step& step, const call::CallId& call) {
  switch (step.c % 12) {
    case 0:
      return call::Pending{call};
    case 1:
    case 2:
    case 3:
      return call::Ringing{call};
    case 4:
    case 5:
    case 6:
      return call::Accept{call};
    case 7:
      return call::Reject{
          call, step.c / 12 % 2 ? call::RejectReason::kBusy : call::RejectReason::kDeclined,
          call::RejectScope::kProfile};
    case 8:
      return call::Reject{call, call::RejectReason::kDeclined, call::RejectScope::kConnection};
    case 9:
      return call::Hangup{call};
    case 10:
      return call::Update{call, step.c / 12 % 2 == 0, std::nullopt};
    default:
      return call::Media{call, call::MediaPublish{}};
  }
}

void Player::request(const Step& step) {
  // Mostly a device speaks about a call it was told of lately; sometimes anyone about anything.
  std::string from = pick_connection(step.a);
  call::CallId call = calls_[step.b % calls_.size()];
  if (step.a % 8 != 0 && !told_of_.empty())
    std::tie(from, call) = told_of_[step.b % told_of_.size()];
  const std::string id = "q" + std::to_string(next_++);
  asked_.push_back({call::ConnectionId(from), {call::RequestId(id), body_for(step, call)}});
  if (asked_.size() > 40) asked_.erase(asked_.begin());
  hand_in(asked_.back(), from + " request " + std::to_string(step.c % 12) + " about " + call.str());
}

void Player::repeat(const Step& step) {
  if (asked_.empty()) return;
  call::Received again = asked_[step.a % asked_.size()];
  if (step.b % 2 == 0) again.connection = call::ConnectionId(pick_connection(step.b / 2));
  hand_in(again, again.connection.str() + " repeats " + again.request.id.str());
}

void Player::report(const Step& step) {
  const base::LegId leg = legs_[step.a % legs_.size()];
  const std::string name = " leg " + std::to_string(leg.value);
  switch (step.b % 8) {
    case 0:
    case 1:
      return hand_in(call::LegOffered{leg, {1, "v=0", {{"00", {}, base::Source::kMic}}}},
                     "offered" + name);
    case 2:
      return hand_in(call::LegConnected{leg}, "connected" + name);
    case 3:
      return hand_in(call::LegSilent{leg}, "silent" + name);
    case 4:
      return hand_in(call::LegAudible{leg}, "audible" + name);
    case 5:
      return hand_in(call::LegFailed{leg, "gone"}, "failed" + name);
    default:
      break;
  }
  if (to_legs_.empty()) return;
  const call::ToLeg asked = to_legs_[step.c % to_legs_.size()];
  call::LegVerdict verdict{asked.leg, asked.connection, asked.ref, std::nullopt};
  if (step.c % 3 == 0)
    verdict.refusal = call::Refusal{call::ErrorCode::kUnavailable, "later", std::nullopt};
  if (step.c % 4 != 0) std::erase_if(to_legs_, [&](const auto& t) { return t.ref == asked.ref; });
  hand_in(verdict, "verdict on " + asked.ref.str());
}

// Mostly timers go off at their moment; sometimes the driver is late and several are overdue.
void Player::pass(const Step& step) {
  static constexpr unsigned kMilliseconds[] = {1, 700, 3'000, 5'000, 9'000, 15'000, 31'000, 61'000};
  const auto until =
      now_.mono + std::chrono::milliseconds(kMilliseconds[step.a % std::size(kMilliseconds)]);
  if (step.b % 4 != 0)
    for (auto due = machine_.deadline(); due && *due <= until; due = machine_.deadline()) {
      now_.mono = std::max(now_.mono, *due);
      hand_in(call::Tick{}, "tick");
    }
  now_.mono = until;
  hand_in(call::Tick{}, "tick after some time");
}

void Player::play(const Step& step) {
  const unsigned what = step.what % 100;
  if (what < 5) return connect(step.a);
  if (what < 8) return disconnect(step.a);
  if (what < 15) return init(step);
  if (what < 70) return request(step);
  if (what < 73) return repeat(step);
  if (what < 94) return report(step);
  pass(step);
}

void Player::finish(bool by_shutdown) {
  if (by_shutdown) {
    hand_in(call::Shutdown{}, "shutdown");
  } else {
    while (!connections_.empty()) disconnect(0);
    for (int i = 0; i < 200 && machine_.deadline(); ++i) {
      now_.mono = *machine_.deadline();
      hand_in(call::Tick{}, "tick at the end");
    }
  }
  watch_.see_end(machine_);
}

void Player::hand_in(const call::Input& input, const std::string& what) {
  if (failed()) return;
  log_ += std::to_string(now_.mono.time_since_epoch() / std::chrono::milliseconds(1)) + " " + what +
          "\n";
  const auto effects = machine_.handle(input, now_);
  watch_.see(input, effects, machine_, now_.mono);
  for (const call::Effect& effect : effects) keep(effect);
  for (const call::Effect& effect : effects)
    if (const auto answer = store_.take(effect)) hand_in(*answer, "the store answers");
}

void Player::keep(const call::Effect& effect) {
  std::visit(base::Overloaded{[&](const call::SendReply& e) {
                                const auto* ok = std::get_if<call::Ok>(&e.reply.body);
                                if (ok == nullptr || !ok->call) return;
                                calls_.push_back(*ok->call);
                                if (calls_.size() > 6) calls_.erase(calls_.begin());
                                told_of_.emplace_back(e.connection.str(), *ok->call);
                              },
                              [&](const call::SendEvent& e) {
                                if (!std::holds_alternative<call::InitEvent>(e.event.body)) return;
                                told_of_.emplace_back(e.connection.str(), e.event.call);
                                if (told_of_.size() > 12) told_of_.erase(told_of_.begin());
                              },
                              [&](const call::OpenLeg& e) {
                                legs_.push_back(e.leg);
                                if (legs_.size() > 8) legs_.erase(legs_.begin() + 1);
                              },
                              [&](const call::ToLeg& e) { to_legs_.push_back(e); },
                              [&](const call::Save& e) {
                                if (const auto* ended = std::get_if<call::CallEnded>(&e))
                                  ++endings_[ended->reason];
                              },
                              [](const auto&) {}},
             effect);
}

// Only the list of steps shrinks, not the steps: that is quick, and enough to read.
rc::Gen<Step> any_step() {
  const auto number = rc::gen::resize(rc::kNominalSize, rc::gen::inRange<unsigned>(0, 10'000));
  return rc::gen::noShrink(
      rc::gen::map(rc::gen::tuple(number, number, number, number), [](const auto& t) {
        return Step{std::get<0>(t), std::get<1>(t), std::get<2>(t), std::get<3>(t)};
      }));
}

}  // namespace

int main() {
  const char* steps = std::getenv("PARLEY_CALL_STEPS");
  const std::size_t wanted = steps ? std::strtoul(steps, nullptr, 10) : kDefaultSteps;
  const std::size_t runs = std::max<std::size_t>(wanted / kStepsPerRun, 1);
  // Without overwriting: a seed for a repetition may stand there.
  setenv("RC_PARAMS", ("max_success=" + std::to_string(runs)).c_str(), 0);
  std::map<call::Outcome, std::size_t> endings;
  const bool good = rc::check("every promise of the protocol holds in every order", [&] {
    const auto all = *rc::gen::container<std::vector<Step>>(kStepsPerRun, any_step());
    Player player;
    for (const Step& step : all) player.play(step);
    player.finish(all.front().a % 2 == 0);
    if (player.failed()) RC_FAIL(player.story());
    for (const auto& [reason, count] : player.endings()) endings[reason] += count;
  });
  if (!good) return 1;
  for (const auto& [reason, count] : endings)
    std::cout << test::name_of(reason) << ": " << count << " calls\n";
  for (const call::Outcome reason :
       {call::Outcome::kCompleted, call::Outcome::kCancelled, call::Outcome::kRejected,
        call::Outcome::kBusy, call::Outcome::kMissed, call::Outcome::kUnreachable,
        call::Outcome::kLost, call::Outcome::kFailed, call::Outcome::kShutdown})
    if (wanted >= kDefaultSteps && endings[reason] == 0) {
      std::cout << "no call ever ended as " << test::name_of(reason) << "\n";
      return 1;
    }
  return 0;
}
