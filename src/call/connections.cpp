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
  if (self.stage != Stage::kLeft || self.outcome == Outcome::kUnreachable)
    tell_init(call, connection);
  touch(call);
}

void Machine::State::on(const SocketLost& /*lost*/) {}
void Machine::State::on(const Resumed& /*resumed*/) {}

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
  if (self.waiting()) review_reachable(call, index);
}

}  // namespace parley::call
