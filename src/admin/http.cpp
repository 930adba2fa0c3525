#include "admin/http.h"

#include <fmt/format.h>
#include <glib.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "wire/pieces.h"
#include "wire/wire.h"
#include "wire/writer.h"

namespace parley::admin {
namespace {

constexpr const char* kRetryAfter = "1";  // seconds

unsigned status_of(call::ErrorCode code) {
  switch (code) {
    case call::ErrorCode::kBadRequest:
      return 400;
    case call::ErrorCode::kUnauthorized:
      return 401;
    case call::ErrorCode::kForbidden:
      return 403;
    case call::ErrorCode::kNotFound:
      return 404;
    case call::ErrorCode::kConflict:
    case call::ErrorCode::kAlreadyAccepted:
    case call::ErrorCode::kNotActive:
    case call::ErrorCode::kEnded:
      return 409;
    case call::ErrorCode::kTooLarge:
      return 413;
    case call::ErrorCode::kRateLimited:
      return 429;
    case call::ErrorCode::kUnavailable:
      return 503;
    case call::ErrorCode::kInternal:
      return 500;
  }
  return 500;
}

// Codes of HTTP alone, and those that mean the same as on a WebSocket.
struct StatusName {
  unsigned status;
  std::string_view kind;
  std::string_view code;
};
constexpr std::array kStatusNames = {
    StatusName{405, "request", "method_not_allowed"}, StatusName{406, "request", "not_acceptable"},
    StatusName{411, "request", "length_required"},    StatusName{413, "request", "too_large"},
    StatusName{415, "request", "unsupported_type"},   StatusName{503, "retry", "unavailable"},
};

Response make(unsigned status, std::string_view kind, std::string_view code,
              const std::string& message) {
  wire::Writer w;
  w.name("kind", kind);
  w.name("code", code);
  w.text("message", wire::sentence(message));
  Response response{status, w.finish(), {}};
  if (kind == "retry") response.headers.emplace_back("Retry-After", kRetryAfter);
  return response;
}

// A quoted-string (RFC 9110, 5.6.4) of what our own sentences hold.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c >= ' ' && c < '\x7f' ? c : '?';
  }
  return out + '"';
}

}  // namespace

Response error(call::ErrorCode code, const std::string& message) {
  return make(status_of(code), wire::kind_of(code), wire::name_of(code), message);
}

Response error(const call::Refusal& refusal) { return error(refusal.code, refusal.message); }

Response error_of_status(unsigned status, const std::string& message) {
  const auto* name = std::find_if(kStatusNames.begin(), kStatusNames.end(),
                                  [&](const StatusName& n) { return n.status == status; });
  if (name == kStatusNames.end()) return error(call::ErrorCode::kInternal, message);
  return make(status, name->kind, name->code, message);
}

std::optional<std::string> bearer(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() <= kScheme.size() ||
      g_ascii_strncasecmp(authorization.data(), kScheme.data(), kScheme.size()) != 0)
    return std::nullopt;
  authorization.remove_prefix(kScheme.size());
  const std::size_t begin = authorization.find_first_not_of(' ');
  if (begin == std::string_view::npos) return std::nullopt;
  return std::string(authorization.substr(begin));
}

Response unauthorized(const std::string& reason, std::string_view grant) {
  std::string challenge = "Bearer realm=\"parley\"";
  if (!reason.empty())
    challenge += fmt::format(", error=\"invalid_token\", error_description={}", quoted(reason));
  Response response =
      error(call::ErrorCode::kUnauthorized,
            reason.empty() ? fmt::format("an access token with the grant `{}` is needed, as "
                                         "`Authorization: Bearer`",
                                         grant)
                           : reason);
  response.headers.emplace_back("WWW-Authenticate", std::move(challenge));
  return response;
}

Response lacks_grant(std::string_view grant) {
  Response response = error(call::ErrorCode::kForbidden,
                            fmt::format("the access token lacks the grant `{}`", grant));
  response.headers.emplace_back("WWW-Authenticate",
                                "Bearer realm=\"parley\", error=\"insufficient_scope\"");
  return response;
}

}  // namespace parley::admin
