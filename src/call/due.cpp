// What happens when a timer goes off.
#include "call/state.h"

namespace parley::call {

// Timers that are overdue go off one by one in the order in which they were due.
void Machine::State::run_due(Call& call) {
  for (Due due = next_due(call); !call.ended && due.at <= now_.mono; due = next_due(call))
    std::visit([&](const auto& timer) { go_off(call, timer); }, due.timer);
}

void Machine::State::go_off(Call& call, const CallTooLong& /*timer*/) {
  end(call, call.accepted_at ? Outcome::kCompleted : Outcome::kMissed);
}

void Machine::State::go_off(Call& call, const AloneTooLong& /*timer*/) {
  end(call, Outcome::kCompleted);
}

void Machine::State::go_off(Call& call, const PickUpTooLong& /*timer*/) {
  end(call, Outcome::kCancelled);
}

void Machine::State::go_off(Call& call, const ResponseOverdue& timer) {
  for (auto& [connection, device] : call.devices)
    if (device.participant == timer.participant && device.response == Response::kAwaited &&
        device.answer_by <= now_.mono)
      device.response = Response::kSilent;
  review_reachable(call, timer.participant);
}

void Machine::State::go_off(Call& call, const RingingTooLong& timer) {
  Participant& p = call.participants[timer.participant];
  tell_all(call, RingingTimeoutEvent{}, p.profile);
  leave(call, p, Outcome::kMissed);
}

void Machine::State::go_off(Call& call, const PlaceLost& timer) {
  Participant& p = call.participants[timer.participant];
  if (p.bridge) return drop_guest(call, JobId(*p.bridge), Outcome::kLost);
  if (!flee_to_taker(call, p)) leave(call, p, Outcome::kLost);
}

// Before any accept nobody waits for this leg's media: it is made anew, and so offered again.
void Machine::State::go_off(Call& call, const MediaOverdue& timer) {
  Participant& p = call.participants[timer.participant];
  if (call.accepted_at) {
    lose_media(call, p, "the media connection was not made in time");
  } else {
    lose_media(call, p, "");
    review_media(call);
  }
}

}  // namespace parley::call
