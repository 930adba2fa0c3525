#include "app/driver.h"

#include <algorithm>
#include <utility>

#include "app/log.h"
#include "app/secrets.h"
#include "app/translate.h"
#include "base/overloaded.h"

namespace parley::app {

using base::Overloaded;

namespace {

constexpr std::uint16_t kGoingAway = 1001;  // RFC 6455, 7.4.1
constexpr std::uint16_t kPolicy = 1008;

}  // namespace

Driver::Driver(Ports ports, const call::Limits& limits, SessionRules rules, std::string node)
    : ports_(std::move(ports)),
      rules_(std::move(rules)),
      node_(std::move(node)),
      machine_(limits),
      gate_(
          ports_.commit, [this](call::Effect effect) { perform(std::move(effect)); },
          [this](base::Duration waited, const base::Result<void>& result) {
            counters_.commit_wait.add(std::chrono::duration<double>(waited).count());
            if (result) return;
            ++counters_.failed_commits;
            log_warning("A decision about a call is not on disk: {}", result.error().message);
          },
          [this] { return ports_.now().mono; }) {}

Driver::~Driver() = default;

// ---- sockets --------------------------------------------------------------------------------

void Driver::opened(base::SocketId socket, const std::string& address) {
  const base::ConnectionId connection(fmt::format("{}-{}", node_, random_name()));
  log_debug("socket {} of {} is connection {}", socket.value, address, connection.str());
  sessions_.try_emplace(
      socket, Entry{Session(connection, random_secret(), rules_, ports_.now()), std::nullopt});
  note_deadline(socket);
  ports_.rearm();
}

void Driver::note_deadline(base::SocketId socket) {
  const auto found = sessions_.find(socket);
  if (found == sessions_.end()) return;
  Entry& entry = found->second;
  if (entry.noted == entry.session.deadline()) return;
  if (entry.noted) deadlines_.erase({*entry.noted, socket});
  entry.noted = entry.session.deadline();
  if (entry.noted) deadlines_.emplace(*entry.noted, socket);
}

void Driver::text(base::SocketId socket, std::string_view text) {
  const auto found = sessions_.find(socket);
  if (found == sessions_.end()) return;
  perform(socket, found->second.session.receive(text, ports_.now()));
  note_deadline(socket);
  ports_.rearm();
}

void Driver::flooding(base::SocketId socket) {
  ++counters_.flooders;
  const auto found = sessions_.find(socket);
  if (found == sessions_.end()) return;
  perform(socket, found->second.session.bye("rate_limited", kPolicy));
  note_deadline(socket);
}

void Driver::closed(base::SocketId socket, std::uint16_t code) {
  auto node = sessions_.extract(socket);
  if (node.empty()) return;
  const Session& session = node.mapped().session;
  if (node.mapped().noted) deadlines_.erase({*node.mapped().noted, socket});
  log_debug("connection {} closed with {}", session.connection().str(), code);
  if (!session.arrived()) {
    ++counters_.refused_hellos;
    return;
  }
  sockets_.erase(session.connection());
  const auto own = connections_of_.find(session.user());
  if (--own->second == 0) connections_of_.erase(own);
  feed(call::Disconnected{session.connection()});
}

void Driver::perform(base::SocketId socket, SessionOutputs outputs) {
  for (SessionOutput& output : outputs) {
    std::visit(
        Overloaded{
            [&](const SendText& out) {
              if (out.error) count(*out.error);
              ports_.send(socket, out.text);
            },
            [&](const CloseSocket& out) { ports_.close(socket, out.code, out.reason); },
            [&](Arrived& out) { arrive(socket, out); },
            [&](call::Request& out) {
              ++counters_.requests[kind_of(out.body)];
              feed(call::Received{sessions_.at(socket).session.connection(), std::move(out)});
            },
            [](const wire::ChainList&) {},
            [](const wire::ChainHistory&) {},
        },
        output);
  }
}

void Driver::count(call::ErrorCode error) { ++counters_.errors[std::string(wire::name_of(error))]; }

void Driver::arrive(base::SocketId socket, Arrived& who) {
  Session& session = sessions_.at(socket).session;
  std::size_t& connections = connections_of_[who.user];
  if (connections >= rules_.connections_per_user)
    return perform(socket, session.turn_away_for_room());
  ++connections;
  ++counters_.hellos;
  sockets_[session.connection()] = socket;
  ports_.proven(socket);
  log_debug("connection {} is {}", session.connection().str(), who.user.str());
  feed(call::Connected{session.connection(), std::move(who.user), std::move(who.profiles)});
}

// ---- the machine ----------------------------------------------------------------------------

void Driver::feed(const call::Input& input) {
  gate_.push(machine_.handle(input, ports_.now()));
  ports_.rearm();
}

void Driver::to(const base::ConnectionId& connection,
                const std::function<SessionOutputs(Session&)>& speak) {
  const auto socket = sockets_.find(connection);
  if (socket == sockets_.end()) return;  // it left on the way
  perform(socket->second, speak(sessions_.at(socket->second).session));
}

void Driver::perform(call::Effect effect) {
  std::visit(Overloaded{
                 [&](call::Welcome& e) {
                   to(e.connection, [&](Session& s) { return s.welcome(std::move(e.calls)); });
                 },
                 [&](const call::SendReply& e) {
                   if (const auto* refusal = std::get_if<call::Refusal>(&e.reply.body))
                     count(refusal->code);
                   to(e.connection, [&](Session& s) { return s.reply(e.reply); });
                 },
                 [&](const call::SendEvent& e) {
                   to(e.connection, [&](Session& s) { return s.event(e.event); });
                 },
                 [](const call::DeliverText&) {},
                 [](const call::CommandDone&) {},
                 [](const call::Recall&) {},
                 [](const call::StoreText&) {},
                 [&](const call::ToLeg& e) { send_to_leg(e); },
                 [](const call::Save&) {},  // the gate has handed it to the store
                 [&](const auto& e) { ports_.media(to_command(e)); },
             },
             effect);
}

// ---- media ----------------------------------------------------------------------------------

void Driver::send_to_leg(const call::ToLeg& effect) {
  const std::uint64_t ticket = next_ticket_++;
  tickets_[ticket] = Ticket{effect.leg, effect.connection, effect.ref};
  ports_.media(to_command(effect, ticket));
}

void Driver::media(media::Event event) {
  if (const auto* verdict = std::get_if<media::Verdict>(&event)) return take_verdict(*verdict);
  if (const auto* closed = std::get_if<media::Closed>(&event)) forget_tickets(closed->leg);
  if (const auto* failed = std::get_if<media::Failed>(&event))
    log_info("leg {} failed: {}", failed->leg.value, failed->message);
  if (const auto input = to_input(event)) feed(*input);
}

void Driver::take_verdict(const media::Verdict& verdict) {
  const auto node = tickets_.extract(verdict.ticket);
  if (node.empty()) return;
  const Ticket& ticket = node.mapped();
  call::LegVerdict input{ticket.leg, ticket.connection, ticket.ref, {}};
  if (verdict.error) input.refusal = to_refusal(*verdict.error);
  feed(input);
}

void Driver::forget_tickets(base::LegId leg) {
  std::erase_if(tickets_, [&](const auto& entry) { return entry.second.leg == leg; });
}

// ---- time -----------------------------------------------------------------------------------

std::optional<base::TimePoint> Driver::deadline() const {
  std::optional<base::TimePoint> first = machine_.deadline();
  if (!deadlines_.empty() && (!first || deadlines_.begin()->first < *first))
    first = deadlines_.begin()->first;
  return first;
}

void Driver::tick() {
  const base::Instant now = ports_.now();
  std::vector<base::SocketId> due;
  for (const auto& [when, socket] : deadlines_) {
    if (when > now.mono) break;
    due.push_back(socket);
  }
  for (const base::SocketId socket : due) {
    perform(socket, sessions_.at(socket).session.tick(now));
    note_deadline(socket);
  }
  const auto deadline = machine_.deadline();
  if (deadline && *deadline <= now.mono) feed(call::Tick{});
  ports_.rearm();
}

// ---- the end --------------------------------------------------------------------------------

void Driver::shut_down() { feed(call::Shutdown{}); }

void Driver::say_goodbye() {
  for (auto& [socket, entry] : sessions_)
    perform(socket, entry.session.bye("shutdown", kGoingAway));
}

const Counters& Driver::counters() {
  counters_.connections = sockets_.size();
  counters_.live_calls = machine_.live_calls();
  counters_.waiting_effects = gate_.waiting();
  return counters_;
}

}  // namespace parley::app
