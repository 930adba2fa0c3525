// Joining, being reachable, leaving, and the end of a call.
#include <utility>

#include "call/outcomes.h"
#include "call/state.h"

namespace parley::call {

void Machine::State::join(const Standing& standing) {
  const auto& [call, self, device, sender] = standing;
  if (!self.initiator && !call.accepted_at) {
    call.accepted_at = now_.mono;
    call.accepted_wall = now_.wall;
    restart_media_timers(call);
    if (call.picking_up()) call.pick_up_by = now_.mono + limits_.pick_up_timeout;
  }
  if (self.initiator) call.pick_up_by.reset();
  out_.save(CallAccepted{call.id, self.profile, sender.connection, now_.wall});
  tell_others(call, sender.connection, AcceptEvent{}, self.profile);

  // It may have a leg already, when it was about to take over a place that was lost meanwhile.
  std::optional<MediaLeg> own_leg;
  if (self.taking && self.taking->connection == sender.connection)
    own_leg = std::exchange(self.taking, std::nullopt)->media;
  if (self.taking) drop_taking(call, self, "another device has taken the call over");
  std::optional<MediaLeg> old_leg;
  if (self.place) old_leg = std::move(self.place->media);
  self.stage = Stage::kActive;
  self.outcome.reset();
  call.two_met = call.two_met || call.count_active() > 1;
  set_place(call, self, sender.connection, std::move(own_leg));
  ask_for_consent(call, self);
  review_media(call);
  if (old_leg) close_leg(call, *old_leg);
  review_alone(call);
}

void Machine::State::review_reachable(Call& call, std::size_t index) {
  Participant& p = call.participants[index];
  if (!p.waiting() || call.reachable(index)) return;
  if (p.declined) {
    leave(call, p, outcome_of(*p.declined));
  } else if (p.stage == Stage::kInviting && now_.mono >= p.init_by) {
    tell_all(call, InitTimeoutEvent{}, p.profile);
    leave(call, p, Outcome::kUnreachable);
  }
  // Otherwise a device that rang has gone: it, or another, may come back while the profile rings.
}

void Machine::State::leave(Call& call, Participant& participant, Outcome outcome) {
  close_place(call, participant);
  participant.stage = Stage::kLeft;
  participant.outcome = outcome;
  participant.ringing_by.reset();
  if (participant.initiator) call.pick_up_by.reset();
  if (call.group) {
    out_.save(ParticipantLeft{call.id, participant.profile, outcome, now_.wall});
    tell_all(call, LeftEvent{outcome}, participant.profile);
  }
  if (const auto reason = reason_to_end(call, participant)) {
    end(call, *reason);
  } else {
    review_asking(call);
    review_media(call);
    review_alone(call);
  }
}

void Machine::State::end(Call& call, Outcome reason) {
  const auto outcomes = final_outcomes(call, reason);
  const auto duration = call.accepted_at ? now_.mono - *call.accepted_at : base::Duration(0);
  const std::int64_t duration_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  out_.save(CallEnded{.call = call.id,
                      .reason = reason,
                      .duration_ms = duration_ms,
                      .outcomes = outcomes,
                      .at = now_.wall});
  tell_all(call, EndEvent{reason, duration_ms, outcomes}, std::nullopt);
  call.ended = true;
  for (Participant& p : call.participants) close_place(call, p);
  end_extras(call);
  ledger_.end(call.id);
  keep_superseding(call);
  touch(call);
}

void Machine::State::review_alone(Call& call) {
  const bool alone = call.group && call.two_met && call.count_active() == 1;
  if (!alone) {
    call.alone_until.reset();
  } else if (!call.alone_until) {
    call.alone_until = now_.mono + limits_.alone_timeout;
  }
}

void Machine::State::set_lost(Call& call, Participant& participant,
                              std::optional<base::TimePoint> Place::*until, bool lost) {
  Place& place = *participant.place;
  const bool was_lost = place.lost();
  if (!lost) {
    (place.*until).reset();
  } else if (!(place.*until)) {
    place.*until = patience(call, participant);
  }
  touch(call);
  if (was_lost == place.lost()) return;
  const auto from = participant.bridge ? std::nullopt : std::optional(place.connection);
  if (place.lost()) {
    tell_all(call, ReconnectingEvent{}, participant.profile, from);
  } else {
    tell_all(call, ReconnectedEvent{}, participant.profile, from);
  }
}

// A bridge tries again until its job gives up.
base::TimePoint Machine::State::patience(Call& call, const Participant& participant) const {
  if (participant.bridge && call.find_bridge(*participant.bridge) != nullptr)
    return base::TimePoint::max();
  return now_.mono + limits_.resume_window;
}

}  // namespace parley::call
