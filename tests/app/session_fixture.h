// Sessions in the hand: sockets are lists of what was said to them, and the machine is a list of
// what it was fed.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "app/sessions.h"
#include "base/overloaded.h"
#include "support/check_main.h"

namespace parley::test {

using namespace app;  // NOLINT(google-build-using-namespace): tests of one room

inline const auth::Key kKey{"k", auth::Algorithm::kHs256, std::string(40, 's')};

struct Lobby {
  base::Instant now{base::TimePoint(std::chrono::hours(5)),
                    base::WallTime(std::chrono::hours(24 * 365 * 50))};
  std::map<std::uint64_t, std::vector<std::string>> sent;  // by socket
  std::map<std::uint64_t, int> closed;
  std::vector<std::uint64_t> proven;
  std::vector<std::string> fed;  // "connected C alice", "lost C", …
  std::vector<call::Received> requests;
  std::vector<std::pair<base::ConnectionId, Question>> questions;
  std::vector<std::string> connections;  // in the order they came
  bool welcome_at_once = true;
  std::uint64_t requests_made = 0;

  auth::Verifier verifier = *auth::Verifier::create({kKey}, "parley");
  Counters counters;
  Sessions sessions;

  explicit Lobby(const std::function<void(SessionRules&)>& change = {})
      : sessions(ports(), rules(change), "n1", counters) {}

  SessionRules rules(const std::function<void(SessionRules&)>& change) {
    SessionRules made;
    made.verifier = &verifier;
    if (change) change(made);
    return made;
  }
  SessionPorts ports() {
    return {
        .send = [this](base::SocketId s,
                       std::string_view text) { sent[s.value].emplace_back(text); },
        .close = [this](base::SocketId s, std::uint16_t code,
                        std::string_view) { closed[s.value] = code; },
        .proven = [this](base::SocketId s) { proven.push_back(s.value); },
        .feed = [this](call::Input input) { take(std::move(input)); },
        .ask = [this](const Session& s, Question q) { questions.emplace_back(s.connection(), q); },
        .rearm = [] {},
    };
  }
  void take(call::Input input) {
    std::visit(base::Overloaded{
                   [&](const call::Connected& in) {
                     fed.push_back("connected " + in.user.str());
                     connections.push_back(in.connection.str());
                     if (welcome_at_once) sessions.welcome(in.connection, {});
                   },
                   [&](const call::SocketLost& in) { note("lost", in.connection); },
                   [&](const call::Resumed& in) { note("resumed", in.connection); },
                   [&](const call::Disconnected& in) { note("gone", in.connection); },
                   [&](call::Received& in) { requests.push_back(std::move(in)); },
                   [](const auto&) { ck_abort_msg("not for sessions to feed"); },
               },
               input);
  }
  // Connections are named by their place in the order they came.
  void note(const std::string& what, const base::ConnectionId& connection) {
    const auto at = std::find(connections.begin(), connections.end(), connection.str());
    fed.push_back(what + " " + std::to_string(at - connections.begin()));
  }

  std::string token(const std::string& user, base::Duration lifetime = std::chrono::hours(1),
                    std::vector<base::ProfileId> profiles = {}, std::set<std::string> grants = {}) {
    const auto until = now.wall + std::chrono::duration_cast<std::chrono::milliseconds>(lifetime);
    return *auth::mint(kKey, {base::UserId(user), std::move(profiles), std::move(grants), "parley",
                              std::chrono::floor<std::chrono::seconds>(until)});
  }
  void open(std::uint64_t socket) { sessions.opened(base::SocketId{socket}, now); }
  void say(std::uint64_t socket, const std::string& text) {
    sessions.text(base::SocketId{socket}, text, now);
  }
  void hello(std::uint64_t socket, const std::string& jwt, const std::string& more = "") {
    open(socket);
    say(socket, R"({"type":"hello","id":"h)" + std::to_string(socket) + R"(","token":")" + jwt +
                    "\"" + more + "}");
  }
  void resume(std::uint64_t socket, const std::string& jwt, const std::string& secret,
              std::uint64_t last_seq) {
    hello(socket, jwt, R"(,"resume":")" + secret + R"(","lastSeq":)" + std::to_string(last_seq));
  }
  void ask(std::uint64_t socket) {
    say(socket, R"({"type":"call.hangup","id":"r)" + std::to_string(++requests_made) +
                    R"(","callId":"x"})");
  }
  void drop(std::uint64_t socket, std::uint16_t code = 1006) {
    sessions.closed(base::SocketId{socket}, code, now);
  }
  void pass(base::Duration time) {
    now.mono += time;
    now.wall += std::chrono::duration_cast<std::chrono::milliseconds>(time);
    sessions.tick(now);
  }
  // An event about a call of this name, for the connection that came as this.
  void event(std::size_t connection, const std::string& call = "x") {
    sessions.event(base::ConnectionId(connections.at(connection)),
                   {base::CallId(call), now.wall, {}, {}, call::PendingEvent{}});
  }

  [[nodiscard]] bool heard(std::uint64_t socket, const std::string& part) {
    return std::any_of(sent[socket].begin(), sent[socket].end(), [&](const std::string& text) {
      return text.find(part) != std::string::npos;
    });
  }
  // A member of the first message the socket heard.
  std::string member(std::uint64_t socket, const std::string& name) {
    const std::string& text = sent[socket].at(0);
    const std::size_t at = text.find("\"" + name + "\":\"") + name.size() + 4;
    return text.substr(at, text.find('"', at) - at);
  }
  std::string secret(std::uint64_t socket) { return member(socket, "resume"); }
  // The numbers of the events the socket heard.
  std::vector<int> seqs(std::uint64_t socket) {
    std::vector<int> found;
    for (const std::string& text : sent[socket])
      if (const std::size_t at = text.find("\"seq\":"); at != std::string::npos)
        found.push_back(std::stoi(text.substr(at + 6)));
    return found;
  }
};

}  // namespace parley::test
