// call.init: who may start what, and the call that comes of it.
#include <algorithm>

#include "call/outcomes.h"
#include "call/roles.h"
#include "call/state.h"

namespace parley::call {

Machine::State::Answer Machine::State::init(const Sender& sender, const Init& message) {
  if (auto refusal = check_init(sender, message)) return tl::unexpected(*std::move(refusal));
  const auto receivers = check_receivers(sender.who, message.to);
  if (!receivers) return tl::unexpected(receivers.error());
  if (auto refusal = check_chain(message)) return tl::unexpected(*std::move(refusal));
  if (ledger_.taken(sender.request.str()))
    return refuse(ErrorCode::kConflict, "this id is taken; a call needs a new, random one");
  Call* rival = find_rival(message, *receivers);
  const bool replaces = rival != nullptr && message.replace && may_replace(sender, *rival);
  if (rival != nullptr && !replaces) return merge(sender, message, *rival);
  if (auto refusal = check_room(sender, replaces ? rival : nullptr))
    return tl::unexpected(*std::move(refusal));

  std::vector<Effect> superseding;
  if (replaces) superseding = supersede(*rival);
  Call& call = make_call(sender, message, *receivers);
  call.superseding = std::move(superseding);
  touch(call);
  begin(call, sender, *receivers);
  return Ok{.call = call.id,
            .chain = call.chain,
            .role = role_of(call.participants.front(), sender.connection)};
}

// `replaced`: the call that ends for this one; what it counted for its opener is free.
std::optional<Refusal> Machine::State::check_room(const Sender& sender,
                                                  const Call* replaced) const {
  const std::size_t freed = replaced != nullptr && replaced->opener == sender.who.user ? 1 : 0;
  const std::size_t freed_unanswered = freed == 1 && !replaced->accepted_at ? 1 : 0;
  if (calls_.count_unanswered(sender.who.user) - freed_unanswered >=
      limits_.unanswered_calls_per_user)
    return Refusal{ErrorCode::kRateLimited,
                   "you have " + std::to_string(limits_.unanswered_calls_per_user) +
                       " unanswered calls; wait for one to be answered, or hang up",
                   std::nullopt};
  if (calls_.count_opened(sender.who.user) - freed >= limits_.live_calls_per_user)
    return Refusal{ErrorCode::kRateLimited,
                   "you have opened " + std::to_string(limits_.live_calls_per_user) +
                       " calls that still live; hang up one of them first",
                   std::nullopt};
  return std::nullopt;
}

void Machine::State::begin(const Call& call, const Sender& sender,
                           const std::vector<ProfileId>& receivers) {
  std::vector<ProfileId> everybody{call.initiator().profile};
  everybody.insert(everybody.end(), receivers.begin(), receivers.end());
  ledger_.begin(call.id, call.chain, std::move(everybody));
  out_.save(CallStarted{.call = call.id,
                        .chain = call.chain,
                        .from = call.initiator().profile,
                        .to = receivers,
                        .settings = call.settings,
                        .at = now_.wall});
  for (const ProfileId& profile : receivers) note_unheard(call, profile);
  for (const auto& [connection, device] : call.devices)
    if (connection != sender.connection) tell_init(call, connection);
}

std::optional<Refusal> Machine::State::check_init(const Sender& sender, const Init& message) const {
  if (auto refusal = check_beginning()) return refusal;
  if (!sender.who.owns(message.from))
    return Refusal{ErrorCode::kForbidden,
                   "`from` must be one of the profiles your access token lists", std::nullopt};
  return std::nullopt;
}

// Whom the call rings: `to` without the caller's own profiles and without repetitions.
tl::expected<std::vector<ProfileId>, Refusal> Machine::State::check_receivers(
    const Connection& who, const std::vector<ProfileId>& to) const {
  std::vector<ProfileId> receivers;
  for (const ProfileId& profile : to)
    if (!who.owns(profile) &&
        std::find(receivers.begin(), receivers.end(), profile) == receivers.end())
      receivers.push_back(profile);
  if (receivers.empty())
    return refuse(ErrorCode::kBadRequest, "`to` must name at least one profile that is not yours");
  if (receivers.size() > limits_.receivers_per_call)
    return refuse(
        ErrorCode::kTooLarge,
        "`to` may name at most " + std::to_string(limits_.receivers_per_call) + " profiles");
  return receivers;
}

std::optional<Refusal> Machine::State::check_chain(const Init& message) const {
  if (!message.chain) return std::nullopt;
  const Ledger::Chain* chain = ledger_.find_chain(*message.chain);
  if (chain == nullptr ||
      std::find(chain->members.begin(), chain->members.end(), message.from) == chain->members.end())
    return Refusal{ErrorCode::kNotFound, "there is no such chain, or none that `from` belongs to",
                   std::nullopt};
  return std::nullopt;
}

// The effects of its beginning were not performed: only devices that came later know of it. What
// ended for its sake has ended all the same. It may be over itself, when the store was slow.
void Machine::State::on(const CallNotStored& refused) {
  if (!ledger_.knows(refused.call)) return;
  Call* call = calls_.find(refused.call);
  for (Effect& effect :
       call != nullptr ? std::exchange(call->superseding, {}) : take_superseding(refused.call))
    out_.redo(std::move(effect));
  if (call != nullptr) unmake_call(*call);
  ledger_.undo(refused.call);
  const RequestId request(refused.call.str());
  if (const RequestMemory::Known* known = requests_.find(request))
    requests_.answer(request, UserId(known->user),
                     Refusal{ErrorCode::kConflict,
                             "this id is taken; a call needs a new, random one", std::nullopt},
                     now_.mono);
}

void Machine::State::unmake_call(Call& call) {
  touch(call);
  const EndEvent end{Outcome::kFailed, 0, final_outcomes(call, Outcome::kFailed)};
  for (const auto& [connection, device] : call.devices)
    if (!device.founding) tell(call, connection, end, std::nullopt, std::nullopt);
  call.ended = true;
  for (Participant& p : call.participants) close_place(call, p);
  end_extras(call);
}

Call& Machine::State::make_call(const Sender& sender, const Init& message,
                                const std::vector<ProfileId>& receivers) {
  Call call;
  call.id = CallId(sender.request.str());
  call.chain = message.chain.value_or(ChainId(sender.request.str()));
  call.opener = sender.who.user;
  call.opened_from = sender.connection;
  call.settings = message.settings;
  call.immediate = message.immediate;
  call.at = now_.wall;
  call.group = receivers.size() > 1;
  call.order = next_order_++;
  call.end_by = now_.mono + limits_.longest_call;
  Participant initiator = make_participant(message.from, message.settings);
  initiator.initiator = true;
  initiator.stage = message.immediate ? Stage::kActive : Stage::kPickUp;
  if (message.immediate) set_place(call, initiator, sender.connection, std::nullopt);
  call.participants.push_back(std::move(initiator));
  for (const ProfileId& profile : receivers)
    call.participants.push_back(make_participant(profile, message.settings));
  add_devices(call);
  for (auto& [connection, device] : call.devices) device.founding = true;
  return calls_.add(std::move(call));
}

Participant Machine::State::make_participant(const ProfileId& profile, const Settings& settings) {
  Participant p;
  p.profile = profile;
  p.stream = StreamId{next_stream_++};
  p.unmuted = settings;
  set_answer_times(p);
  return p;
}

// Who has no device there may be woken up, and gets the time for that.
void Machine::State::set_answer_times(Participant& participant) const {
  participant.init_by = now_.mono + limits_.init_timeout;
  participant.answer_cap = std::max(participant.init_by, now_.mono + limits_.ringing_timeout);
  if (limits_.push && !presence_.is_there(participant.profile))
    participant.init_by = participant.answer_cap;
  participant.ringing_by.reset();
}

void Machine::State::add_devices(Call& call) {
  for (const Participant& p : call.participants) {
    if (p.bridge) continue;
    for (const ConnectionId& connection : presence_.connections_of(p.profile)) {
      const auto index = call.participant_of(presence_.find(connection)->profiles);
      call.devices.try_emplace(connection, make_device(call, *index));
    }
  }
}

// A device that comes late has its own time to answer, within the bound that keeps a device which
// comes and goes from holding up the call for ever.
Device Machine::State::make_device(const Call& call, std::size_t participant) const {
  const base::TimePoint cap = call.participants[participant].answer_cap;
  return {.participant = participant,
          .response = Response::kAwaited,
          .answer_by = std::min(now_.mono + limits_.init_timeout, cap)};
}

}  // namespace parley::call
