// Whom a request is from, what it is about, and whether it was answered before.
#include "base/overloaded.h"
#include "call/state.h"

namespace parley::call {

void Machine::State::on(const Received& received) {
  const Connection* who = presence_.find(received.connection);
  // Crossed its Disconnected or SocketLost: nobody to answer, and nobody who could be active. Who
  // comes back says it again.
  if (who == nullptr || !who->socket) return;
  const RequestId& id = received.request.id;
  if (repeats(id, who->user, received.connection)) return;
  Errands::Recalling errand{.request = received, .user = who->user, .chain = {}, .call = {}};
  if (!ask_store(id, received.request.body, std::move(errand))) run(received, *who);
}

bool Machine::State::repeats(const RequestId& id, const UserId& user, const Asker& asker) {
  const RequestMemory::Known* known = requests_.find(id);
  if (known == nullptr) return false;
  if (known->user != user) {
    hand_over(asker, id,
              Refusal{ErrorCode::kConflict,
                      "this id is taken; make a new, random one for each request", std::nullopt});
  } else if (known->answer) {
    hand_over(asker, id, *known->answer);
  } else {
    requests_.wait(id, user, asker);
  }
  return true;
}

void Machine::State::run(const Received& received, const Connection& who) {
  const Sender sender{received.connection, who, received.request.id, received.admin, received};
  finish(received.request.id, who.user, perform(sender, received.request.body),
         received.connection);
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

void Machine::State::finish(const RequestId& request, const UserId& user, const Later& result,
                            const Asker& asker) {
  if (result) {
    answer(request, user, *result, asker);
  } else {
    requests_.wait(request, user, asker);
  }
}

void Machine::State::answer(const RequestId& request, const UserId& user, const Answer& answer,
                            const std::optional<Asker>& asker) {
  const RequestMemory::Body body =
      answer ? RequestMemory::Body(*answer) : RequestMemory::Body(answer.error());
  std::set<Asker> waiting = requests_.answer(request, user, body, now_.mono);
  if (asker) waiting.insert(*asker);
  for (const Asker& one : waiting) hand_over(one, request, body);
}

void Machine::State::hand_over(const Asker& asker, const RequestId& request,
                               const RequestMemory::Body& body) {
  std::visit(base::Overloaded{[&](const ConnectionId& connection) {
                                if (presence_.find(connection) != nullptr)
                                  out_.reply(connection, {request, body});
                              },
                              [&](const CommandTicket& ticket) {
                                out_.push(CommandDone{ticket.value, body});
                              }},
             asker);
}

std::optional<Refusal> Machine::State::check_beginning() const {
  if (shut_down_)
    return Refusal{ErrorCode::kUnavailable, "the server is shutting down; try again later",
                   std::nullopt};
  if (!storing_)
    return Refusal{ErrorCode::kUnavailable,
                   "the server cannot store anything now, so it begins no call and takes no text; "
                   "try again later",
                   std::nullopt};
  return std::nullopt;
}

}  // namespace parley::call
