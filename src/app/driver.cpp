#include "app/driver.h"

#include <type_traits>
#include <utility>

#include "app/log.h"
#include "app/secrets.h"
#include "app/translate.h"
#include "base/overloaded.h"

namespace parley::app {

using base::Overloaded;

namespace {

bool leaves(const call::RequestBody& request) {
  return std::holds_alternative<call::Hangup>(request) ||
         std::holds_alternative<call::Reject>(request);
}

// What may need a name for what it starts.
template <class Body>
bool starts_job(const Body& body) {
  return std::visit(
      []<class One>(const One&) {
        return std::is_same_v<One, call::Record> || std::is_same_v<One, call::StartBridge> ||
               std::is_same_v<One, call::JoinGuest>;
      },
      body);
}

}  // namespace

Driver::Driver(Ports ports, const call::Limits& limits, SessionRules rules, std::string node)
    : ports_(std::move(ports)),
      max_waiting_(rules.waiting_effects),
      machine_(limits),
      sessions_(session_ports(), std::move(rules), std::move(node), counters_),
      jobs_(make_jobs()),
      gate_(make_gate()) {}

Driver::~Driver() = default;

SessionPorts Driver::session_ports() {
  return SessionPorts{
      .send = ports_.send,
      .close = ports_.close,
      .proven = ports_.proven,
      .feed = [this](call::Input input) { take(std::move(input)); },
      .ask = [this](const Session& session, const Question& question) { ask(session, question); },
      .rearm = ports_.rearm,
  };
}

DriverJobs Driver::make_jobs() {
  return {ports_.jobs, ports_.now, ports_.media, [this](const call::Input& input) { feed(input); }};
}

Gate Driver::make_gate() {
  return Gate(
      [this](const std::vector<call::Save>& saves, std::function<void(base::Result<void>)> done) {
        commit(saves, std::move(done));
      },
      [this](call::Effect effect) { perform(std::move(effect)); },
      [this](base::Duration waited, const base::Result<void>& result) {
        counters_.commit_wait.add(std::chrono::duration<double>(waited).count());
        if (result) return;
        ++counters_.failed_commits;
        log_warning("A decision about a call is not on disk: {}", result.error().message);
      },
      [this](const call::CallId& call) {
        ++counters_.withdrawn_calls;
        feed(call::CallNotStored{call});
      },
      [this] { return ports_.now().mono; });
}

// ---- sockets --------------------------------------------------------------------------------

void Driver::opened(base::SocketId socket, const std::string& address) {
  log_debug("socket {} is from {}", socket.value, address);
  sessions_.opened(socket, ports_.now());
}
void Driver::text(base::SocketId socket, std::string_view text) {
  sessions_.text(socket, text, ports_.now());
}
void Driver::flooding(base::SocketId socket) { sessions_.flooding(socket, ports_.now()); }
void Driver::closed(base::SocketId socket, std::uint16_t code) {
  sessions_.closed(socket, code, ports_.now());
}

// ---- the machine ----------------------------------------------------------------------------

void Driver::feed(const call::Input& input) {
  const base::Instant now = ports_.now();
  gate_.push(ports_.journal != nullptr ? ports_.journal->handle(machine_, input, now)
                                       : machine_.handle(input, now));
  ports_.rearm();
}

// What sessions have to tell.
void Driver::take(call::Input input) {
  auto* request = std::get_if<call::Received>(&input);
  if (request == nullptr) return feed(input);
  const auto* bridge = std::get_if<call::StartBridge>(&request->request.body);
  if (bridge != nullptr && (request->admin || request->may_bridge))
    if (auto refusal = jobs_.refuses(*bridge))
      return sessions_.reply(request->connection, {request->request.id, *std::move(refusal)});
  if (starts_job(request->request.body)) request->fresh = base::JobId(random_name());
  // Who wants to leave must be able to for longer than others.
  const std::size_t room = leaves(request->request.body) ? 2 * max_waiting_ : max_waiting_;
  if (gate_.waiting() + texts_on_their_way_ < room) return feed(input);
  ++counters_.overloaded;
  sessions_.reply(request->connection,
                  {request->request.id,
                   call::Refusal{call::ErrorCode::kUnavailable,
                                 "too much waits for the server's disk; try again in a moment",
                                 {}}});
}

void Driver::perform(call::Effect effect) {
  std::visit(Overloaded{
                 [&](call::Welcome& e) { sessions_.welcome(e.connection, std::move(e.calls)); },
                 [&](const call::SendReply& e) { sessions_.reply(e.connection, e.reply); },
                 [&](const call::SendEvent& e) { sessions_.event(e.connection, e.event); },
                 [&](const call::DeliverText& e) { sessions_.text(e.connection, e.text); },
                 [&](const call::CommandDone& e) { finish(e); },
                 [&](const call::Recall& e) { recall(e); },
                 [&](const call::StoreText& e) { store_text(e); },
                 [&](const call::ToLeg& e) { send_to_leg(e); },
                 [&](const call::StartJob& e) { jobs_.perform(e); },
                 [&](const call::UpdateJob& e) { jobs_.perform(e); },
                 [&](const call::StopJob& e) { jobs_.perform(e); },
                 [&](const call::OpenGuest& e) { send_for_guest(e); },
                 [&](const call::PatchLeg& e) { send_for_guest(e); },
                 [](const call::Save&) {},  // the gate has handed it to the store
                 [&](const auto& e) { ports_.media(to_command(e)); },
             },
             effect);
}

void Driver::command(call::CommandBody command, std::function<void(const Answer&)> done) {
  if (const auto* bridge = std::get_if<call::StartBridge>(&command))
    if (auto refusal = jobs_.refuses(*bridge)) return done(Answer(*std::move(refusal)));
  const std::uint64_t ticket = next_command_++;
  commands_[ticket] = std::move(done);
  std::optional<base::JobId> fresh;
  if (starts_job(command)) fresh = base::JobId(random_name());
  feed(call::Command{ticket, std::move(command), std::move(fresh)});
}

void Driver::finish(const call::CommandDone& effect) {
  const auto node = commands_.extract(effect.ticket);
  if (!node.empty() && node.mapped()) node.mapped()(effect.body);
}

// ---- media ----------------------------------------------------------------------------------

void Driver::send_to_leg(const call::ToLeg& effect) {
  const std::uint64_t ticket = next_ticket_++;
  tickets_[ticket] = Ticket{effect.leg, effect.connection, effect.ref};
  ports_.media(to_command(effect, ticket));
}

template <class ForGuest>
void Driver::send_for_guest(const ForGuest& effect) {
  const std::uint64_t ticket = next_ticket_++;
  guest_tickets_[ticket] = GuestTicket{effect.leg, effect.ticket};
  ports_.media(to_command(effect, ticket));
}

void Driver::take_guest_answer(std::uint64_t ticket, std::optional<call::Refusal> refusal,
                               std::string sdp) {
  const auto node = guest_tickets_.extract(ticket);
  if (node.empty()) return;
  feed(call::GuestAnswered{node.mapped().leg, node.mapped().command, std::move(refusal),
                           std::move(sdp)});
}

void Driver::media(media::Event event) {
  if (auto* answered = std::get_if<media::Answered>(&event))
    return take_guest_answer(answered->ticket, {}, std::move(answered->sdp));
  if (auto* patched = std::get_if<media::Patched>(&event))
    return take_guest_answer(patched->ticket, {}, std::move(patched->fragment));
  if (const auto* verdict = std::get_if<media::Verdict>(&event)) return take_verdict(*verdict);
  if (const auto* closed = std::get_if<media::Closed>(&event)) forget_tickets(closed->leg);
  if (const auto* failed = std::get_if<media::Failed>(&event))
    log_info("leg {} failed: {}", failed->leg.value, failed->message);
  if (const auto input = to_input(event)) feed(*input);
}

void Driver::take_verdict(const media::Verdict& verdict) {
  if (guest_tickets_.contains(verdict.ticket))
    return take_guest_answer(
        verdict.ticket, verdict.error ? std::optional(to_refusal(*verdict.error)) : std::nullopt,
        {});
  const auto node = tickets_.extract(verdict.ticket);
  if (node.empty()) return;
  const Ticket& ticket = node.mapped();
  call::LegVerdict input{ticket.leg, ticket.connection, ticket.ref, {}};
  if (verdict.error) input.refusal = to_refusal(*verdict.error);
  feed(input);
}

void Driver::forget_tickets(base::LegId leg) {
  std::erase_if(tickets_, [&](const auto& entry) { return entry.second.leg == leg; });
  std::erase_if(guest_tickets_, [&](const auto& entry) { return entry.second.leg == leg; });
}

// ---- time -----------------------------------------------------------------------------------

std::optional<base::TimePoint> Driver::deadline() const {
  std::optional<base::TimePoint> first = machine_.deadline();
  const auto sessions = sessions_.deadline();
  if (sessions && (!first || *sessions < *first)) first = sessions;
  return first;
}

void Driver::tick() {
  const base::Instant now = ports_.now();
  sessions_.tick(now);
  const auto deadline = machine_.deadline();
  if (deadline && *deadline <= now.mono) feed(call::Tick{});
  ports_.rearm();
}

// ---- the end --------------------------------------------------------------------------------

void Driver::shut_down() { feed(call::Shutdown{}); }

const Counters& Driver::counters() {
  counters_.connections = sessions_.attached();
  counters_.lost_connections = sessions_.lost();
  counters_.live_calls = machine_.live_calls();
  counters_.waiting_effects = gate_.waiting();
  return counters_;
}

}  // namespace parley::app
