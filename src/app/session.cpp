#include "app/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace parley::app {
namespace {

constexpr std::uint16_t kPolicy = 1008;  // RFC 6455, 7.4.1

// Our choice: pages are made one after the other, on the thread that also commits calls.
constexpr std::uint32_t kOpenQuestions = 8;

std::set<base::ProfileId> as_set(const std::vector<base::ProfileId>& profiles) {
  return {profiles.begin(), profiles.end()};
}

SessionOutputs refuse(const base::RequestId& ref, call::ErrorCode code, std::string message) {
  return {
      SendText{wire::encode(call::Reply{ref, call::Refusal{code, std::move(message), {}}}), code}};
}

}  // namespace

Session::Session(std::uint64_t number, base::ConnectionId connection, const SessionRules& rules)
    : number_(number), connection_(std::move(connection)), rules_(rules) {}

void Session::attach(base::SocketId socket, const base::RequestId& hello, auth::Claims claims,
                     std::string fresh_secret, base::Instant now) {
  socket_ = socket;
  hello_ = hello;
  claims_ = std::move(claims);
  fresh_secret_ = std::move(fresh_secret);
  swept_ = 0;
  expire_at(claims_.expires, now);
}

void Session::detach(base::Instant now) {
  socket_.reset();
  lost_at_ = kept_.last();
  deadline_ = now.mono + rules_.resume_window;
}

bool Session::is_same_person(const auth::Claims& claims) const {
  return claims.user == claims_.user && as_set(claims.profiles) == as_set(claims_.profiles);
}

bool Session::is_granted(const std::string& grant, base::Instant now) const {
  return now.wall < claims_.expires && claims_.grants.contains(grant);
}

SessionOutputs Session::receive(wire::ClientMessage message, base::Instant now) {
  return std::visit([&](auto& body) { return take(std::move(body), now); }, message);
}

SessionOutputs Session::take(const wire::Hello& hello, base::Instant) {
  return refuse(hello.id, call::ErrorCode::kBadRequest,
                "This connection has said hello already; use 'token' to renew its token.");
}

SessionOutputs Session::take(const wire::Token& token, base::Instant now) {
  auto claims = rules_.verifier->verify(token.token, now.wall);
  if (!claims) return refuse(token.id, call::ErrorCode::kUnauthorized, claims.error().message);
  if (claims->user != claims_.user)
    return refuse(token.id, call::ErrorCode::kForbidden,
                  "The token is another user's; open a connection of its own for it.");
  if (!is_same_person(*claims))
    return refuse(token.id, call::ErrorCode::kConflict,
                  "The token lists other profiles than this connection's; open a new connection.");
  claims_ = std::move(*claims);
  expire_at(claims_.expires, now);
  return {SendText{wire::encode(call::Reply{token.id, call::Ok{}})}};
}

SessionOutputs Session::take(call::Request request, base::Instant) { return {std::move(request)}; }

template <class Question>
SessionOutputs Session::take(Question question, base::Instant) {
  if (open_questions_ >= kOpenQuestions)
    return refuse(question.id, call::ErrorCode::kRateLimited,
                  fmt::format("{} pages are being read for this connection already; ask again when "
                              "they have come.",
                              kOpenQuestions));
  ++open_questions_;
  return {std::move(question)};
}

// A wall clock may jump while we wait; tick() looks at it again.
void Session::expire_at(base::WallTime when, base::Instant now) {
  deadline_ = now.mono + std::max<base::Duration>(when - now.wall, base::Duration::zero());
}

SessionOutputs Session::tick(base::Instant now) {
  if (!socket_ || !deadline_ || now.mono < *deadline_) return {};
  if (now.wall >= claims_.expires) return bye("expired", kPolicy);
  expire_at(claims_.expires, now);
  return {};
}

std::string Session::encode_welcome(bool resumed, std::vector<call::Snapshot> calls) {
  welcomed_ = true;
  return wire::encode(wire::WelcomeFrame{.ref = hello_,
                                         .connection = connection_,
                                         .user = claims_.user,
                                         .profiles = claims_.profiles,
                                         .resume = std::exchange(fresh_secret_, {}),
                                         .resumed = resumed,
                                         .ice_servers = rules_.ice_servers,
                                         .limits = rules_.limits,
                                         .calls = std::move(calls)});
}

SessionOutputs Session::welcome(std::vector<call::Snapshot> calls) {
  if (!socket_) return {};
  return {SendText{encode_welcome(false, std::move(calls))}};
}

SessionOutputs Session::welcome_back(std::uint64_t last_seq) {
  SessionOutputs out = {SendText{encode_welcome(true, {})}};
  kept_.each_after(last_seq, [&out](const std::string& text) { out.emplace_back(SendText{text}); });
  return out;
}

SessionOutputs Session::reply(const call::Reply& reply) const {
  if (!socket_) return {};
  return {SendText{wire::encode(reply)}};
}

SessionOutputs Session::event(const call::Event& event) {
  return keep(wire::encode(event, kept_.last() + 1));
}

SessionOutputs Session::text(const call::TextMessage& text) {
  return keep(wire::encode(text, kept_.last() + 1));
}

SessionOutputs Session::keep(std::string event) {
  SessionOutputs out;
  if (socket_) out.emplace_back(SendText{event});
  kept_.push(std::move(event), rules_.replay);
  // There is nothing left to come back to: whatever the client has got, something is missing.
  if (!socket_ && !kept_.reaches(lost_at_)) deadline_ = base::TimePoint::min();
  return out;
}

SessionOutputs Session::answer(std::string encoded) {
  if (open_questions_ > 0) --open_questions_;
  if (!socket_) return {};
  return {SendText{std::move(encoded)}};
}

SessionOutputs Session::bye(std::string_view reason, std::uint16_t code) {
  if (!socket_) return {};
  return {SendText{wire::encode_bye(reason)}, CloseSocket{code, std::string(reason)}};
}

void Session::forget_received() {
  if (!socket_) return;
  kept_.forget_until(swept_);
  swept_ = kept_.last();
}

}  // namespace parley::app
