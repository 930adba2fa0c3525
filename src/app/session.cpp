#include "app/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/overloaded.h"

namespace parley::app {
namespace {

constexpr std::uint16_t kPolicy = 1008;    // RFC 6455, 7.4.1
constexpr std::uint16_t kTryLater = 1013;  // IANA's registry of close codes

std::set<base::ProfileId> as_set(const std::vector<base::ProfileId>& profiles) {
  return {profiles.begin(), profiles.end()};
}

}  // namespace

Session::Session(base::ConnectionId connection, std::string resume, const SessionRules& rules,
                 base::Instant now)
    : connection_(std::move(connection)),
      resume_(std::move(resume)),
      rules_(rules),
      deadline_(now.mono + rules.hello_timeout) {}

SessionOutputs Session::receive(std::string_view frame, base::Instant now) {
  if (over_) return {};
  auto message = wire::decode(frame);
  if (!message) {
    SessionOutputs out = {SendText{wire::encode(message.error()), message.error().code}};
    if (message.error().close_code) {
      over_ = true;
      deadline_.reset();
      out.emplace_back(CloseSocket{*message.error().close_code, message.error().message});
    }
    return out;
  }
  return std::visit([&](auto& body) { return take(std::move(body), now); }, *message);
}

SessionOutputs Session::take(const wire::Hello& hello, base::Instant now) {
  if (claims_)
    return refuse(hello.id, call::ErrorCode::kBadRequest,
                  "This connection has said hello already; use 'token' to renew its token.");
  auto claims = rules_.verifier->verify(hello.token, now.wall);
  if (!claims) return turn_away(hello.id, claims.error().message);
  claims_ = std::move(*claims);
  hello_ = hello.id;
  expire_at(claims_->expires, now);
  return {Arrived{claims_->user, claims_->profiles}};
}

SessionOutputs Session::take(const wire::Token& token, base::Instant now) {
  if (!claims_) return turn_away(token.id, "The first message of a connection is 'hello'.");
  auto claims = rules_.verifier->verify(token.token, now.wall);
  if (!claims) return refuse(token.id, call::ErrorCode::kUnauthorized, claims.error().message);
  if (claims->user != claims_->user)
    return refuse(token.id, call::ErrorCode::kForbidden,
                  "The token is another user's; open a connection of its own for it.");
  if (as_set(claims->profiles) != as_set(claims_->profiles))
    return refuse(token.id, call::ErrorCode::kConflict,
                  "The token lists other profiles than this connection's; open a new connection.");
  claims_ = std::move(*claims);
  expire_at(claims_->expires, now);
  return {SendText{wire::encode(call::Reply{token.id, call::Ok{}})}};
}

template <class Request>
SessionOutputs Session::take(Request request, base::Instant) {
  if (!claims_) return turn_away(request.id, "The first message of a connection is 'hello'.");
  return {std::move(request)};
}

SessionOutputs Session::refuse(const base::RequestId& ref, call::ErrorCode code,
                               std::string message) const {
  return {
      SendText{wire::encode(call::Reply{ref, call::Refusal{code, std::move(message), {}}}), code}};
}

SessionOutputs Session::turn_away(const std::optional<base::RequestId>& ref, std::string message) {
  over_ = true;
  deadline_.reset();
  return {SendText{wire::encode(wire::FrameError{ref, call::ErrorCode::kUnauthorized,
                                                 std::move(message), kPolicy}),
                   call::ErrorCode::kUnauthorized},
          CloseSocket{kPolicy, "unauthorized"}};
}

SessionOutputs Session::turn_away_for_room() {
  over_ = true;
  deadline_.reset();
  claims_.reset();
  return {SendText{wire::encode(wire::FrameError{
                       hello_, call::ErrorCode::kRateLimited,
                       fmt::format("You have {} connections already; close one of them first.",
                                   rules_.connections_per_user),
                       kTryLater}),
                   call::ErrorCode::kRateLimited},
          CloseSocket{kTryLater, "rate_limited"}};
}

// A wall clock may jump while we wait; tick() looks at it again.
void Session::expire_at(base::WallTime when, base::Instant now) {
  deadline_ = now.mono + std::max<base::Duration>(when - now.wall, base::Duration::zero());
}

SessionOutputs Session::tick(base::Instant now) {
  if (over_ || !deadline_ || now.mono < *deadline_) return {};
  if (!claims_) return turn_away(std::nullopt, "No hello came in time.");
  if (now.wall >= claims_->expires) return bye("expired", kPolicy);
  expire_at(claims_->expires, now);
  return {};
}

SessionOutputs Session::welcome(std::vector<call::Snapshot> calls) {
  if (over_ || !claims_) return {};
  return {SendText{wire::encode(wire::WelcomeFrame{.ref = hello_,
                                                   .connection = connection_,
                                                   .user = claims_->user,
                                                   .profiles = claims_->profiles,
                                                   .resume = resume_,
                                                   .resumed = false,
                                                   .ice_servers = rules_.ice_servers,
                                                   .limits = rules_.limits,
                                                   .calls = std::move(calls)})}};
}

SessionOutputs Session::reply(const call::Reply& reply) {
  if (over_) return {};
  return {SendText{wire::encode(reply)}};
}

SessionOutputs Session::event(const call::Event& event) {
  if (over_) return {};
  return {SendText{wire::encode(event, ++seq_)}};
}

SessionOutputs Session::bye(std::string_view reason, std::uint16_t code) {
  if (over_) return {};
  over_ = true;
  deadline_.reset();
  return {SendText{wire::encode_bye(reason)}, CloseSocket{code, std::string(reason)}};
}

}  // namespace parley::app
