// Which legs and streams there are, and what the media layer reports about them.
#include <utility>

#include "call/state.h"

namespace parley::call {

std::optional<Machine::State::LegOwner> Machine::State::find_leg(LegId id) {
  const auto entry = legs_.find(id);
  if (entry == legs_.end()) return std::nullopt;
  Call& call = *calls_.find(entry->second.first);
  Participant& participant = call.participants[entry->second.second];
  touch(call);
  if (participant.taking && participant.taking->media.id == id)
    return LegOwner{call, participant, participant.taking->media, participant.taking->connection,
                    true};
  return LegOwner{call, participant, *participant.place->media, participant.place->connection,
                  false};
}

void Machine::State::on(const LegOffered& report) {
  const auto owner = find_leg(report.leg);
  if (!owner) return;
  if (!std::exchange(owner->leg.offered, true) && owner->leg.connect_by)
    owner->leg.connect_by = now_.mono + limits_.media_timeout;
  if (!owner->call.devices.contains(owner->connection)) return;  // gone for good
  MediaOfferEvent offer = report.offer;
  for (OfferedTrack& track : offer.tracks)
    if (track.profile.empty()) track.profile = owner->participant.profile;
  tell(owner->call, owner->connection, std::move(offer), std::nullopt, std::nullopt);
}

void Machine::State::on(const LegVerdict& report) {
  const auto owner = find_leg(report.leg);
  if (!owner || owner->leg.awaiting_verdict.erase(report.ref) == 0) return;
  const UserId user = requests_.find(report.ref)->user;
  answer(report.ref, user, report.refusal ? Answer(tl::unexpected(*report.refusal)) : Answer(Ok{}),
         std::nullopt);
}

void Machine::State::on(const LegConnected& report) {
  const auto owner = find_leg(report.leg);
  if (!owner) return;
  owner->leg.connected = true;
  owner->leg.connect_by.reset();
  if (owner->taking) review_taking(owner->call, owner->participant);
}

void Machine::State::on(const LegSilent& report) { note_silent(report.leg, true); }
void Machine::State::on(const LegAudible& report) { note_silent(report.leg, false); }

// A leg that is about to take over holds no place yet that could be lost.
void Machine::State::note_silent(LegId leg, bool silent) {
  const auto owner = find_leg(leg);
  if (!owner) return;
  if (!owner->taking)
    return set_lost(owner->call, owner->participant, &Place::media_back_by, silent);
  owner->leg.connected = !silent;
  review_taking(owner->call, owner->participant);
}

void Machine::State::on(const LegFailed& report) {
  const auto owner = find_leg(report.leg);
  if (!owner) return;
  if (owner->taking) return drop_taking(owner->call, owner->participant, report.message);
  lose_media(owner->call, owner->participant, report.message);
}

// Before any accept nobody waits for this leg: it is made anew when a device rings or somebody
// accepts. When the socket is lost as well, the device is gone, and its place is kept like that of
// any lost one.
void Machine::State::lose_media(Call& call, Participant& participant, const std::string& message) {
  Place& place = *participant.place;
  if (call.accepted_at && !place.socket_back_by) {
    tell(call, place.connection, MediaFailedEvent{message}, std::nullopt, std::nullopt);
    if (!flee_to_taker(call, participant)) leave(call, participant, Outcome::kFailed);
    return;
  }
  out_.push(Feed{participant.stream, std::nullopt});
  close_leg(call, *place.media, ErrorCode::kConflict);
  place.media.reset();
  set_lost(call, participant, &Place::media_back_by, false);
}

void Machine::State::review_media(Call& call) {
  if (!call.rung && !call.accepted_at) return;
  for (Participant& p : call.participants)
    if (p.place && !p.place->media && !p.place->socket_back_by)
      set_place(p, p.place->connection, make_leg(call, p));
  if (!call.accepted_at) return;
  for (Participant& p : call.participants) {
    if (p.place && p.place->media) review_shown(call, p, *p.place->media);
    if (p.taking) review_shown(call, p, p.taking->media);
  }
}

MediaLeg Machine::State::make_leg(const Call& call, const Participant& participant) {
  MediaLeg leg;
  leg.id = LegId{next_leg_++};
  leg.connect_by = now_.mono + limits_.media_timeout;
  const auto index = static_cast<std::size_t>(&participant - call.participants.data());
  legs_.emplace(leg.id, std::pair(call.id, index));
  out_.push(OpenLeg{leg.id});
  return leg;
}

void Machine::State::set_place(Participant& participant, const ConnectionId& connection,
                               std::optional<MediaLeg> leg) {
  if (leg) {
    out_.push(Feed{participant.stream, leg->id});
    out_.push(Mute{participant.stream, participant.unmuted});
  }
  participant.place = Place{.connection = connection,
                            .media = std::move(leg),
                            .socket_back_by = std::nullopt,
                            .media_back_by = std::nullopt};
}

void Machine::State::review_shown(Call& call, const Participant& viewer, MediaLeg& leg) {
  for (const Participant& other : call.participants) {
    if (&other == &viewer) continue;
    if (other.place) {
      if (leg.shown.insert(other.stream).second)
        out_.push(Show{leg.id, other.stream, other.profile});
    } else if (leg.shown.erase(other.stream) > 0) {
      out_.push(Hide{leg.id, other.stream});
    }
  }
}

// What was asked of a leg that is closed will never be answered by it.
void Machine::State::close_leg(const Call& call, MediaLeg& leg, ErrorCode code) {
  const Refusal refusal =
      call.ended ? Refusal{ErrorCode::kEnded, "the call ended before this was done", std::nullopt}
      : code == ErrorCode::kNotActive
          ? Refusal{code, "the device's media ended before this was done", std::nullopt}
          : Refusal{code, "this media broke and is made anew; wait for the next media.offer",
                    std::nullopt};
  for (const RequestId& request : std::exchange(leg.awaiting_verdict, {})) {
    const UserId user = requests_.find(request)->user;
    answer(request, user, tl::unexpected(refusal), std::nullopt);
  }
  legs_.erase(leg.id);
  out_.push(CloseLeg{leg.id});
}

void Machine::State::close_place(const Call& call, Participant& participant) {
  if (!participant.place) return;
  if (participant.place->media) {
    out_.push(Feed{participant.stream, std::nullopt});
    close_leg(call, *participant.place->media);
  }
  participant.place.reset();
  if (participant.taking) {
    close_leg(call, participant.taking->media);
    participant.taking.reset();
  }
}

// From the first accept on media must be there; what ran before does not count against it.
void Machine::State::restart_media_timers(Call& call) {
  for (Participant& p : call.participants)
    if (p.place && p.place->media && p.place->media->connect_by)
      p.place->media->connect_by = now_.mono + limits_.media_timeout;
}

}  // namespace parley::call
