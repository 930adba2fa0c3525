// One connection of a user: what a valid hello begins, and what outlives its socket.
//
// While its socket is there, it is told what concerns it. When the socket is lost, what it would
// have been told is numbered and kept, and for the resume window whoever knows its secret may
// attach another socket and get what it missed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "app/replay_buffer.h"
#include "auth/tokens.h"
#include "base/ids.h"
#include "base/time.h"
#include "call/machine.h"
#include "call/messages.h"
#include "wire/wire.h"

namespace parley::app {

// What is the same for every session.
struct SessionRules {
  const auth::Verifier* verifier = nullptr;  // outlives every session
  base::Duration hello_timeout = std::chrono::seconds(5);
  std::vector<wire::IceServer> ice_servers;
  wire::ClientLimits limits;
  // What one account says to itself grows with the square of it. Lost ones count, but give way.
  std::size_t connections_per_user = 50;
  base::Duration resume_window = std::chrono::seconds(30);
  ReplayBounds replay;
  // Looked after by the driver. Our choice: some seconds of a busy server. While more than that
  // waits for the disk, clients are told to try again rather than that memory fills.
  std::size_t waiting_effects = 20'000;
};

// What is to be done, in order.
struct SendText {
  std::string text;
  std::optional<call::ErrorCode> error = std::nullopt;  // of an error that is the session's own
};
struct CloseSocket {  // the session has let go of it
  std::uint16_t code = 0;
  std::string reason;
};
using SessionOutput =
    std::variant<SendText, CloseSocket, call::Request, wire::ChainList, wire::ChainHistory>;
using SessionOutputs = std::vector<SessionOutput>;

// SHA-256 of a resume secret: what is kept of it.
using SecretDigest = std::array<unsigned char, 32>;

// Pure: time is an argument, what is to be done is returned. Owned by Sessions.
class Session {
 public:
  // `number` tells sessions apart; `rules` outlives the session.
  Session(std::uint64_t number, base::ConnectionId connection, const SessionRules& rules);

  // `socket` speaks for the session from now on: it has said `hello` with the token of `claims`.
  // `secret` is what the next welcome hands out.
  void attach(base::SocketId socket, const base::RequestId& hello, auth::Claims claims,
              std::string secret, base::Instant now);
  // Its socket is lost, or was closed by one side.
  void detach(base::Instant now);

  [[nodiscard]] SessionOutputs receive(wire::ClientMessage message, base::Instant now);
  // The time of deadline() has come, or may have; the end of a lost session is not its own affair.
  [[nodiscard]] SessionOutputs tick(base::Instant now);
  // While it has a socket: when its token expires. While it is lost: when it is over.
  [[nodiscard]] std::optional<base::TimePoint> deadline() const { return deadline_; }

  // What it is told. Without a socket, events are kept and the rest is dropped: a client that
  // comes back repeats what it has no answer to.
  [[nodiscard]] SessionOutputs welcome(std::vector<call::Snapshot> calls);
  // The welcome of one that came back, and what it missed; reaches(last_seq).
  [[nodiscard]] SessionOutputs welcome_back(std::uint64_t last_seq);
  [[nodiscard]] SessionOutputs reply(const call::Reply& reply) const;
  [[nodiscard]] SessionOutputs event(const call::Event& event);
  [[nodiscard]] SessionOutputs text(const call::TextMessage& text);
  // The answer to a ChainList or ChainHistory, encoded.
  [[nodiscard]] SessionOutputs answer(std::string encoded);
  // A last word on its socket, which it lets go of.
  [[nodiscard]] SessionOutputs bye(std::string_view reason, std::uint16_t code);

  // Whether a client that has all events up to `last_seq` can go on from there.
  [[nodiscard]] bool reaches(std::uint64_t last_seq) const { return kept_.reaches(last_seq); }
  // To be called about once a minute. On a socket that is still there after two calls, events from
  // before the first have arrived: it would have been dropped for unanswered pings otherwise.
  void forget_received();

  [[nodiscard]] std::uint64_t number() const { return number_; }
  [[nodiscard]] const base::ConnectionId& connection() const { return connection_; }
  [[nodiscard]] const base::UserId& user() const { return claims_.user; }
  [[nodiscard]] const std::vector<base::ProfileId>& profiles() const { return claims_.profiles; }
  [[nodiscard]] bool is_same_person(const auth::Claims& claims) const;
  // Whether its token grants this now.
  [[nodiscard]] bool is_granted(const std::string& grant, base::Instant now) const;
  [[nodiscard]] const std::optional<base::SocketId>& socket() const { return socket_; }
  // Whether its client can know the secret to come back with.
  [[nodiscard]] bool welcomed() const { return welcomed_; }
  [[nodiscard]] std::size_t kept_bytes() const { return kept_.bytes(); }

 private:
  [[nodiscard]] SessionOutputs take(const wire::Hello& hello, base::Instant now);
  [[nodiscard]] SessionOutputs take(const wire::Token& token, base::Instant now);
  [[nodiscard]] SessionOutputs take(call::Request request, base::Instant now);
  template <class Question>
  [[nodiscard]] SessionOutputs take(Question question, base::Instant now);
  [[nodiscard]] std::string encode_welcome(bool resumed, std::vector<call::Snapshot> calls);
  [[nodiscard]] SessionOutputs keep(std::string event);
  void expire_at(base::WallTime when, base::Instant now);

  const std::uint64_t number_;
  const base::ConnectionId connection_;
  const SessionRules& rules_;
  auth::Claims claims_;
  base::RequestId hello_;     // its id; welcome refers to it
  std::string fresh_secret_;  // until the welcome that hands it out
  std::optional<base::SocketId> socket_;
  std::optional<base::TimePoint> deadline_;
  bool welcomed_ = false;
  std::uint32_t open_questions_ = 0;  // to the store
  ReplayBuffer kept_;
  std::uint64_t lost_at_ = 0;  // the newest event when the socket was lost
  std::uint64_t swept_ = 0;    // the newest event at the last forget_received(); 0: none yet
};

}  // namespace parley::app
