// A call.init that meets a call which lives: it joins that one, or replaces it, and there is never
// a second one.
#include <algorithm>
#include <utility>

#include "call/roles.h"
#include "call/state.h"

namespace parley::call {

// The call that lives in the chain, or that crosses this one; nullptr: none.
Call* Machine::State::find_rival(const Init& message, const std::vector<ProfileId>& receivers) {
  if (message.chain) {
    const Ledger::Chain* chain = ledger_.find_chain(*message.chain);
    return chain->last_call_lives ? calls_.find(chain->last_call) : nullptr;
  }
  if (receivers.size() != 1) return nullptr;
  for (Call* call : calls_.calls_of({message.from}))
    if (!call->group && !call->accepted_at && call->initiator().profile == receivers.front() &&
        call->participants.back().profile == message.from)
      return call;
  return nullptr;
}

bool Machine::State::may_replace(const Sender& sender, const Call& call) {
  return sender.admin || sender.who.owns(call.initiator().profile);
}

// What is told and done of the end is kept: it has not happened when the new call turns out to be
// impossible (CallNotStored), and is then done after all.
std::vector<Effect> Machine::State::supersede(Call& call) {
  const EffectList::Mark mark = out_.mark();
  end(call, Outcome::kSuperseded);
  return out_.since(mark);
}

// A call has ended that had replaced one, perhaps before the store has spoken about it.
void Machine::State::keep_superseding(Call& call) {
  if (call.superseding.empty()) return;
  superseding_.emplace_back(call.id, std::exchange(call.superseding, {}));
  if (superseding_.size() > kSupersedingKept) superseding_.pop_front();
}

std::vector<Effect> Machine::State::take_superseding(const CallId& call) {
  const auto kept = std::find_if(superseding_.begin(), superseding_.end(),
                                 [&](const auto& entry) { return entry.first == call; });
  if (kept == superseding_.end()) return {};
  std::vector<Effect> effects = std::move(kept->second);
  superseding_.erase(kept);
  return effects;
}

Machine::State::Answer Machine::State::merge(const Sender& sender, const Init& message,
                                             Call& call) {
  touch(call);
  const bool known = call.devices.contains(sender.connection);
  if (!known) {
    if (auto refusal = check_names(call, {message.from}))
      return tl::unexpected(*std::move(refusal));
    if (call.count_people() > limits_.receivers_per_call)
      return refuse(ErrorCode::kTooLarge, "the call of this chain has no room for one more");
    tell_all(call, InviteEvent{{message.from}}, message.from, sender.connection);
    add_participant(call, message.from);
    tell_invited(call, message.from, &sender.connection);
  }
  Device& device = call.devices.at(sender.connection);
  Participant& self = call.participants[device.participant];
  if (self.barred) return refuse(ErrorCode::kForbidden, "you were removed from this call");
  // One that does not want to speak on this device picks it up elsewhere, as it would its own.
  if (message.immediate && can_join(self, sender.connection)) join({call, self, device, sender});
  if (!known) tell_init(call, sender.connection);
  ledger_.learn_ended(CallId(sender.request.str()), {});  // names no call, but stays taken
  return Ok{.call = call.id,
            .chain = call.chain,
            .role = role_of(self, sender.connection),
            .merged = true};
}

}  // namespace parley::call
