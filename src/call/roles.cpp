#include "call/roles.h"

namespace parley::call {
namespace {

// Neither accepted nor declined: its devices are neither active nor passive.
bool undecided(const Participant& receiver) {
  return receiver.waiting() || receiver.outcome == Outcome::kUnreachable ||
         receiver.outcome == Outcome::kMissed;
}

ParticipantState state_of(const Participant& participant) {
  switch (participant.stage) {
    case Stage::kPickUp:
      return ParticipantState::kRinging;
    case Stage::kInviting:
      return ParticipantState::kInviting;
    case Stage::kRinging:
      return ParticipantState::kRinging;
    case Stage::kActive:
      return participant.place->lost() ? ParticipantState::kReconnecting
                                       : ParticipantState::kActive;
    case Stage::kLeft:
      break;
  }
  return ParticipantState::kLeft;
}

}  // namespace

Role role_of(const Participant& participant, const ConnectionId& connection) {
  const bool active = participant.place && participant.place->connection == connection;
  if (participant.initiator) return active ? Role::kActiveInitiator : Role::kPassiveInitiator;
  if (active) return Role::kActiveReceiver;
  return undecided(participant) ? Role::kNone : Role::kPassiveReceiver;
}

bool can_join(const Participant& participant, const ConnectionId& connection) {
  if (participant.barred) return false;
  if (!participant.place) return true;
  return participant.place->lost() && participant.place->connection != connection;
}

ParticipantView view_of(const Participant& participant) {
  ParticipantView view{.profile = participant.profile,
                       .state = state_of(participant),
                       .connection = std::nullopt,
                       .unmuted = participant.unmuted,
                       .outcome = participant.outcome,
                       .mode = participant.mode,
                       .bridge = participant.bridge};
  if (participant.place && !participant.bridge) view.connection = participant.place->connection;
  return view;
}

}  // namespace parley::call
