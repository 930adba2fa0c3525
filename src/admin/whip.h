// WHIP (RFC 9725) and WHEP for programs that are no clients of the protocol: who publishes into a
// call, or watches it, by one HTTP request with an offer.
//
// Like the HTTP API, a request in, an answer or a question out. What a session is called in paths
// nobody can guess; its other name, that of the guest in the call, everybody there knows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "admin/http.h"
#include "admin/user_rates.h"
#include "auth/tokens.h"
#include "base/ids.h"
#include "base/time.h"
#include "call/machine.h"
#include "wire/wire.h"

namespace parley::admin {

inline constexpr std::string_view kWhipPrefix = "/whip/";
inline constexpr std::string_view kWhepPrefix = "/whep/";
// Either grant will do.
inline constexpr std::string_view kBridgeGrant = "bridge";

struct GuestRequest {
  std::string method;
  std::string path;   // percent-decoded
  std::string query;  // as it came
  std::string authorization;
  std::string content_type;
  std::string content_encoding;
  std::string if_match;
  std::string body;
};

struct GuestRules {
  const auth::Verifier* verifier = nullptr;  // outlives this
  std::vector<wire::IceServer> ice_servers;
  // Names that cannot be guessed, of sessions and entity tags.
  std::function<std::string()> fresh_name;
  // Whether a call goes on: sessions of others are forgotten.
  std::function<bool(const base::CallId&)> is_live;
  // Of one user: steadily, and at once. A client that trickles sends a row of requests.
  double requests_per_second = 20;
  double request_burst = 100;
};

// What the call machine is asked.
struct GuestQuestion {
  enum class What { kJoin, kPatch, kLeave };
  What what = What::kJoin;
  call::CommandBody command;
  std::string path;     // of the endpoint: "/whip/CALL"
  std::string session;  // empty for a join
  base::UserId user;
  bool restarts = false;  // a patch that is for new ICE credentials
};
using GuestOutcome = std::variant<Response, GuestQuestion>;

// What the bodies are: an offer or an answer, and a part of one (RFC 8840, 9).
inline constexpr std::string_view kSdpType = "application/sdp";
inline constexpr std::string_view kFragmentType = "application/trickle-ice-sdpfrag";

// Not thread-safe. Time is an argument.
class GuestDoor {
 public:
  explicit GuestDoor(GuestRules rules);

  [[nodiscard]] GuestOutcome handle(const GuestRequest& request, base::Instant now);
  // The answer of the machine. Bodies of success are of the type in Content-Type among the headers.
  [[nodiscard]] Response answer(const GuestQuestion& question,
                                const std::variant<call::Ok, call::Refusal>& done);
  // The offer is not one (400), or one that nothing can be done with (406).
  [[nodiscard]] static Response bad_offer(const base::Error& error);
  [[nodiscard]] std::size_t sessions() const { return sessions_.size(); }

 private:
  struct Session {
    base::CallId call;
    base::JobId guest;
    base::UserId user;
    std::string etag;          // of the present ICE credentials, in its quotes
    int restarting = 0;        // patches that are not answered yet, and may change them
    std::uint64_t number = 0;  // counts up
  };
  struct Place;

  [[nodiscard]] GuestOutcome join(const Place& place, const GuestRequest& request,
                                  const auth::Claims& claims) const;
  [[nodiscard]] GuestOutcome patch(const Place& place, const GuestRequest& request,
                                   Session& session) const;
  [[nodiscard]] Response joined(const GuestQuestion& question, const call::Ok& ok);
  void remember(std::string name, Session session);
  void forget_ended();
  [[nodiscard]] std::string links() const;
  [[nodiscard]] Response options(const Place& place) const;

  const GuestRules rules_;
  std::map<std::string, Session> sessions_;  // by the name in their path
  std::size_t most_sessions_;                // until those of ended calls are looked for
  std::uint64_t last_number_ = 0;
  UserRates rates_;
};

}  // namespace parley::admin
