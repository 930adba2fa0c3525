// The driver with the real machine, and a world that is held in the hand: sockets and media are
// lists of what was said to them, and the disk answers when the test says so.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "app/driver.h"
#include "support/check_main.h"

namespace parley::test {

using namespace app;  // NOLINT(google-build-using-namespace): tests of one room

inline const auth::Key kKey{"k", auth::Algorithm::kHs256, std::string(40, 's')};
// Check's headers take `fail` for themselves.
inline tl::unexpected<base::Error> failure(base::Code code, std::string message) {
  return tl::unexpected(base::Error{code, std::move(message)});
}
using Done = std::function<void(base::Result<void>)>;

struct World {
  base::Instant now{base::TimePoint(std::chrono::hours(5)),
                    base::WallTime(std::chrono::hours(24 * 365 * 50))};
  bool hold_commits = false;
  std::vector<Done> held;
  std::vector<store::Record> saved;
  std::map<std::string, store::StoredChain> chains;  // what a look-up finds
  std::map<std::string, store::StoredCall> calls;
  bool unreadable = false;  // no look-up finds out anything
  base::Result<store::Page<store::ChainSummary>> list;
  base::Result<store::Page<store::StoredItem>> history;
  std::vector<std::string> asked;
  std::map<std::uint64_t, std::vector<std::string>> sent;  // by socket
  std::map<std::uint64_t, int> closed;
  std::vector<std::uint64_t> proven;
  std::vector<media::Command> commands;
  int rearmed = 0;
  std::uint64_t next_request = 1;

  auth::Verifier verifier = *auth::Verifier::create({kKey}, "parley");
  Announcements announcements;
  Driver driver;

  explicit World(Announcements announce = {}, std::size_t waiting = 20'000)
      : announcements(std::move(announce)), driver(ports(), call::Limits{}, rules(waiting), "n1") {}

  [[nodiscard]] SessionRules rules(std::size_t waiting) const {
    SessionRules made;
    made.verifier = &verifier;
    made.waiting_effects = waiting;
    return made;
  }
  Ports ports() {
    return {
        .now = [this] { return now; },
        .send = [this](base::SocketId s,
                       std::string_view text) { sent[s.value].emplace_back(text); },
        .close = [this](base::SocketId s, std::uint16_t code,
                        std::string_view) { closed[s.value] = code; },
        .proven = [this](base::SocketId s) { proven.push_back(s.value); },
        .media = [this](media::Command c) { commands.push_back(std::move(c)); },
        .store = store_ports(),
        .announce = announcements,
        .rearm = [this] { ++rearmed; },
    };
  }
  StorePorts store_ports() {
    return {
        .submit =
            [this](std::vector<store::Record> records, Done done) {
              saved.insert(saved.end(), records.begin(), records.end());
              held.push_back(std::move(done));
              if (!hold_commits) commit_all();
            },
        .find_call =
            [this](const base::CallId& call, const StorePorts::Done<store::StoredCall>& done) {
              const auto found = calls.find(call.str());
              if (unreadable) return done(failure(base::Code::kUnavailable, "disk I/O error"));
              if (found == calls.end()) return done(failure(base::Code::kNotFound, "no call"));
              done(found->second);
            },
        .find_chain =
            [this](const base::ChainId& chain, const StorePorts::Done<store::StoredChain>& done) {
              const auto found = chains.find(chain.str());
              if (unreadable) return done(failure(base::Code::kUnavailable, "disk I/O error"));
              if (found == chains.end()) return done(failure(base::Code::kNotFound, "no chain"));
              done(found->second);
            },
        .list_chains =
            [this](const std::vector<base::ProfileId>& profiles,
                   const std::optional<base::ChainId>& before, std::size_t limit,
                   const StorePorts::Done<store::Page<store::ChainSummary>>& done) {
              asked.push_back(profiles.at(0).str() + "," + (before ? before->str() : "-") + "," +
                              std::to_string(limit));
              done(list);
            },
        .read_history =
            [this](const std::vector<base::ProfileId>& profiles, const base::ChainId& chain,
                   const std::optional<std::string>& before, std::size_t limit,
                   const StorePorts::Done<store::Page<store::StoredItem>>& done) {
              asked.push_back(profiles.at(0).str() + "," + chain.str() + "," +
                              before.value_or("-") + "," + std::to_string(limit));
              done(history);
            },
    };
  }

  // The store answers later, never from within submit: only what was held before.
  void commit_all() { answer_all({}); }
  void answer_all(const base::Result<void>& result) {
    std::vector<Done> all;
    all.swap(held);
    for (const Done& done : all) done(result);
  }
  void pass(base::Duration time) {
    now.mono += time;
    now.wall += std::chrono::duration_cast<std::chrono::milliseconds>(time);
    driver.tick();
  }

  void arrive(std::uint64_t socket, const std::string& user) {
    driver.opened(base::SocketId{socket}, "192.0.2.1");
    const std::string jwt = *auth::mint(
        kKey, {base::UserId(user),
               {},
               {},
               "parley",
               std::chrono::floor<std::chrono::seconds>(now.wall + std::chrono::hours(1))});
    say(socket, R"({"type":"hello","id":"h","token":")" + jwt + "\"}");
  }
  void say(std::uint64_t socket, const std::string& text) {
    driver.text(base::SocketId{socket}, text);
  }
  // A request with an id of its own.
  std::string ask(std::uint64_t socket, const std::string& type, const std::string& members) {
    const std::string id = "r" + std::to_string(next_request++);
    say(socket, R"({"type":")" + type + R"(","id":")" + id + "\"," + members + "}");
    return id;
  }
  [[nodiscard]] bool heard(std::uint64_t socket, const std::string& part) {
    return std::any_of(sent[socket].begin(), sent[socket].end(), [&](const std::string& text) {
      return text.find(part) != std::string::npos;
    });
  }
  template <class T>
  [[nodiscard]] std::vector<T> commands_of() const {
    std::vector<T> found;
    for (const media::Command& c : commands)
      if (const T* t = std::get_if<T>(&c)) found.push_back(*t);
    return found;
  }
};

// alice on sockets 1 and 2, bob on 3 and 4; alice calls bob from 1.
inline void begin_call(World& w) {
  for (const auto& [socket, user] :
       std::map<std::uint64_t, std::string>{{1, "alice"}, {2, "alice"}, {3, "bob"}, {4, "bob"}})
    w.arrive(socket, user);
  w.say(1, R"({"type":"call.init","id":"call","from":"alice","to":"bob"})");
}
inline const std::string kCall = R"("callId":"call")";

}  // namespace parley::test
