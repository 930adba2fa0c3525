// A request of an application's server, and the answer, as values. JSON both ways.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "call/messages.h"

namespace parley::admin {

// Headers are empty where they are missing; those given more than once are one list.
struct Request {
  std::string method;
  std::string path;   // percent-decoded
  std::string query;  // as it came
  std::string authorization;
  std::string accept;
  std::string content_type;
  std::string content_encoding;
  std::string body;
};

struct Response {
  unsigned status = 200;
  std::string body;  // application/json; empty: none
  std::vector<std::pair<std::string, std::string>> headers;
};

// {"kind", "code", "message"}, as errors have on a WebSocket, with the status that fits the code.
[[nodiscard]] Response error(call::ErrorCode code, const std::string& message);
[[nodiscard]] Response error(const call::Refusal& refusal);

// For what is refused before anybody looks into it: 405, 406, 411, 413, 415, 503.
[[nodiscard]] Response error_of_status(unsigned status, const std::string& message);

// The token in an Authorization header (RFC 6750, 2.1); nullopt: there is none.
[[nodiscard]] std::optional<std::string> bearer(std::string_view authorization);
// 401, with what RFC 6750 says a client is to be told. `reason` empty: there was no token at all,
// and `grant` is what it needs.
[[nodiscard]] Response unauthorized(const std::string& reason, std::string_view grant = "admin");
// 403 for a token that lacks the grant.
[[nodiscard]] Response lacks_grant(std::string_view grant = "admin");

}  // namespace parley::admin
