// call.init: who may start what, and the call that comes of it.
#include <algorithm>

#include "call/outcomes.h"
#include "call/roles.h"
#include "call/state.h"

namespace parley::call {

Machine::State::Answer Machine::State::init(const Sender& sender, const Init& message) {
  if (auto refusal = check_init(sender, message)) return tl::unexpected(*std::move(refusal));
  const auto receivers = check_receivers(sender, message);
  if (!receivers) return tl::unexpected(receivers.error());
  if (auto refusal = check_chain(message)) return tl::unexpected(*std::move(refusal));
  if (ledger_.taken(sender.request.str()))
    return refuse(ErrorCode::kConflict, "this id is taken; a call needs a new, random one");
  if (calls_.count_unanswered(sender.who.user) >= limits_.unanswered_calls_per_user)
    return refuse(ErrorCode::kRateLimited,
                  "you have " + std::to_string(limits_.unanswered_calls_per_user) +
                      " unanswered calls; wait for one to be answered, or hang up");
  if (calls_.count_opened(sender.who.user) >= limits_.live_calls_per_user)
    return refuse(ErrorCode::kRateLimited, "you have opened " +
                                               std::to_string(limits_.live_calls_per_user) +
                                               " calls that still live; hang up one of them first");

  Call& call = make_call(sender, message, *receivers);
  touch(call);
  ledger_.begin(call.id, call.chain, [&] {
    std::vector<ProfileId> everybody{message.from};
    everybody.insert(everybody.end(), receivers->begin(), receivers->end());
    return everybody;
  }());
  out_.save(CallStarted{.call = call.id,
                        .chain = call.chain,
                        .from = message.from,
                        .to = *receivers,
                        .settings = call.settings,
                        .at = now_.wall});
  for (const auto& [connection, device] : call.devices)
    if (connection != sender.connection) tell_init(call, connection);
  return Ok{.call = call.id,
            .chain = call.chain,
            .role = role_of(call.participants.front(), sender.connection)};
}

std::optional<Refusal> Machine::State::check_init(const Sender& sender, const Init& message) const {
  if (auto refusal = check_beginning()) return refusal;
  if (!sender.who.owns(message.from))
    return Refusal{ErrorCode::kForbidden,
                   "`from` must be one of the profiles your access token lists", std::nullopt};
  if (!message.immediate)
    return Refusal{ErrorCode::kBadRequest,
                   "`immediate: false` is not supported yet; leave `immediate` out or set it true",
                   std::nullopt};
  return std::nullopt;
}

// Whom the call rings: `to` without the caller's own profiles and without repetitions.
tl::expected<std::vector<ProfileId>, Refusal> Machine::State::check_receivers(
    const Sender& sender, const Init& message) const {
  std::vector<ProfileId> receivers;
  for (const ProfileId& profile : message.to)
    if (!sender.who.owns(profile) &&
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
  if (chain->last_call_lives)
    return Refusal{ErrorCode::kConflict,
                   "the last call of this chain still lives; join it, or wait until it has ended",
                   std::nullopt};
  return std::nullopt;
}

void Machine::State::on(const CallNotStored& /*refused*/) {}

Call& Machine::State::make_call(const Sender& sender, const Init& message,
                                const std::vector<ProfileId>& receivers) {
  Call call;
  call.id = CallId(sender.request.str());
  call.chain = message.chain.value_or(ChainId(sender.request.str()));
  call.opener = sender.who.user;
  call.opened_from = sender.connection;
  call.settings = message.settings;
  call.at = now_.wall;
  call.group = receivers.size() > 1;
  call.order = next_order_++;
  call.end_by = now_.mono + limits_.longest_call;
  Participant initiator = make_participant(message.from, message.settings);
  initiator.initiator = true;
  initiator.stage = Stage::kActive;
  initiator.place = Place{.connection = sender.connection,
                          .media = std::nullopt,
                          .socket_back_by = std::nullopt,
                          .media_back_by = std::nullopt};
  call.participants.push_back(std::move(initiator));
  for (const ProfileId& profile : receivers)
    call.participants.push_back(make_participant(profile, message.settings));
  add_devices(call);
  return calls_.add(std::move(call));
}

Participant Machine::State::make_participant(const ProfileId& profile, const Settings& settings) {
  Participant p;
  p.profile = profile;
  p.stream = StreamId{next_stream_++};
  p.unmuted = settings;
  p.init_by = now_.mono + limits_.init_timeout;
  p.answer_cap = std::max(p.init_by, now_.mono + limits_.ringing_timeout);
  return p;
}

void Machine::State::add_devices(Call& call) {
  for (const Participant& p : call.participants)
    for (const ConnectionId& connection : presence_.connections_of(p.profile)) {
      const auto index = call.participant_of(presence_.find(connection)->profiles);
      call.devices.try_emplace(connection, make_device(call, *index));
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
