// Who is connected: sockets that have said nothing yet, and the sessions of users, with a socket
// or waiting for one.
//
// A session is made by a hello, and outlives its socket for the resume window. What the call
// machine needs to hear of that is fed to it; what it says reaches a session's socket from here.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "app/counters.h"
#include "app/session.h"
#include "call/machine.h"

namespace parley::app {

using Question = std::variant<wire::ChainList, wire::ChainHistory>;

// What sessions use of the world. None of these may call back into Sessions at once, but `feed`.
struct SessionPorts {
  std::function<void(base::SocketId, std::string_view text)> send;
  std::function<void(base::SocketId, std::uint16_t code, std::string_view reason)> close;
  std::function<void(base::SocketId)> proven;
  std::function<void(call::Input)> feed;
  // Answered by answer() or refuse_question().
  std::function<void(const Session&, Question)> ask;
  // deadline() may have changed.
  std::function<void()> rearm;
};

// Main thread only.
class Sessions {
 public:
  // `node` stands in the connection ids it makes; `counters` outlives it.
  Sessions(SessionPorts ports, SessionRules rules, std::string node, Counters& counters);
  ~Sessions();
  Sessions(const Sessions&) = delete;
  Sessions& operator=(const Sessions&) = delete;

  void opened(base::SocketId socket, base::Instant now);
  void text(base::SocketId socket, std::string_view text, base::Instant now);
  void flooding(base::SocketId socket, base::Instant now);
  void closed(base::SocketId socket, std::uint16_t code, base::Instant now);

  [[nodiscard]] std::optional<base::TimePoint> deadline() const;
  void tick(base::Instant now);

  // What is said to a connection; one that is gone hears nothing.
  void welcome(const base::ConnectionId& connection, std::vector<call::Snapshot> calls);
  void reply(const base::ConnectionId& connection, const call::Reply& reply);
  void event(const base::ConnectionId& connection, const call::Event& event);
  void text(const base::ConnectionId& connection, const call::TextMessage& text);
  void answer(const base::ConnectionId& connection, std::string page);
  void refuse_question(const base::ConnectionId& connection, const base::RequestId& ref,
                       call::Refusal refusal);

  // The end of the server: every socket hears it, and no session can be resumed.
  void say_goodbye();

  // With a socket, and without one.
  [[nodiscard]] std::size_t attached() const { return sessions_.size() - lost_; }
  [[nodiscard]] std::size_t lost() const { return lost_; }

 private:
  struct Entry {
    Session session;
    std::optional<base::TimePoint> noted;  // its place in due_
    // Both lead back here; the previous one until the client has shown that it knows the newer.
    std::optional<SecretDigest> secret;
    std::optional<SecretDigest> previous_secret;
  };
  // A socket that is no session's: it has not said hello, or it is being closed.
  struct Stranger {
    std::optional<base::TimePoint> hello_by;  // nullopt: nothing it says counts any more
  };
  using Peer = std::variant<Stranger, Entry*>;
  struct DigestHash {
    std::size_t operator()(const SecretDigest& digest) const noexcept;
  };

  void greet(base::SocketId socket, wire::ClientMessage message, base::Instant now);
  [[nodiscard]] Entry* resumable(const wire::Hello& hello, const auth::Claims& claims,
                                 base::Instant now);
  void resume(Entry& entry, base::SocketId socket, const wire::Hello& hello, auth::Claims claims,
              base::Instant now);
  void begin(base::SocketId socket, const wire::Hello& hello, auth::Claims claims,
             base::Instant now);
  [[nodiscard]] bool make_room(const base::UserId& user);
  void turn_away(base::SocketId socket, const std::optional<base::RequestId>& ref,
                 call::ErrorCode code, std::string message);
  void perform(Entry& entry, SessionOutputs outputs, base::Instant now);
  void say(Entry& entry, const SessionOutputs& outputs);
  void send(base::SocketId socket, const SendText& out);
  template <class Kind>
  void ask(const Session& session, Kind question);
  void forget_hello(base::SocketId socket, Stranger& stranger);
  void let_go(Entry& entry, const CloseSocket& close);
  void lose(Entry& entry, base::Instant now);
  void end(Entry& entry);
  void hand_out(Entry& entry, const SecretDigest& fresh, const std::optional<SecretDigest>& used);
  void drop_previous_secret(Entry& entry);
  void note_deadline(Entry& entry);
  [[nodiscard]] Entry* find(const base::ConnectionId& connection);
  void tick(Entry& entry, base::Instant now);

  const SessionPorts ports_;
  const SessionRules rules_;
  const std::string node_;
  Counters& counters_;
  std::unordered_map<base::SocketId, Peer> peers_;
  std::unordered_map<base::ConnectionId, Entry> sessions_;
  std::unordered_map<base::UserId, std::vector<Entry*>> of_user_;  // oldest first
  std::unordered_map<SecretDigest, Entry*, DigestHash> by_secret_;
  std::set<std::pair<base::TimePoint, base::SocketId>> hellos_due_;
  std::map<std::pair<base::TimePoint, std::uint64_t>, Entry*> due_;  // by deadline and number
  std::optional<base::TimePoint> sweep_;                             // while there are sessions
  std::uint64_t next_number_ = 1;
  std::size_t lost_ = 0;
  bool ending_ = false;
};

}  // namespace parley::app
