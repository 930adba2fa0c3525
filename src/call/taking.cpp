// call.take: moving a running call to another device of the same participant, make before break.
//
// The taker gets a leg of its own, which is shown everything, while the old leg goes on feeding the
// participant's stream. When the new one is connected the stream changes over in one step.
#include <utility>

#include "call/roles.h"
#include "call/state.h"

namespace parley::call {

Machine::State::Later Machine::State::perform(const Standing& standing, const Take& /*message*/) {
  const auto& [call, self, device, sender] = standing;
  if (!self.place)
    return refuse(ErrorCode::kNotActive,
                  "there is nothing to take: this profile is in the call on no device; "
                  "call.accept joins it");
  if (self.place->connection == sender.connection)
    return refuse(ErrorCode::kBadRequest, "the call is on this device already");
  if (self.place->lost()) {
    join(standing);
  } else if (!self.taking || self.taking->connection != sender.connection) {
    if (self.moved_at && now_.mono < *self.moved_at + limits_.move_interval)
      return refuse(ErrorCode::kRateLimited,
                    "the call was moved a moment ago; try again in two seconds");
    if (self.taking) drop_taking(call, self, "another device takes the call over");
    begin_taking(standing);
  }
  return Ok{.role = role_of(self, sender.connection)};
}

// Where there is no media yet, there is nothing to wait for.
void Machine::State::begin_taking(const Standing& standing) {
  const auto& [call, self, device, sender] = standing;
  if (!self.place->media) return move_place(call, self, sender.connection, std::nullopt);
  self.taking = Taking{.connection = sender.connection,
                       .media = make_leg(call, self),
                       .give_up_by = now_.mono + limits_.take_over_timeout};
  MediaLeg& leg = self.taking->media;
  if (call.accepted_at) review_shown(wanted_by(call, self), leg.id, leg.shown);
}

// A taker whose socket is lost must not get the call; it may come back in time.
void Machine::State::review_taking(Call& call, Participant& participant) {
  if (!participant.taking || !participant.taking->media.connected ||
      !presence_.has_socket(participant.taking->connection))
    return;
  take_place(call, participant);
}

// The old place is no good any more: rather the new one that is not connected yet than none.
bool Machine::State::flee_to_taker(Call& call, Participant& participant) {
  if (!participant.taking || !presence_.has_socket(participant.taking->connection) ||
      participant.taking->give_up_by <= now_.mono)
    return false;
  take_place(call, participant);
  return true;
}

void Machine::State::take_place(Call& call, Participant& participant) {
  Taking taking = *std::exchange(participant.taking, std::nullopt);
  if (!taking.media.connected) taking.media.connect_by = taking.give_up_by;
  move_place(call, participant, taking.connection, std::move(taking.media));
}

void Machine::State::move_place(Call& call, Participant& participant, const ConnectionId& to,
                                std::optional<MediaLeg> leg) {
  const ConnectionId was = participant.place->connection;
  std::optional<MediaLeg> old_leg = std::move(participant.place->media);
  out_.save(CallAccepted{call.id, participant.profile, to, now_.wall});
  participant.moved_at = now_.mono;
  set_place(call, participant, to, std::move(leg));
  if (old_leg) close_leg(call, *old_leg);
  tell_all(call, TakeEvent{was}, participant.profile, to);
  review_media(call);
}

// The call goes on where it is.
void Machine::State::drop_taking(Call& call, Participant& participant, const std::string& why) {
  Taking taking = *std::exchange(participant.taking, std::nullopt);
  close_leg(call, taking.media);
  if (call.devices.contains(taking.connection))
    tell(call, taking.connection, MediaFailedEvent{why}, std::nullopt, std::nullopt);
}

void Machine::State::go_off(Call& call, const TakeOverdue& timer) {
  drop_taking(call, call.participants[timer.participant],
              "the media connection was not made in time; the call goes on where it was");
}

}  // namespace parley::call
