// Events and snapshots.
#include <utility>

#include "call/roles.h"
#include "call/state.h"

namespace parley::call {
namespace {

std::optional<std::int64_t> to_ms(std::optional<base::Duration> duration) {
  if (!duration) return std::nullopt;
  return std::chrono::duration_cast<std::chrono::milliseconds>(*duration).count();
}

}  // namespace

void Machine::State::tell(const Call& call, const ConnectionId& to, EventBody body,
                          std::optional<ProfileId> profile, std::optional<ConnectionId> from) {
  out_.push(SendEvent{to, Event{.call = call.id,
                                .at = now_.wall,
                                .profile = std::move(profile),
                                .connection = std::move(from),
                                .body = std::move(body)}});
}

void Machine::State::tell_others(const Call& call, const ConnectionId& except,
                                 const EventBody& body, const ProfileId& profile) {
  for (const auto& [connection, device] : call.devices)
    if (connection != except) tell(call, connection, body, profile, except);
}

void Machine::State::tell_all(const Call& call, const EventBody& body,
                              const std::optional<ProfileId>& profile,
                              const std::optional<ConnectionId>& from) {
  for (const auto& [connection, device] : call.devices) tell(call, connection, body, profile, from);
}

void Machine::State::tell_init(const Call& call, const ConnectionId& to) {
  const Device& device = call.devices.at(to);
  const TimeLeft left = time_left(call, device, now_.mono, limits_);
  InitEvent init{.chain = call.chain,
                 .from = call.initiator().profile,
                 .to = call.receivers(),
                 .immediate = call.immediate,
                 .settings = call.settings,
                 .role = role_of(call.participants[device.participant], to),
                 .init_left_ms = to_ms(left.init),
                 .ringing_left_ms = to_ms(left.ringing),
                 .extras = extras_of(call)};
  if (call.accepted_at) {
    init.accepted_at = call.accepted_wall;
    for (const Participant& p : call.participants) init.participants.push_back(view_of(p));
  }
  tell(call, to, std::move(init), call.initiator().profile, call.opened_from);
}

Extras Machine::State::extras_of(const Call& call) {
  Extras extras{.mode = call.mode, .recording = {}, .bridges = {}};
  if (call.recording) extras.recording = call.recording->view;
  for (const Bridge& bridge : call.bridges) extras.bridges.push_back(bridge.view);
  for (const auto& [id, guest] : call.guests)
    if (guest.publishes && guest.port.connected)
      extras.bridges.push_back(view_of_guest(id, guest, BridgeState::kLive));
  return extras;
}

Snapshot Machine::State::snapshot(const Call& call, const ConnectionId& to) const {
  const Device& device = call.devices.at(to);
  const Participant& self = call.participants[device.participant];
  Snapshot view{.call = call.id,
                .chain = call.chain,
                .from = call.initiator().profile,
                .to = call.receivers(),
                .settings = call.settings,
                .role = role_of(self, to),
                .running = call.accepted_at.has_value(),
                .at = call.at,
                .accepted_at = call.accepted_wall,
                .participants = {},
                .ringing_left_ms = to_ms(time_left(call, device, now_.mono, limits_).ringing),
                .can_join = can_join(self, to),
                .extras = extras_of(call)};
  for (const Participant& p : call.participants) view.participants.push_back(view_of(p));
  return view;
}

}  // namespace parley::call
