// Joins the rooms: hands what sockets, the media layer and the clock report to call::Machine, and
// performs its effects, in order and never before they are on disk.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "app/counters.h"
#include "app/gate.h"
#include "app/session.h"
#include "call/machine.h"
#include "media/command.h"
#include "media/event.h"
#include "net/server.h"

namespace parley::app {

// What the driver uses of the world.
struct Ports {
  std::function<base::Instant()> now;
  std::function<void(base::SocketId, std::string_view text)> send;
  std::function<void(base::SocketId, std::uint16_t code, std::string_view reason)> close;
  std::function<void(base::SocketId)> proven;
  std::function<void(media::Command)> media;
  Gate::Commit commit;
  // deadline() may have changed.
  std::function<void()> rearm;
};

// Main thread only.
class Driver : public net::SocketEvents {
 public:
  // `node` stands in the connection ids it makes; `rules` is copied.
  Driver(Ports ports, const call::Limits& limits, SessionRules rules, std::string node);
  ~Driver() override;

  void opened(base::SocketId socket, const std::string& address) override;
  void text(base::SocketId socket, std::string_view text) override;
  void flooding(base::SocketId socket) override;
  void closed(base::SocketId socket, std::uint16_t code) override;
  void media(media::Event event);

  // When to call tick() if nothing else comes first.
  [[nodiscard]] std::optional<base::TimePoint> deadline() const;
  void tick();

  // Ends every call as `shutdown`. What that causes may have to wait for the disk: it is out when
  // idle(); then say_goodbye() ends every connection.
  void shut_down();
  [[nodiscard]] bool idle() const { return gate_.waiting() == 0; }
  void say_goodbye();

  // With the gauges brought up to date.
  [[nodiscard]] const Counters& counters();
  [[nodiscard]] std::string debug_state() const { return machine_.debug_state(); }

 private:
  struct Ticket {
    base::LegId leg;
    base::ConnectionId connection;
    base::RequestId ref;
  };

  struct Entry {
    Session session;
    std::optional<base::TimePoint> noted;  // its place in deadlines_
  };

  void feed(const call::Input& input);
  void count(call::ErrorCode error);
  void arrive(base::SocketId socket, Arrived& who);
  void perform(call::Effect effect);
  void perform(base::SocketId socket, SessionOutputs outputs);
  void to(const base::ConnectionId& connection,
          const std::function<SessionOutputs(Session&)>& speak);
  void send_to_leg(const call::ToLeg& effect);
  void take_verdict(const media::Verdict& verdict);
  void forget_tickets(base::LegId leg);
  void note_deadline(base::SocketId socket);

  const Ports ports_;
  const SessionRules rules_;
  const std::string node_;
  call::Machine machine_;
  Counters counters_;
  std::map<base::SocketId, Entry> sessions_;
  std::set<std::pair<base::TimePoint, base::SocketId>> deadlines_;  // of sessions
  std::unordered_map<base::ConnectionId, base::SocketId> sockets_;  // arrived ones
  std::unordered_map<base::UserId, std::size_t> connections_of_;    // likewise
  std::unordered_map<std::uint64_t, Ticket> tickets_;
  std::uint64_t next_ticket_ = 1;
  Gate gate_;  // last: what it releases uses the rest
};

}  // namespace parley::app
