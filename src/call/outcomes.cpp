#include "call/outcomes.h"

namespace parley::call {
namespace {

// For a participant that had no outcome until the call ended.
Outcome outcome_at_end(const Call& call, const Participant& participant, Outcome reason) {
  if (reason == Outcome::kShutdown || reason == Outcome::kCancelled ||
      reason == Outcome::kSuperseded)
    return reason;
  if (call.accepted_at)
    return participant.stage == Stage::kActive ? Outcome::kCompleted : Outcome::kMissed;
  // Nobody ever accepted: the caller learns why, those who still rang have missed the call.
  return participant.initiator ? reason : Outcome::kMissed;
}

}  // namespace

std::optional<Outcome> reason_to_end(const Call& call, const Participant& leaver) {
  if (!call.group) return leaver.outcome;
  if (call.accepted_at) {
    const bool hopeless = !call.two_met && call.count_waiting() == 0 && !call.picking_up();
    return call.count_active() == 0 || hopeless ? leaver.outcome : std::optional<Outcome>();
  }
  if (leaver.initiator) return leaver.outcome;
  return call.count_waiting() == 0 ? std::optional(Outcome::kMissed) : std::nullopt;
}

std::map<ProfileId, Outcome> final_outcomes(const Call& call, Outcome reason) {
  std::map<ProfileId, Outcome> outcomes;
  for (const Participant& p : call.participants)
    if (!p.bridge)
      outcomes.emplace(p.profile, p.outcome ? *p.outcome : outcome_at_end(call, p, reason));
  return outcomes;
}

Outcome outcome_of(RejectReason reason) {
  return reason == RejectReason::kBusy ? Outcome::kBusy : Outcome::kRejected;
}

}  // namespace parley::call
