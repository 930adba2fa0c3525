#include "call/machine.h"

#include <utility>

#include "call/roles.h"
#include "call/state.h"

namespace parley::call {

Machine::Machine(Limits limits) : state_(std::make_unique<State>(limits)) {}
Machine::~Machine() = default;

std::vector<Effect> Machine::handle(const Input& input, base::Instant now) {
  return state_->handle(input, now);
}
std::optional<base::TimePoint> Machine::deadline() const { return state_->deadline(); }
std::size_t Machine::live_calls() const { return state_->live_calls(); }
std::vector<CallView> Machine::live() const { return state_->live(); }
std::optional<CallView> Machine::find(const CallId& call) const { return state_->find(call); }
std::string Machine::debug_state() const { return state_->debug_state(); }

Machine::State::State(Limits limits)
    : limits_(limits),
      requests_(limits.remembered_requests, limits.request_memory),
      ledger_(limits.remembered_calls) {}

std::vector<Effect> Machine::State::handle(const Input& input, base::Instant now) {
  now_ = now;
  requests_.expire(now.mono);
  std::visit([this](const auto& one) { on(one); }, input);
  settle_touched();
  return out_.take();
}

std::optional<base::TimePoint> Machine::State::deadline() const {
  const auto first = calls_.first_due();
  return first ? std::optional(first->first) : std::nullopt;
}

void Machine::State::on(const Tick& /*tick*/) {
  for (auto due = calls_.first_due(); due && due->first <= now_.mono; due = calls_.first_due()) {
    Call* call = calls_.find(due->second);
    run_due(*call);
    touch(*call);
    settle_touched();
  }
}

void Machine::State::on(const Shutdown& /*shutdown*/) {
  shut_down_ = true;
  std::vector<CallId> ids;
  for (const auto& [id, call] : calls_.all()) ids.push_back(id);
  for (const CallId& id : ids) end(*calls_.find(id), Outcome::kShutdown);
}

// An ended call stays in the table until the input is done, so that no function finds itself
// holding a reference to nothing.
void Machine::State::settle_touched() {
  for (const CallId& id : std::exchange(touched_, {})) {
    const Call* call = calls_.find(id);
    if (call == nullptr) continue;
    if (call->ended) {
      calls_.remove(id);
    } else {
      calls_.set_deadline(id, next_due(*call).at);
    }
  }
}

namespace {

std::string_view name_of(Stage stage) {
  switch (stage) {
    case Stage::kPickUp:
      return "to pick up";
    case Stage::kInviting:
      return "inviting";
    case Stage::kRinging:
      return "ringing";
    case Stage::kActive:
      return "active";
    case Stage::kLeft:
      break;
  }
  return "left";
}

std::string describe(const Participant& p) {
  std::string text = "  " + p.profile.str() + (p.initiator ? " (initiator) " : " ");
  text += name_of(p.stage);
  if (p.place) {
    text += " on " + p.place->connection.str();
    if (p.place->socket_back_by) text += ", socket lost";
    if (p.place->media_back_by) text += ", media silent";
    if (p.taking) text += ", taken by " + p.taking->connection.str();
    if (p.place->media) text += ", leg " + std::to_string(p.place->media->id.value);
  }
  return text + "\n";
}

}  // namespace

std::string Machine::State::debug_state() const {
  std::string text;
  for (const auto& [id, call] : calls_.all()) {
    text += "call " + id.str() + (call.accepted_at ? " running" : " ringing") +
            (call.group ? ", group" : ", two-party") + ", " + std::to_string(call.devices.size()) +
            " devices\n";
    for (const Participant& p : call.participants) text += describe(p);
  }
  return text;
}

}  // namespace parley::call
