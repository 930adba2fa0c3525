// A request of an application's server, and the answer, as values. JSON both ways.
#pragma once

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

// 401, with what RFC 6750 says a client is to be told. `reason` empty: there was no token at all.
[[nodiscard]] Response unauthorized(const std::string& reason);
// 403 for a token that lacks the grant.
[[nodiscard]] Response lacks_grant();

}  // namespace parley::admin
