// call.mode: who gets everybody's tracks, and who one picture and one sound made of all.
//
// A viewer is changed over in one step, and not before there is something to see: what is mixed for
// him is there when his ports are connected. On the way back the tracks are shown before the mix is
// hidden. When the mixer fails, everybody gets tracks again.
#include <utility>

#include "call/state.h"

namespace parley::call {

Machine::State::Later Machine::State::perform(const Standing& standing, const SetMode& message) {
  const auto& [call, self, device, sender] = standing;
  if (!sender.admin && !sender.received.may_mix)
    return refuse(ErrorCode::kForbidden, "your access token does not grant `mix`");
  return set_mode(call, message);
}

Machine::State::Answer Machine::State::set_mode(Call& call, const SetMode& message) {
  if (message.profile) {
    Participant* p = call.find(*message.profile);
    if (p == nullptr || p->bridge)
      return refuse(ErrorCode::kNotFound, "this profile takes no part in the call");
    if (p->mode.value_or(call.mode) == message.mode) return Ok{.call = call.id};
    p->mode = message.mode == call.mode ? std::nullopt : std::optional(message.mode);
  } else {
    bool changes = std::exchange(call.mode, message.mode) != message.mode;
    for (Participant& p : call.participants)
      changes = std::exchange(p.mode, std::nullopt).has_value() || changes;
    if (!changes) return Ok{.call = call.id};
  }
  tell_all(call, ModeEvent{message.mode}, message.profile);
  review_media(call);
  return Ok{.call = call.id};
}

void Machine::State::review_mixer(Call& call) {
  std::set<ProfileId> wanted;
  for (const Participant& p : call.participants)
    if (call.wants_mix(p)) wanted.insert(p.profile);
  for (const auto& [id, guest] : call.guests)
    if (guest.watches_mix()) wanted.insert(ProfileId());
  if (wanted.empty()) return;
  if (!call.mixer) {
    const JobId job("mix-" + std::to_string(next_mix_++));
    start_job(call, job, MixWork{}, {});
    call.mixer = Mixer{.job = job,
                       .picture = open_port(call, job, "mix", {call.id, MixLeg{{}, true}}),
                       .sounds = {}};
  }
  for (const ProfileId& profile : wanted)
    if (!call.mixer->sounds.contains(profile))
      call.mixer->sounds.emplace(profile, open_port(call, call.mixer->job, "mix/" + profile.str(),
                                                    {call.id, MixLeg{profile, false}}));
}

void Machine::State::settle_mixer(Call& call) {
  if (!call.mixer) return;
  Mixer& mixer = *call.mixer;
  bool watched = false;
  for (const auto& [id, guest] : call.guests) watched = watched || guest.watches_mix();
  for (auto sound = mixer.sounds.begin(); sound != mixer.sounds.end();) {
    const Participant* p = sound->first.empty() ? nullptr : call.find(sound->first);
    if (sound->first.empty() ? watched : p != nullptr && call.wants_mix(*p)) {
      ++sound;
    } else {
      close_port(sound->second);
      sound = mixer.sounds.erase(sound);
    }
  }
  if (!mixer.sounds.empty()) return;
  close_port(mixer.picture);
  stop_job(mixer.job);
  call.mixer.reset();
}

Port Machine::State::open_port(const Call& call, const JobId& job, const std::string& owner,
                               LegUse use) {
  const bool mixed = std::get<ExtraLeg>(use.of).index() == 0;
  Port port{.leg = LegId{next_leg_++}, .stream = StreamId{next_stream_++}};
  legs_.emplace(port.leg, std::move(use));
  out_.push(OpenPort{port.leg, job, call.id, owner});
  if (mixed) out_.push(Feed{port.stream, port.leg});
  return port;
}

void Machine::State::close_port(const Port& port, bool fed) {
  if (fed) out_.push(Feed{port.stream, std::nullopt});
  legs_.erase(port.leg);
  out_.push(CloseLeg{port.leg});
}

void Machine::State::connected(Call& call, const MixLeg& leg) {
  if (leg.picture)
    call.mixer->picture.connected = true;
  else
    call.mixer->sounds.at(leg.profile).connected = true;
  review_media(call);
}

// The job makes something again, or ends.
void Machine::State::silent(Call& /*call*/, const MixLeg& /*leg*/, bool /*is_silent*/) {}

void Machine::State::failed(Call& call, const MixLeg& /*leg*/, const std::string& /*message*/) {
  end_mix(call);
}

void Machine::State::end_mix(Call& call) {
  call.mode = Mode::kForward;
  for (Participant& p : call.participants) p.mode.reset();
  std::vector<JobId> watching;
  for (const auto& [id, guest] : call.guests)
    if (guest.watches_mix()) watching.push_back(id);
  tell_all(call, ModeEvent{Mode::kForward}, std::nullopt);
  for (const JobId& id : watching) {
    if (const auto joining = std::exchange(call.guests.at(id).joining, std::nullopt))
      out_.push(CommandDone{
          *joining, Refusal{ErrorCode::kUnavailable,
                            "the server cannot mix this call now; try again later", std::nullopt}});
    drop_guest(call, id, Outcome::kFailed);
  }
  review_media(call);
}

}  // namespace parley::call
