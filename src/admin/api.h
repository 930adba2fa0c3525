// The HTTP API for an application's servers: a request in, an answer or a question out.
//
// What it offers is written down in docs/openapi.json, which a test holds against the answers of
// the running server; docs/HTTP-API.md is for people. Here is no socket, no store and no call
// machine: what only those can tell is asked of the driver, which brings the answer back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "admin/http.h"
#include "admin/recordings.h"
#include "admin/user_rates.h"
#include "auth/tokens.h"
#include "base/ids.h"
#include "base/time.h"
#include "call/machine.h"
#include "wire/wire.h"

namespace parley::admin {

inline constexpr std::string_view kPrefix = "/api/v1/";
inline constexpr std::string_view kGrant = "admin";

// Of tokens that are minted; our choice. A server mints one as a user comes, and mints it again.
inline constexpr std::chrono::milliseconds kShortestToken{1000};
inline constexpr std::chrono::milliseconds kUsualToken{std::chrono::hours(1)};
inline constexpr std::chrono::milliseconds kLongestToken{std::chrono::hours(24)};

struct Rules {
  const auth::Verifier* verifier = nullptr;  // outlives the API
  std::string audience;
  std::optional<auth::Key> signing_key;  // HS256; without it no tokens are minted
  // Of one user of the API: steadily, and at once.
  double requests_per_second = 200;
  double request_burst = 400;
  // Makes the id of a text whose sender gave none.
  std::function<std::string()> fresh_id;
};

// What the driver is asked, and answers with one of the functions below.
struct LiveCalls {
  std::optional<base::ProfileId> profile;  // who takes part in them
  std::optional<base::ChainId> chain;
  std::optional<base::CallId> after;  // ids greater than this one
  std::size_t limit = wire::kDefaultPage;
};
struct OneCall {
  base::CallId call;
};
struct Ask {
  call::CommandBody command;
  // Set: who asks has not the grant `admin`, and must take part in `call` as one of these.
  std::optional<std::vector<base::ProfileId>> own = std::nullopt;
  base::CallId call = base::CallId();
};
struct LiveBridges {
  base::CallId call;
  std::optional<std::vector<base::ProfileId>> own;  // likewise
};
struct Chains {
  base::ProfileId profile;
  std::optional<base::ChainId> before;
  std::size_t limit = wire::kDefaultPage;
};
struct History {
  base::ChainId chain;
  std::optional<std::string> before;
  std::size_t limit = wire::kDefaultPage;
};
using Question = std::variant<LiveCalls, OneCall, Ask, LiveBridges, Chains, History, Recordings,
                              OneRecording, DeleteRecording, RecordingFile>;
using Outcome = std::variant<Response, Question>;

// `live`: all calls that live, in any order.
[[nodiscard]] Response answer(const LiveCalls& question, std::vector<call::CallView> live);
[[nodiscard]] Response answer(const OneCall& question, const call::CallView& live);
// One that has ended.
[[nodiscard]] Response answer(const OneCall& question, const base::ChainId& chain,
                              const wire::CallItem& ended);
[[nodiscard]] Response answer(const Ask& question,
                              const std::variant<call::Ok, call::Refusal>& done);
[[nodiscard]] Response answer(const LiveBridges& question, const call::CallView& live);
// Whether one of these takes part in the call.
[[nodiscard]] bool takes_part(const call::CallView& live,
                              const std::vector<base::ProfileId>& profiles);
[[nodiscard]] Response answer(const Chains& question, const std::vector<wire::ChainEntry>& chains,
                              bool more);
[[nodiscard]] Response answer(const History& question, const std::vector<wire::Item>& items,
                              bool more);
// What is named is not there.
[[nodiscard]] Response not_found(const Question& question);

// The document that describes all this: docs/openapi.json.
[[nodiscard]] std::string_view openapi_text();

// Not thread-safe. Time is an argument.
class Api {
 public:
  explicit Api(Rules rules);

  [[nodiscard]] Outcome handle(const Request& request, base::Instant now);

 private:
  [[nodiscard]] Outcome ask(const Request& request, std::string_view path,
                            const auth::Claims& claims, base::Instant now);
  [[nodiscard]] std::optional<Response> refuse(const auth::Claims& claims, base::TimePoint now);

  const Rules rules_;
  UserRates rates_;
};

}  // namespace parley::admin
