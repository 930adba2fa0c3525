// Whom a request is from, what it is about, and whether it was answered before.
#include "base/overloaded.h"
#include "call/state.h"

namespace parley::call {

void Machine::State::on(const Received& received) {
  const Connection* who = presence_.find(received.connection);
  if (who == nullptr) return;  // crossed its Disconnected: nobody to answer
  const RequestId& id = received.request.id;
  if (const RequestMemory::Known* known = requests_.find(id)) {
    if (known->user != who->user) {
      out_.reply(
          received.connection,
          {id, Refusal{ErrorCode::kConflict,
                       "this id is taken; make a new, random one for each request", std::nullopt}});
    } else if (known->answer) {
      out_.reply(received.connection, {id, *known->answer});
    } else {
      requests_.wait(id, who->user, received.connection);
    }
    return;
  }
  const Sender sender{received.connection, *who, id};
  const Later result = perform(sender, received.request.body);
  if (result) {
    answer(id, who->user, *result, received.connection);
  } else {
    requests_.wait(id, who->user, received.connection);
  }
}

Machine::State::Later Machine::State::perform(const Sender& sender, const RequestBody& body) {
  return std::visit(
      base::Overloaded{[&](const Init& message) -> Later { return init(sender, message); },
                       [&](const Text& message) -> Later { return perform(sender, message); },
                       [&](const auto& message) -> Later {
                         const auto standing = find_call(sender, message.call);
                         if (!standing) return Answer(tl::unexpected(standing.error()));
                         touch(standing->call);
                         return perform(*standing, message);
                       }},
      body);
}

// Outsiders learn nothing: to them a call they are no part of does not exist.
tl::expected<Machine::State::Standing, Refusal> Machine::State::find_call(const Sender& sender,
                                                                          const CallId& id) {
  if (Call* call = calls_.find(id)) {
    if (const auto device = call->devices.find(sender.connection); device != call->devices.end())
      return Standing{*call, call->participants[device->second.participant], device->second,
                      sender};
  } else if (ledger_.took_part_in_ended(id, sender.who.profiles)) {
    return refuse(ErrorCode::kEnded, "this call is over");
  }
  return refuse(ErrorCode::kNotFound, "there is no such call, or none that concerns you");
}

void Machine::State::answer(const RequestId& request, const UserId& user, const Answer& answer,
                            const std::optional<ConnectionId>& asker) {
  const RequestMemory::Body body =
      answer ? RequestMemory::Body(*answer) : RequestMemory::Body(answer.error());
  std::set<ConnectionId> waiting = requests_.answer(request, user, body, now_.mono);
  if (asker) waiting.insert(*asker);
  for (const ConnectionId& connection : waiting)
    if (presence_.find(connection) != nullptr) out_.reply(connection, {request, body});
}

}  // namespace parley::call
