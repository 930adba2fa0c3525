// What one WebSocket is to the server: a stranger until its hello, then a connection of a user
// until its token expires or it leaves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

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
  // Looked after by the driver: what one account says to itself grows with the square of it.
  std::size_t connections_per_user = 50;
};

// What is to be done, in order.
struct SendText {
  std::string text;
  std::optional<call::ErrorCode> error = std::nullopt;  // of an error that is the session's own
};
struct CloseSocket {
  std::uint16_t code = 0;
  std::string reason;
};
struct Arrived {  // a valid hello: the machine is to be told
  base::UserId user;
  std::vector<base::ProfileId> profiles;
};
using SessionOutput = std::variant<SendText, CloseSocket, Arrived, call::Request, wire::ChainList,
                                   wire::ChainHistory>;
using SessionOutputs = std::vector<SessionOutput>;

// Pure: time is an argument, what is to be done is returned. Owned by the driver.
class Session {
 public:
  // `resume` is the secret handed out in welcome; `rules` outlives the session.
  Session(base::ConnectionId connection, std::string resume, const SessionRules& rules,
          base::Instant now);

  [[nodiscard]] SessionOutputs receive(std::string_view frame, base::Instant now);
  // The time of deadline() has come, or may have.
  [[nodiscard]] SessionOutputs tick(base::Instant now);
  [[nodiscard]] std::optional<base::TimePoint> deadline() const { return deadline_; }

  // The user behind a valid hello has too many connections: this one has not arrived after all.
  [[nodiscard]] SessionOutputs turn_away_for_room();

  // What the machine says to this connection, in the order it says it.
  [[nodiscard]] SessionOutputs welcome(std::vector<call::Snapshot> calls);
  [[nodiscard]] SessionOutputs reply(const call::Reply& reply);
  [[nodiscard]] SessionOutputs event(const call::Event& event);
  // A last word, and the end.
  [[nodiscard]] SessionOutputs bye(std::string_view reason, std::uint16_t code);

  [[nodiscard]] const base::ConnectionId& connection() const { return connection_; }
  [[nodiscard]] bool arrived() const { return claims_.has_value(); }
  // Of one that has arrived.
  [[nodiscard]] const base::UserId& user() const { return claims_->user; }

 private:
  [[nodiscard]] SessionOutputs take(const wire::Hello& hello, base::Instant now);
  [[nodiscard]] SessionOutputs take(const wire::Token& token, base::Instant now);
  // A request of the machine, or a question to the store.
  template <class Request>
  [[nodiscard]] SessionOutputs take(Request request, base::Instant now);
  [[nodiscard]] SessionOutputs refuse(const base::RequestId& ref, call::ErrorCode code,
                                      std::string message) const;
  [[nodiscard]] SessionOutputs turn_away(const std::optional<base::RequestId>& ref,
                                         std::string message);
  void expire_at(base::WallTime when, base::Instant now);

  const base::ConnectionId connection_;
  const std::string resume_;
  const SessionRules& rules_;
  std::optional<auth::Claims> claims_;  // set by a valid hello
  base::RequestId hello_;               // its id; welcome refers to it
  std::optional<base::TimePoint> deadline_;
  std::uint64_t seq_ = 0;
  bool over_ = false;
};

}  // namespace parley::app
