// Which legs and streams there are, and what the media layer reports about them.
#include <utility>

#include "call/state.h"

namespace parley::call {

std::optional<Machine::State::LegOwner> Machine::State::find_leg(LegId id) {
  const auto entry = legs_.find(id);
  if (entry == legs_.end()) return std::nullopt;
  const auto* whose = std::get_if<ParticipantLeg>(&entry->second.of);
  if (whose == nullptr) return std::nullopt;
  Call& call = *calls_.find(entry->second.call);
  Participant& participant = call.participants[whose->index];
  touch(call);
  if (participant.taking && participant.taking->media.id == id)
    return LegOwner{call, participant, participant.taking->media, participant.taking->connection,
                    true};
  return LegOwner{call, participant, *participant.place->media, participant.place->connection,
                  false};
}

std::optional<Machine::State::OtherLeg> Machine::State::find_other_leg(LegId id) {
  const auto entry = legs_.find(id);
  if (entry == legs_.end()) return std::nullopt;
  const auto* use = std::get_if<ExtraLeg>(&entry->second.of);
  if (use == nullptr) return std::nullopt;
  Call& call = *calls_.find(entry->second.call);
  touch(call);
  return OtherLeg{call, *use};
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
  if (const auto other = find_other_leg(report.leg))
    return std::visit([&](const auto& leg) { connected(other->call, leg); }, other->use);
  const auto owner = find_leg(report.leg);
  if (!owner) return;
  owner->leg.connected = true;
  owner->leg.connect_by.reset();
  if (owner->taking) review_taking(owner->call, owner->participant);
}

void Machine::State::on(const LegSilent& report) { note_silent(report.leg, true); }
void Machine::State::on(const LegAudible& report) { note_silent(report.leg, false); }

// A leg that is about to take over holds no place yet that could be lost.
void Machine::State::note_silent(LegId leg, bool is_silent) {
  if (const auto other = find_other_leg(leg))
    return std::visit([&](const auto& one) { silent(other->call, one, is_silent); }, other->use);
  const auto owner = find_leg(leg);
  if (!owner) return;
  if (!owner->taking)
    return set_lost(owner->call, owner->participant, &Place::media_back_by, is_silent);
  owner->leg.connected = !is_silent;
  review_taking(owner->call, owner->participant);
}

void Machine::State::on(const LegFailed& report) {
  if (const auto other = find_other_leg(report.leg))
    return std::visit([&](const auto& leg) { failed(other->call, leg, report.message); },
                      other->use);
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
  participant.named = false;
  close_leg(call, *place.media, ErrorCode::kConflict);
  place.media.reset();
  set_lost(call, participant, &Place::media_back_by, false);
}

void Machine::State::review_media(Call& call) {
  if (!call.rung && !call.accepted_at) return;
  for (Participant& p : call.participants)
    if (p.place && !p.bridge && !p.place->media && !p.place->socket_back_by)
      set_place(call, p, p.place->connection, make_leg(call, p));
  if (!call.accepted_at || call.ended) return;
  review_mixer(call);
  for (Participant& p : call.participants) {
    if (!p.place || p.bridge) continue;
    const Shown wanted = wanted_by(call, p);
    if (p.place->media) review_shown(wanted, p.place->media->id, p.place->media->shown);
    if (p.taking) review_shown(wanted, p.taking->media.id, p.taking->media.shown);
  }
  for (auto& [id, guest] : call.guests)
    if (!guest.publishes) review_shown(wanted_by(call, guest), guest.port.leg, guest.shown);
  settle_mixer(call);
}

MediaLeg Machine::State::make_leg(const Call& call, const Participant& participant) {
  MediaLeg leg;
  leg.id = LegId{next_leg_++};
  leg.connect_by = now_.mono + limits_.media_timeout;
  const auto index = static_cast<std::size_t>(&participant - call.participants.data());
  legs_.emplace(leg.id, LegUse{call.id, ParticipantLeg{index}});
  out_.push(OpenLeg{leg.id});
  return leg;
}

void Machine::State::set_place(const Call& call, Participant& participant,
                               const ConnectionId& connection, std::optional<MediaLeg> leg) {
  if (leg) {
    name_stream(call, participant);
    out_.push(Feed{participant.stream, leg->id});
    out_.push(Mute{participant.stream, participant.unmuted});
  }
  participant.place = Place{.connection = connection,
                            .media = std::move(leg),
                            .socket_back_by = std::nullopt,
                            .media_back_by = std::nullopt};
}

void Machine::State::name_stream(const Call& call, Participant& participant) {
  if (std::exchange(participant.named, true)) return;
  out_.push(NameStream{participant.stream, call.id, participant.profile});
}

Machine::State::Shown Machine::State::wanted_by(const Call& call, const Participant& viewer) {
  if (call.mixer && call.wants_mix(viewer) && call.mixer->ready(viewer.profile)) {
    const ProfileId label("mix");
    return {{call.mixer->picture.stream, label},
            {call.mixer->sounds.at(viewer.profile).stream, label}};
  }
  Shown wanted;
  for (const Participant& other : call.participants)
    if (&other != &viewer && other.place) wanted.emplace_back(other.stream, other.profile);
  return wanted;
}

Machine::State::Shown Machine::State::wanted_by(Call& call, const Guest& viewer) {
  if (viewer.watches) {
    const Participant* one = call.find(*viewer.watches);
    if (one == nullptr || !one->place) return {};
    return {{one->stream, one->profile}};
  }
  if (!call.mixer || !call.mixer->ready(ProfileId())) return {};
  const ProfileId label("mix");
  return {{call.mixer->picture.stream, label}, {call.mixer->sounds.at(ProfileId()).stream, label}};
}

void Machine::State::review_shown(const Shown& wanted, LegId leg, std::set<StreamId>& shown) {
  std::set<StreamId> kept;
  for (const auto& [stream, label] : wanted) {
    kept.insert(stream);
    if (shown.insert(stream).second) out_.push(Show{leg, stream, label});
  }
  for (const StreamId stream : shown)
    if (!kept.contains(stream)) out_.push(Hide{leg, stream});
  shown = std::move(kept);
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
  if (!participant.place || participant.bridge) return;
  if (participant.place->media) {
    out_.push(Feed{participant.stream, std::nullopt});
    participant.named = false;
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
