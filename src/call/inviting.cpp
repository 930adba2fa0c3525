// call.invite, and what it shares with everything else that brings somebody into a call.
#include <algorithm>

#include "call/state.h"

namespace parley::call {

Machine::State::Later Machine::State::perform(const Standing& standing, const Invite& message) {
  const auto& [call, self, device, sender] = standing;
  if (!self.place || self.place->connection != sender.connection)
    return refuse(ErrorCode::kNotActive, "only an active device can invite");
  const auto wanted = check_receivers(sender.who, message.to);
  if (!wanted) return tl::unexpected(wanted.error());
  if (auto refusal = check_names(call, *wanted)) return tl::unexpected(*std::move(refusal));
  const Guests guests = sort_guests(call, *wanted);
  if (call.count_people() - 1 + guests.fresh.size() > limits_.receivers_per_call)
    return refuse(ErrorCode::kTooLarge, "a call has at most " +
                                            std::to_string(limits_.receivers_per_call) +
                                            " receivers; these would be too many");
  for (const ProfileId& profile : *wanted)
    if (Participant* p = call.find(profile)) p->barred = false;
  if (guests.fresh.empty() && guests.again.empty()) return Ok{};

  // The participants move in memory when one is added: `self` is not used after that.
  tell_others(call, sender.connection, InviteEvent{guests.all()}, self.profile);
  for (const ProfileId& profile : guests.fresh) add_participant(call, profile);
  for (const ProfileId& profile : guests.again) ring_again(call, profile);
  for (const ProfileId& profile : guests.all()) tell_invited(call, profile, nullptr);
  review_alone(call);
  return Ok{};
}

std::vector<ProfileId> Machine::State::Guests::all() const {
  std::vector<ProfileId> profiles = fresh;
  profiles.insert(profiles.end(), again.begin(), again.end());
  return profiles;
}

// A bridge or a guest has come under the name that a person would have.
std::optional<Refusal> Machine::State::check_names(Call& call,
                                                   const std::vector<ProfileId>& wanted) {
  for (const ProfileId& profile : wanted)
    if (const Participant* p = call.find(profile); p != nullptr && p->bridge)
      return Refusal{ErrorCode::kConflict,
                     "in this call " + profile.str() + " is the name of what a bridge brings in",
                     std::nullopt};
  return std::nullopt;
}

// Who is in the call or being rung has no need of it. The initiator's devices never ring: it may
// come back by call.accept, also when it had been removed.
Machine::State::Guests Machine::State::sort_guests(Call& call,
                                                   const std::vector<ProfileId>& wanted) {
  Guests guests;
  for (const ProfileId& profile : wanted) {
    Participant* p = call.find(profile);
    if (p == nullptr) {
      guests.fresh.push_back(profile);
    } else if (p->stage == Stage::kLeft && !p->initiator) {
      guests.again.push_back(profile);
    }
  }
  return guests;
}

void Machine::State::add_participant(Call& call, const ProfileId& profile) {
  call.participants.push_back(make_participant(profile, call.settings));
  call.group = call.group || call.count_people() > 2;
  calls_.add_profile(call.id, profile);
  ledger_.add(call.id, profile);
  out_.save(ParticipantAdded{call.id, profile, now_.wall});
  add_devices(call);
  review_hidden(call);
}

void Machine::State::ring_again(Call& call, const ProfileId& profile) {
  Participant& p = *call.find(profile);
  p.stage = Stage::kInviting;
  p.outcome.reset();
  p.declined.reset();
  set_answer_times(p);
  const auto index = static_cast<std::size_t>(&p - call.participants.data());
  for (auto& [connection, device] : call.devices)
    if (device.participant == index) device = make_device(call, index);
}

void Machine::State::tell_invited(const Call& call, const ProfileId& profile,
                                  const ConnectionId* except) {
  note_unheard(call, profile);
  for (const auto& [connection, device] : call.devices)
    if (call.participants[device.participant].profile == profile &&
        (except == nullptr || connection != *except))
      tell_init(call, connection);
}

// Somebody outside may wake a device of theirs.
void Machine::State::note_unheard(const Call& call, const ProfileId& profile) {
  if (!limits_.push || presence_.is_there(profile)) return;
  const auto ringing =
      std::chrono::duration_cast<std::chrono::milliseconds>(limits_.ringing_timeout);
  out_.save(RingsUnheard{.call = call.id,
                         .chain = call.chain,
                         .from = call.initiator().profile,
                         .profile = profile,
                         .settings = call.settings,
                         .at = now_.wall,
                         .until = now_.wall + ringing});
}

}  // namespace parley::call
