#include "admin/api.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "admin/operations.h"
#include "wire/document.h"

namespace parley::admin {
namespace {

using call::ErrorCode;

constexpr std::string_view kDocument = "openapi.json";

tl::expected<auth::Claims, Response> authenticate(const Request& request, const Rules& rules,
                                                  base::WallTime now) {
  const auto token = bearer(request.authorization);
  if (!token) return tl::unexpected(unauthorized(""));
  auto claims = rules.verifier->verify(*token, now);
  if (!claims) return tl::unexpected(unauthorized(claims.error().message));
  return std::move(*claims);
}

// A HEAD is a GET whose body is not sent.
std::string_view method_of(const Request& request) {
  return request.method == "HEAD" ? std::string_view("GET") : request.method;
}

Response wrong_method(std::string_view path) {
  std::string allowed;
  for (const Operation& operation : operations()) {
    if (!match(operation.path, path)) continue;
    allowed += (allowed.empty() ? "" : ", ") + std::string(operation.method);
    if (operation.method == "GET") allowed += ", HEAD";
  }
  if (allowed.empty())
    return error(ErrorCode::kNotFound, "there is nothing at this path; see openapi.json");
  Response response = error_of_status(405, fmt::format("here one may use {}", allowed));
  response.headers.emplace_back("Allow", std::move(allowed));
  return response;
}

// An object from the body, or why not.
tl::expected<wire::Document, Response> read_body(const Request& request) {
  if (!is_json(request.content_type) || !request.content_encoding.empty())
    return tl::unexpected(
        error_of_status(415, "a body must be application/json without Content-Encoding"));
  auto document = wire::Document::parse(request.body);
  if (!document) {
    const bool large = document.error().close_code == 1009;
    return tl::unexpected(error(
        large ? ErrorCode::kTooLarge : ErrorCode::kBadRequest,
        large ? document.error().message : "the body must be one JSON object, at most 16 deep"));
  }
  if (document->repeats())
    return tl::unexpected(error(ErrorCode::kBadRequest, "a member of the body is given twice"));
  return std::move(*document);
}

Outcome perform(const Operation& operation, const Request& request, const Rules& rules,
                const auth::Claims& claims, std::vector<std::string> names, base::Instant now) {
  std::optional<wire::Document> document;
  if (operation.has_body) {
    auto read = read_body(request);
    if (!read) return std::move(read.error());
    document.emplace(std::move(*read));
  }
  std::optional<std::string> problem;
  wire::Reader body(document ? document->root() : nullptr, "", &problem);
  Query query(request.query);
  Asked asked{rules, claims, now, std::move(names), query, body};
  Outcome outcome = operation.perform(asked);
  if (query.problem()) return error(ErrorCode::kBadRequest, *query.problem());
  if (problem) return error(ErrorCode::kBadRequest, *problem);
  return outcome;
}

}  // namespace

Api::Api(Rules rules)
    : rules_(std::move(rules)), rates_(rules_.requests_per_second, rules_.request_burst) {}

std::optional<Response> Api::refuse(const auth::Claims& claims, base::TimePoint now) {
  if (rates_.take(claims.user, now)) return std::nullopt;
  return error(ErrorCode::kRateLimited,
               fmt::format("more than {} requests a second", rules_.requests_per_second));
}

// Whoever may nothing here learns nothing of what there is.
Outcome Api::ask(const Request& request, std::string_view path, const auth::Claims& claims,
                 base::Instant now) {
  const bool admin = claims.grants.contains(std::string(kGrant));
  for (const Operation& operation : operations()) {
    if (operation.method != method_of(request)) continue;
    auto names = match(operation.path, path);
    if (!names) continue;
    const bool granted =
        !operation.grant.empty() && claims.grants.contains(std::string(operation.grant));
    if (!admin && !granted) return lacks_grant();
    return perform(operation, request, rules_, claims, std::move(*names), now);
  }
  if (!admin) return lacks_grant();
  return wrong_method(path);
}

Outcome Api::handle(const Request& request, base::Instant now) {
  std::string_view path = request.path;
  path.remove_prefix(path.starts_with(kPrefix) ? kPrefix.size() : path.size());
  const std::string_view method = method_of(request);
  if (!accepts_json(request.accept))
    return error_of_status(406, "answers here are application/json");
  // Says nothing that this project does not say in public, and tools fetch it without a token.
  if (path == kDocument && method == "GET") return Response{200, std::string(openapi_text()), {}};
  const auto claims = authenticate(request, rules_, now.wall);
  if (!claims) return claims.error();
  if (auto refused = refuse(*claims, now.mono)) return *std::move(refused);
  return ask(request, path, *claims, now);
}

}  // namespace parley::admin
