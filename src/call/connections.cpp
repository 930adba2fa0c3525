// Devices come and go.
#include "call/outcomes.h"
#include "call/state.h"

namespace parley::call {

void Machine::State::on(const Connected& connected) {
  if (presence_.find(connected.connection) != nullptr) return;  // ids of connections are unique
  presence_.add(connected.connection, {.user = connected.user, .profiles = connected.profiles});
  const Connection& who = *presence_.find(connected.connection);
  const std::vector<Call*> calls = calls_.calls_of(who.profiles);

  Welcome welcome{.connection = connected.connection, .calls = {}};
  for (Call* call : calls) {
    const std::size_t index = *call->participant_of(who.profiles);
    call->devices.emplace(connected.connection, make_device(*call, index));
    welcome.calls.push_back(snapshot(*call, connected.connection));
  }
  out_.push(std::move(welcome));
  for (Call* call : calls) welcome_into(*call, connected.connection, who);
}

// A device whose participant is out of the call does not ring: the snapshot is all it gets. One
// that could not be reached so far can be now.
void Machine::State::welcome_into(Call& call, const ConnectionId& connection,
                                  const Connection& who) {
  const Participant& self = call.participants[*call.participant_of(who.profiles)];
  if (self.stage != Stage::kLeft || (self.outcome == Outcome::kUnreachable && !self.barred))
    tell_init(call, connection);
  touch(call);
}

// Only the socket is: place, role and ringing stay, and what there is to tell is told all the same;
// it waits for the connection to come back.
void Machine::State::on(const SocketLost& lost) {
  if (!presence_.set_socket(lost.connection, false)) return;
  for (Call* call : calls_.calls_of(presence_.find(lost.connection)->profiles))
    if (Participant* self = active_on(*call, lost.connection))
      set_lost(*call, *self, &Place::socket_back_by, true);
}

void Machine::State::on(const Resumed& resumed) {
  if (!presence_.set_socket(resumed.connection, true)) return;
  for (Call* call : calls_.calls_of(presence_.find(resumed.connection)->profiles)) {
    touch(*call);
    if (Participant* self = active_on(*call, resumed.connection))
      set_lost(*call, *self, &Place::socket_back_by, false);
    review_media(*call);  // a leg may have waited for the socket
    for (Participant& p : call->participants) review_taking(*call, p);
  }
}

Participant* Machine::State::active_on(Call& call, const ConnectionId& connection) {
  const auto device = call.devices.find(connection);
  if (device == call.devices.end()) return nullptr;
  Participant& self = call.participants[device->second.participant];
  return self.place && self.place->connection == connection ? &self : nullptr;
}

void Machine::State::on(const Disconnected& disconnected) {
  const Connection* who = presence_.find(disconnected.connection);
  if (who == nullptr) return;
  const std::vector<Call*> calls = calls_.calls_of(who->profiles);
  presence_.remove(disconnected.connection);
  for (Call* call : calls) lose_device(*call, disconnected.connection);
}

void Machine::State::lose_device(Call& call, const ConnectionId& connection) {
  const auto device = call.devices.find(connection);
  if (device == call.devices.end()) return;
  const std::size_t index = device->second.participant;
  call.devices.erase(device);
  touch(call);

  Participant& self = call.participants[index];
  if (self.place && self.place->connection == connection)
    set_lost(call, self, &Place::socket_back_by, true);
  if (self.taking && self.taking->connection == connection)
    drop_taking(call, self, "the device is gone");
  if (self.waiting()) review_reachable(call, index);
}

}  // namespace parley::call
