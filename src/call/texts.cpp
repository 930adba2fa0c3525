// Texts, and what has to be asked of the store.
//
// A text is told when it is on disk: StoreText goes out, TextStored comes back, and only then the
// sender is answered and everybody gets it. So all see the texts of a chain in the store's order.
#include <algorithm>
#include <set>

#include "base/overloaded.h"
#include "call/state.h"

namespace parley::call {

// ---- a text comes in ------------------------------------------------------------------------

Machine::State::Later Machine::State::perform(const Sender& sender, const Text& message) {
  if (!sender.who.owns(message.from))
    return refuse(ErrorCode::kForbidden,
                  "`from` must be one of the profiles your access token lists");
  return send({.user = sender.who.user,
               .request = sender.request,
               .own = sender.who.profiles,
               .connection = sender.connection},
              message);
}

void Machine::State::post(const Command& command, const PostText& message) {
  if (repeats(message.id, message.user, CommandTicket{command.ticket})) return;
  Errands::Recalling errand{.request = command, .user = message.user, .chain = {}, .call = {}};
  if (!ask_store(message.id, message.text, std::move(errand))) run(command, message);
}

void Machine::State::run(const Command& command, const PostText& message) {
  const std::vector<ProfileId> own{message.text.from};
  finish(message.id, message.user,
         send({.user = message.user, .request = message.id, .own = own, .connection = std::nullopt},
              message.text),
         CommandTicket{command.ticket});
}

Machine::State::Later Machine::State::send(const Author& author, const Text& message) {
  if (auto refusal = check_beginning()) return tl::unexpected(*std::move(refusal));
  if (message.body.empty()) return refuse(ErrorCode::kBadRequest, "`body` must not be empty");
  if (message.body.size() > limits_.text_bytes)
    return refuse(ErrorCode::kTooLarge,
                  "`body` may have at most " + std::to_string(limits_.text_bytes) +
                      " bytes as UTF-8; this one has " + std::to_string(message.body.size()));
  std::vector<ProfileId> members;
  const Answer addressed = address(author, message, members);
  if (!addressed) return addressed;
  if (auto refusal = errands_.full(author.user)) return tl::unexpected(*std::move(refusal));

  const TextMessage text{.id = author.request,
                         .chain = *addressed->chain,
                         .members = std::move(members),
                         .from = message.from,
                         .body = message.body,
                         .at = now_.wall};
  const bool founds = !message.chain;
  out_.push(StoreText{.text = text, .founds = founds, .unheard = unheard(text)});
  errands_.add(
      author.request,
      Errands::Storing{
          .text = text, .founds = founds, .user = author.user, .sender = author.connection});
  return std::nullopt;
}

// Into which chain the text goes, and who gets it.
Machine::State::Answer Machine::State::address(const Author& author, const Text& message,
                                               std::vector<ProfileId>& members) const {
  if (ledger_.taken(author.request.str()))
    return refuse(ErrorCode::kConflict, "this id is taken; a text needs a new, random one");
  if (message.chain) {
    const Ledger::Chain* chain = ledger_.find_chain(*message.chain);
    if (chain == nullptr || !contains(chain->members, message.from))
      return refuse(ErrorCode::kNotFound, "there is no such chain, or none that `from` belongs to");
    members = chain->members;
    return Ok{.chain = message.chain};
  }
  members = {message.from};
  for (const ProfileId& profile : message.to)
    if (!contains(author.own, profile) && !contains(members, profile)) members.push_back(profile);
  if (members.size() < 2)
    return refuse(ErrorCode::kBadRequest, "`to` must name at least one profile that is not yours");
  if (members.size() - 1 > limits_.receivers_per_call)
    return refuse(
        ErrorCode::kTooLarge,
        "`to` may name at most " + std::to_string(limits_.receivers_per_call) + " profiles");
  return Ok{.chain = ChainId(author.request.str())};
}

std::vector<ProfileId> Machine::State::unheard(const TextMessage& text) const {
  std::vector<ProfileId> silent;
  for (const ProfileId& member : text.members) {
    const auto& connections = presence_.connections_of(member);
    const bool heard = std::any_of(
        connections.begin(), connections.end(),
        [this](const ConnectionId& connection) { return presence_.find(connection)->socket; });
    if (!heard && member != text.from) silent.push_back(member);
  }
  return silent;
}

// ---- the store answers ----------------------------------------------------------------------

void Machine::State::on(const TextStored& stored) {
  const auto errand = errands_.take<Errands::Storing>(stored.id);
  if (!errand) return;
  const TextMessage& text = errand->text;
  if (stored.refusal)
    return answer(stored.id, errand->user, tl::unexpected(*stored.refusal), std::nullopt);
  ledger_.use_chain(text.chain, text.members);
  answer(stored.id, errand->user, Ok{.chain = text.chain, .at = text.at}, std::nullopt);
  std::set<ConnectionId> devices;
  for (const ProfileId& member : text.members) {
    const auto& connections = presence_.connections_of(member);
    devices.insert(connections.begin(), connections.end());
  }
  if (errand->sender) devices.erase(*errand->sender);
  for (const ConnectionId& device : devices) out_.push(DeliverText{device, text});
}

// What is named and known neither as living nor from memory is looked up first.
bool Machine::State::ask_store(const RequestId& id, const RequestBody& body,
                               Errands::Recalling request) {
  const auto chain_of = [this](const std::optional<ChainId>& chain) -> std::optional<ChainId> {
    const bool wanted = chain && ledger_.find_chain(*chain) == nullptr && !check_beginning();
    return wanted ? chain : std::nullopt;
  };
  std::visit(
      base::Overloaded{[&](const Init& init) { request.chain = chain_of(init.chain); },
                       [&](const Text& text) { request.chain = chain_of(text.chain); },
                       [&](const auto& message) {
                         if (calls_.find(message.call) == nullptr && !ledger_.knows(message.call))
                           request.call = message.call;
                       }},
      body);
  if (!request.chain && !request.call) return false;
  const Asker asker =
      std::visit(base::Overloaded{
                     [](const Received& received) -> Asker { return received.connection; },
                     [](const Command& command) -> Asker { return CommandTicket{command.ticket}; }},
                 request.request);
  const UserId user = request.user;
  if (auto refusal = errands_.full(user)) {
    answer(id, user, tl::unexpected(*std::move(refusal)), asker);
    return true;
  }
  out_.push(Recall{.id = id, .chain = request.chain, .call = request.call});
  errands_.add(id, std::move(request));
  requests_.wait(id, user, asker);
  return true;
}

// The request is performed with what is known now; nothing is asked a second time.
void Machine::State::on(const Recalled& recalled) {
  const auto errand = errands_.take<Errands::Recalling>(recalled.id);
  if (!errand) return;
  if (recalled.refusal)
    return answer(recalled.id, errand->user, tl::unexpected(*recalled.refusal), std::nullopt);
  if (errand->chain && recalled.chain) ledger_.use_chain(*errand->chain, recalled.chain->members);
  if (errand->call && recalled.participants)
    ledger_.learn_ended(*errand->call, *recalled.participants);
  std::visit(base::Overloaded{
                 [&](const Received& received) { resume(recalled.id, received); },
                 [&](const Command& command) { run(command, std::get<PostText>(command.body)); }},
             errand->request);
}

// Its device may be gone, or its socket lost; then another one of the user that repeated the
// request stands in.
void Machine::State::resume(const RequestId& id, const Received& received) {
  Received request = received;
  for (const Asker& asker : requests_.find(id)->waiting) {
    if (presence_.has_socket(request.connection)) break;
    if (const auto* other = std::get_if<ConnectionId>(&asker)) request.connection = *other;
  }
  if (presence_.has_socket(request.connection))
    return run(request, *presence_.find(request.connection));
  const UserId user = requests_.find(id)->user;
  answer(id, user, refuse(ErrorCode::kUnavailable, "the device that asked for this is gone"),
         std::nullopt);
}

void Machine::State::on(const StoreState& state) { storing_ = state.accepting; }

}  // namespace parley::call
