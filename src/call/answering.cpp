// What the devices of a call may say about it.
#include "call/outcomes.h"
#include "call/roles.h"
#include "call/state.h"

namespace parley::call {

Machine::State::Later Machine::State::perform(const Standing& standing,
                                              const Pending& /*message*/) {
  const auto& [call, self, device, sender] = standing;
  if (role_of(self, sender.connection) != Role::kPassiveInitiator)
    return refuse(ErrorCode::kBadRequest,
                  "call.pending is for the initiator's other devices; a receiver sends "
                  "call.ringing");
  for (const auto& [connection, other] : call.devices)
    if (call.participants[other.participant].initiator && connection != sender.connection)
      tell(call, connection, PendingEvent{}, self.profile, sender.connection);
  return Ok{};
}

Machine::State::Later Machine::State::perform(const Standing& standing,
                                              const Ringing& /*message*/) {
  const auto& [call, self, device, sender] = standing;
  if (self.initiator)
    return refuse(ErrorCode::kBadRequest,
                  "call.ringing is for receivers; the initiator's other devices send "
                  "call.pending");
  if (self.barred) return refuse(ErrorCode::kForbidden, "this profile was removed from the call");
  // It crossed the accept of another device, which tells this one all it needs.
  if (self.place) return Ok{.role = role_of(self, sender.connection)};
  if (self.stage == Stage::kLeft && self.outcome != Outcome::kUnreachable)
    return refuse(ErrorCode::kConflict,
                  "the call is over for this profile; call.accept joins it while it lives");
  if (device.response == Response::kDeclined)
    return refuse(ErrorCode::kConflict, "this device has declined; call.accept still joins");
  if (device.response != Response::kRings) start_ringing(standing);
  return Ok{};
}

void Machine::State::start_ringing(const Standing& standing) {
  const auto& [call, self, device, sender] = standing;
  device.response = Response::kRings;
  if (self.stage != Stage::kRinging) {
    self.stage = Stage::kRinging;
    self.outcome.reset();  // of one that had been unreachable
    self.ringing_by = now_.mono + limits_.ringing_timeout;
  }
  tell_others(call, sender.connection, RingingEvent{}, self.profile);
  call.rung = true;
  review_media(call);
}

Machine::State::Later Machine::State::perform(const Standing& standing, const Accept& /*message*/) {
  const auto& [call, self, device, sender] = standing;
  if (self.barred)
    return refuse(ErrorCode::kForbidden,
                  "this profile was removed from the call; it may come back when it is invited");
  if (can_join(self, sender.connection)) {
    join(standing);
  } else if (self.place->connection != sender.connection) {
    return refuse(ErrorCode::kAlreadyAccepted, "this profile is in the call on another device",
                  self.place->connection);
  }
  return Ok{.role = role_of(self, sender.connection)};
}

Machine::State::Later Machine::State::perform(const Standing& standing, const Reject& message) {
  return reject(standing, message);
}

Machine::State::Answer Machine::State::reject(const Standing& standing, const Reject& message) {
  const auto& [call, self, device, sender] = standing;
  if (self.initiator)
    return refuse(ErrorCode::kBadRequest,
                  "only a receiver can reject; the initiator ends its call with call.hangup");
  if (self.place)
    return refuse(ErrorCode::kAlreadyAccepted, "this profile has accepted the call",
                  self.place->connection);
  if (!self.waiting())
    return refuse(ErrorCode::kConflict, "the call is over for this profile already");
  if (message.scope == RejectScope::kConnection && device.response == Response::kDeclined)
    return refuse(ErrorCode::kConflict, "this device has declined already");

  self.declined = message.reason;
  tell_others(call, sender.connection, RejectEvent{message.reason, message.scope}, self.profile);
  if (message.scope == RejectScope::kProfile) {
    leave(call, self, outcome_of(message.reason));
  } else {
    device.response = Response::kDeclined;
    review_reachable(call, device.participant);
  }
  return Ok{};
}

Machine::State::Later Machine::State::perform(const Standing& standing, const Hangup& message) {
  const auto& [call, self, device, sender] = standing;
  if (self.waiting())
    return reject(standing, {message.call, RejectReason::kDeclined, RejectScope::kProfile});
  if (self.stage == Stage::kLeft)
    return refuse(ErrorCode::kConflict, "this profile has left the call already");
  tell_others(call, sender.connection, HangupEvent{}, self.profile);
  if (self.initiator && !call.accepted_at) {
    end(call, Outcome::kCancelled);
  } else {
    leave(call, self, self.place ? Outcome::kCompleted : Outcome::kCancelled);
  }
  return Ok{};
}

Machine::State::Later Machine::State::perform(const Standing& standing, const Update& message) {
  const auto& [call, self, device, sender] = standing;
  if (!self.place || self.place->connection != sender.connection)
    return refuse(ErrorCode::kNotActive, "only the active device of a participant can mute it");
  if (!message.audio && !message.video)
    return refuse(ErrorCode::kBadRequest, "call.update needs `audio`, `video` or both");
  set_muted(call, self, message.audio, message.video, &sender.connection);
  return Ok{};
}

void Machine::State::set_muted(Call& call, Participant& participant, std::optional<bool> audio,
                               std::optional<bool> video, const ConnectionId* by) {
  Settings& unmuted = participant.unmuted;
  const Settings wanted{.audio = audio.value_or(unmuted.audio),
                        .video = video.value_or(unmuted.video)};
  if (wanted.audio == unmuted.audio && wanted.video == unmuted.video) return;
  unmuted = wanted;
  if (by != nullptr) {
    tell_others(call, *by, UpdateEvent{wanted}, participant.profile);
  } else {
    tell_all(call, UpdateEvent{wanted}, participant.profile);
  }
  if (participant.place && (participant.place->media || participant.bridge))
    out_.push(Mute{participant.stream, wanted});
}

Machine::State::Later Machine::State::perform(const Standing& standing, const Media& message) {
  const auto& [call, self, device, sender] = standing;
  MediaLeg* leg = nullptr;
  if (self.taking && self.taking->connection == sender.connection) {
    leg = &self.taking->media;
  } else if (!self.place || self.place->connection != sender.connection) {
    return refuse(ErrorCode::kNotActive,
                  "only the active device of a participant has media, and one that takes over");
  } else if (!self.place->media) {
    return refuse(ErrorCode::kConflict, "there is no media yet; wait for media.offer");
  } else {
    leg = &*self.place->media;
  }
  leg->awaiting_verdict.insert(sender.request);
  out_.push(ToLeg{.leg = leg->id,
                  .connection = sender.connection,
                  .ref = sender.request,
                  .body = message.body});
  return std::nullopt;
}

}  // namespace parley::call
