#include "app/sessions.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "app/log.h"
#include "app/secrets.h"
#include "base/overloaded.h"

namespace parley::app {

using base::Overloaded;

namespace {

constexpr std::uint16_t kGoingAway = 1001;  // RFC 6455, 7.4.1
constexpr std::uint16_t kPolicy = 1008;
constexpr std::uint16_t kTryLater = 1013;  // IANA's registry of close codes

// Our choice: longer than it takes to find out that a socket is dead (three intervals of pings).
constexpr base::Duration kSweep = std::chrono::seconds(60);

}  // namespace

std::size_t Sessions::DigestHash::operator()(const SecretDigest& digest) const noexcept {
  std::size_t value = 0;
  std::memcpy(&value, digest.data(), sizeof(value));
  return value;
}

Sessions::Sessions(SessionPorts ports, SessionRules rules, std::string node, Counters& counters)
    : ports_(std::move(ports)),
      rules_(std::move(rules)),
      node_(std::move(node)),
      counters_(counters) {}

Sessions::~Sessions() = default;

// ---- sockets --------------------------------------------------------------------------------

void Sessions::opened(base::SocketId socket, base::Instant now) {
  const base::TimePoint due = now.mono + rules_.hello_timeout;
  peers_[socket] = Stranger{due};
  hellos_due_.emplace(due, socket);
  ports_.rearm();
}

void Sessions::forget_hello(base::SocketId socket, Stranger& stranger) {
  if (!stranger.hello_by) return;
  hellos_due_.erase({*stranger.hello_by, socket});
  stranger.hello_by.reset();
}

void Sessions::text(base::SocketId socket, std::string_view text, base::Instant now) {
  const auto peer = peers_.find(socket);
  if (peer == peers_.end()) return;
  auto* const* own = std::get_if<Entry*>(&peer->second);
  if (own == nullptr && !std::get<Stranger>(peer->second).hello_by) return;
  auto message = wire::decode(text);
  if (own == nullptr) {
    if (message) return greet(socket, std::move(*message), now);
    const wire::FrameError& error = message.error();
    send(socket, {wire::encode(error), error.code});
    if (!error.close_code) return;
    ++counters_.refused_hellos;
    forget_hello(socket, std::get<Stranger>(peer->second));
    return ports_.close(socket, *error.close_code, error.message);
  }
  Entry& entry = **own;
  if (entry.session.welcomed()) drop_previous_secret(entry);
  if (message) {
    perform(entry, entry.session.receive(std::move(*message), now), now);
  } else {
    SessionOutputs outputs = {SendText{wire::encode(message.error()), message.error().code}};
    if (message.error().close_code)
      outputs.emplace_back(CloseSocket{*message.error().close_code, message.error().message});
    perform(entry, std::move(outputs), now);
  }
}

void Sessions::flooding(base::SocketId socket, base::Instant now) {
  ++counters_.flooders;
  const auto peer = peers_.find(socket);
  if (peer == peers_.end()) return;
  if (auto* const* own = std::get_if<Entry*>(&peer->second))
    return perform(**own, (*own)->session.bye("rate_limited", kPolicy), now);
  forget_hello(socket, std::get<Stranger>(peer->second));
  ports_.send(socket, wire::encode_bye("rate_limited"));
  ports_.close(socket, kPolicy, "rate_limited");
}

void Sessions::closed(base::SocketId socket, std::uint16_t code, base::Instant now) {
  auto node = peers_.extract(socket);
  if (node.empty()) return;
  if (auto* stranger = std::get_if<Stranger>(&node.mapped())) {
    if (stranger->hello_by) ++counters_.refused_hellos;
    return forget_hello(socket, *stranger);
  }
  Entry& entry = *std::get<Entry*>(node.mapped());
  log_debug("connection {} lost its socket: {}", entry.session.connection().str(), code);
  lose(entry, now);
}

// ---- hello ----------------------------------------------------------------------------------

void Sessions::greet(base::SocketId socket, wire::ClientMessage message, base::Instant now) {
  const auto* hello = std::get_if<wire::Hello>(&message);
  if (hello == nullptr)
    return turn_away(socket, std::visit([](const auto& m) { return m.id; }, message),
                     call::ErrorCode::kUnauthorized,
                     "The first message of a connection is 'hello'.");
  auto claims = rules_.verifier->verify(hello->token, now.wall);
  if (!claims)
    return turn_away(socket, hello->id, call::ErrorCode::kUnauthorized, claims.error().message);
  if (Entry* entry = resumable(*hello, *claims, now))
    return resume(*entry, socket, *hello, std::move(*claims), now);
  if (hello->resume) ++counters_.refused_resumes;
  if (!make_room(claims->user))
    return turn_away(socket, hello->id, call::ErrorCode::kRateLimited,
                     fmt::format("You have {} connections already; close one of them first.",
                                 rules_.connections_per_user));
  begin(socket, *hello, std::move(*claims), now);
}

Sessions::Entry* Sessions::resumable(const wire::Hello& hello, const auth::Claims& claims,
                                     base::Instant now) {
  if (!hello.resume) return nullptr;
  const auto found = by_secret_.find(digest_of(*hello.resume));
  if (found == by_secret_.end()) return nullptr;
  const Session& session = found->second->session;
  const bool over = !session.socket() && now.mono >= *session.deadline();
  const bool fits = session.is_same_person(claims) && session.reaches(*hello.last_seq);
  return fits && !over ? found->second : nullptr;
}

void Sessions::resume(Entry& entry, base::SocketId socket, const wire::Hello& hello,
                      auth::Claims claims, base::Instant now) {
  Session& session = entry.session;
  const bool was_lost = !session.socket();
  if (was_lost) {
    --lost_;
  } else {
    ++counters_.replaced;
    say(entry, session.bye("replaced", kPolicy));
    let_go(entry, {kPolicy, "replaced"});
  }
  ++counters_.resumed;
  forget_hello(socket, std::get<Stranger>(peers_.at(socket)));
  peers_[socket] = &entry;
  std::string secret = random_secret();
  hand_out(entry, digest_of(secret), digest_of(*hello.resume));
  session.attach(socket, hello.id, std::move(claims), std::move(secret), now);
  note_deadline(entry);
  ports_.proven(socket);
  log_debug("connection {} is back", session.connection().str());
  say(entry, session.welcome_back(*hello.last_seq));
  if (was_lost) ports_.feed(call::Resumed{session.connection()});
}

void Sessions::begin(base::SocketId socket, const wire::Hello& hello, auth::Claims claims,
                     base::Instant now) {
  const base::ConnectionId connection(fmt::format("{}-{}", node_, random_name()));
  Entry& entry =
      sessions_
          .try_emplace(connection, Entry{Session(next_number_++, connection, rules_), {}, {}, {}})
          .first->second;
  of_user_[claims.user].push_back(&entry);
  forget_hello(socket, std::get<Stranger>(peers_.at(socket)));
  peers_[socket] = &entry;
  std::string secret = random_secret();
  hand_out(entry, digest_of(secret), {});
  log_debug("connection {} is {}", connection.str(), claims.user.str());
  ++counters_.hellos;
  call::Connected input{connection, claims.user, claims.profiles};
  entry.session.attach(socket, hello.id, std::move(claims), std::move(secret), now);
  note_deadline(entry);
  if (!sweep_) sweep_ = now.mono + kSweep;
  ports_.proven(socket);
  ports_.feed(std::move(input));
}

// A device that went away without a word must not keep its user out.
bool Sessions::make_room(const base::UserId& user) {
  const auto own = of_user_.find(user);
  if (own == of_user_.end() || own->second.size() < rules_.connections_per_user) return true;
  Entry* oldest = nullptr;
  for (Entry* entry : own->second)
    if (!entry->session.socket() &&
        (oldest == nullptr || *entry->session.deadline() < *oldest->session.deadline()))
      oldest = entry;
  if (oldest == nullptr) return false;
  ++counters_.evicted;
  end(*oldest);
  return true;
}

void Sessions::turn_away(base::SocketId socket, const std::optional<base::RequestId>& ref,
                         call::ErrorCode code, std::string message) {
  ++counters_.refused_hellos;
  forget_hello(socket, std::get<Stranger>(peers_.at(socket)));
  const std::uint16_t close = code == call::ErrorCode::kRateLimited ? kTryLater : kPolicy;
  send(socket, {wire::encode(wire::FrameError{ref, code, std::move(message), close}), code});
  ports_.close(socket, close, wire::name_of(code));
}

void Sessions::hand_out(Entry& entry, const SecretDigest& fresh,
                        const std::optional<SecretDigest>& used) {
  for (const auto& known : {entry.secret, entry.previous_secret})
    if (known && known != used) by_secret_.erase(*known);
  entry.previous_secret = used;
  entry.secret = fresh;
  by_secret_[fresh] = &entry;
}

void Sessions::drop_previous_secret(Entry& entry) {
  if (!entry.previous_secret) return;
  by_secret_.erase(*entry.previous_secret);
  entry.previous_secret.reset();
}

// ---- sessions -------------------------------------------------------------------------------

void Sessions::send(base::SocketId socket, const SendText& out) {
  if (out.error) counters_.count(*out.error);
  ports_.send(socket, out.text);
}

// What a session says; none of it concerns anybody else.
void Sessions::say(Entry& entry, const SessionOutputs& outputs) {
  for (const SessionOutput& output : outputs)
    if (const auto* text = std::get_if<SendText>(&output)) send(*entry.session.socket(), *text);
  note_deadline(entry);
}

void Sessions::perform(Entry& entry, SessionOutputs outputs, base::Instant now) {
  Session& session = entry.session;
  for (SessionOutput& output : outputs) {
    std::visit(Overloaded{
                   [&](const SendText& out) { send(*session.socket(), out); },
                   [&](const CloseSocket& out) {
                     let_go(entry, out);
                     lose(entry, now);
                   },
                   [&](call::Request& request) {
                     ++counters_.requests[kind_of(request.body)];
                     ports_.feed(call::Received{.connection = session.connection(),
                                                .request = std::move(request),
                                                .admin = session.is_granted("admin", now),
                                                .may_record = session.is_granted("record", now),
                                                .may_mix = session.is_granted("mix", now),
                                                .may_bridge = session.is_granted("bridge", now)});
                   },
                   [&](wire::ChainList& question) { ask(session, std::move(question)); },
                   [&](wire::ChainHistory& question) { ask(session, std::move(question)); },
               },
               output);
    if (std::holds_alternative<CloseSocket>(output)) return;  // the session may be gone
  }
  note_deadline(entry);
}

template <class Kind>
void Sessions::ask(const Session& session, Kind question) {
  ++counters_.requests[kind_of(question)];
  ports_.ask(session, std::move(question));
}

// The socket goes its own way from here: nothing it says counts, and its end tells nothing.
void Sessions::let_go(Entry& entry, const CloseSocket& close) {
  const base::SocketId socket = *entry.session.socket();
  peers_[socket] = Stranger{};
  ports_.close(socket, close.code, close.reason);
}

void Sessions::lose(Entry& entry, base::Instant now) {
  Session& session = entry.session;
  session.detach(now);
  ++lost_;
  // Without a welcome its client knows no secret to come back with.
  if (!session.welcomed() || ending_) return end(entry);
  note_deadline(entry);
  ports_.feed(call::SocketLost{session.connection()});
}

void Sessions::end(Entry& entry) {
  const base::ConnectionId connection = entry.session.connection();
  --lost_;
  for (const auto& known : {entry.secret, entry.previous_secret})
    if (known) by_secret_.erase(*known);
  if (entry.noted) due_.erase({*entry.noted, entry.session.number()});
  const auto own = of_user_.find(entry.session.user());
  std::erase(own->second, &entry);
  if (own->second.empty()) of_user_.erase(own);
  sessions_.erase(connection);
  if (sessions_.empty()) sweep_.reset();
  ports_.feed(call::Disconnected{connection});
}

Sessions::Entry* Sessions::find(const base::ConnectionId& connection) {
  const auto found = sessions_.find(connection);
  return found == sessions_.end() ? nullptr : &found->second;
}

void Sessions::welcome(const base::ConnectionId& connection, std::vector<call::Snapshot> calls) {
  if (Entry* entry = find(connection)) say(*entry, entry->session.welcome(std::move(calls)));
}
void Sessions::reply(const base::ConnectionId& connection, const call::Reply& reply) {
  if (const auto* refusal = std::get_if<call::Refusal>(&reply.body)) counters_.count(refusal->code);
  if (Entry* entry = find(connection)) say(*entry, entry->session.reply(reply));
}
void Sessions::event(const base::ConnectionId& connection, const call::Event& event) {
  if (Entry* entry = find(connection)) say(*entry, entry->session.event(event));
}
void Sessions::text(const base::ConnectionId& connection, const call::TextMessage& text) {
  if (Entry* entry = find(connection)) say(*entry, entry->session.text(text));
}
void Sessions::answer(const base::ConnectionId& connection, std::string page) {
  if (Entry* entry = find(connection)) say(*entry, entry->session.answer(std::move(page)));
}
void Sessions::refuse_question(const base::ConnectionId& connection, const base::RequestId& ref,
                               call::Refusal refusal) {
  counters_.count(refusal.code);
  answer(connection, wire::encode(call::Reply{ref, std::move(refusal)}));
}

// ---- time -----------------------------------------------------------------------------------

void Sessions::note_deadline(Entry& entry) {
  const auto deadline = entry.session.deadline();
  if (entry.noted == deadline) return;
  if (entry.noted) due_.erase({*entry.noted, entry.session.number()});
  entry.noted = deadline;
  if (deadline) due_.emplace(std::pair(*deadline, entry.session.number()), &entry);
  ports_.rearm();
}

std::optional<base::TimePoint> Sessions::deadline() const {
  std::optional<base::TimePoint> first = sweep_;
  const auto consider = [&first](base::TimePoint due) {
    if (!first || due < *first) first = due;
  };
  if (!hellos_due_.empty()) consider(hellos_due_.begin()->first);
  if (!due_.empty()) consider(due_.begin()->first.first);
  return first;
}

void Sessions::tick(base::Instant now) {
  while (!hellos_due_.empty() && hellos_due_.begin()->first <= now.mono)
    turn_away(hellos_due_.begin()->second, std::nullopt, call::ErrorCode::kUnauthorized,
              "No hello came in time.");
  std::vector<base::ConnectionId> due;  // what one of them causes may end another
  for (const auto& [when, entry] : due_) {
    if (when.first > now.mono) break;
    due.push_back(entry->session.connection());
  }
  for (const base::ConnectionId& connection : due)
    if (Entry* entry = find(connection)) tick(*entry, now);
  if (sweep_ && *sweep_ <= now.mono) {
    for (auto& [connection, entry] : sessions_) entry.session.forget_received();
    sweep_ = now.mono + kSweep;
  }
}

void Sessions::tick(Entry& entry, base::Instant now) {
  Session& session = entry.session;
  if (session.socket()) return perform(entry, session.tick(now), now);
  if (now.mono < *session.deadline()) return;
  ++counters_.ended_lost;
  log_debug("connection {} did not come back", session.connection().str());
  end(entry);
}

void Sessions::say_goodbye() {
  ending_ = true;
  for (auto& [socket, peer] : peers_) {
    if (auto* stranger = std::get_if<Stranger>(&peer)) {
      if (!stranger->hello_by) continue;  // it is being closed already
      forget_hello(socket, *stranger);
    }
    ports_.send(socket, wire::encode_bye("shutdown"));
    ports_.close(socket, kGoingAway, "shutdown");
  }
}

}  // namespace parley::app
