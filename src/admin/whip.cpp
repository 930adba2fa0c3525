#include "admin/whip.h"

#include <fmt/format.h>
#include <glib.h>

#include <algorithm>
#include <utility>

#include "admin/query.h"

namespace parley::admin {
namespace {

using call::ErrorCode;

// Sessions whose ends were never told of: of one call, the newest are kept (our choice: many times
// the guests a call may have).
constexpr std::size_t kSessionsPerCall = 256;
constexpr std::size_t kFewSessions = 1024;  // our choice: not worth looking for ended calls
constexpr std::string_view kOfEndpoint = "OPTIONS, POST";
constexpr std::string_view kOfSession = "OPTIONS, PATCH, DELETE";

tl::expected<auth::Claims, Response> authenticate(const GuestRequest& request,
                                                  const auth::Verifier& verifier,
                                                  base::WallTime now) {
  const auto token = bearer(request.authorization);
  if (!token) return tl::unexpected(unauthorized("", kBridgeGrant));
  auto claims = verifier.verify(*token, now);
  if (!claims) return tl::unexpected(unauthorized(claims.error().message));
  for (const std::string_view grant : {kBridgeGrant, std::string_view("admin")})
    if (claims->grants.contains(std::string(grant))) return std::move(*claims);
  return tl::unexpected(lacks_grant(kBridgeGrant));
}

// Parameters such as charset change nothing.
bool is_type(std::string_view content_type, std::string_view type) {
  content_type = content_type.substr(0, content_type.find(';'));
  while (!content_type.empty() && content_type.back() == ' ') content_type.remove_suffix(1);
  return content_type.size() == type.size() &&
         g_ascii_strncasecmp(content_type.data(), type.data(), type.size()) == 0;
}

std::optional<Response> check_type(const GuestRequest& request, std::string_view type) {
  if (is_type(request.content_type, type) && request.content_encoding.empty()) return std::nullopt;
  Response response =
      error_of_status(415, fmt::format("the body must be {} without Content-Encoding", type));
  // RFC 5789, 2.2.
  response.headers.emplace_back(type == kFragmentType ? "Accept-Patch" : "Accept-Post", type);
  return response;
}

// Whether the list of If-Match (RFC 9110, 13.1.1) has `etag` or is "*".
bool matches(std::string_view list, std::string_view etag) {
  if (list == "*") return true;
  while (!list.empty()) {
    const auto comma = list.find(',');
    std::string_view entry = list.substr(0, comma);
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
    while (!entry.empty() && entry.front() == ' ') entry.remove_prefix(1);
    while (!entry.empty() && entry.back() == ' ') entry.remove_suffix(1);
    if (entry == etag) return true;
  }
  return false;
}

// As an error has them, with a status that only conditional requests have.
Response conditional(unsigned status, const std::string& message) {
  Response response = error(ErrorCode::kConflict, message);
  response.status = status;
  return response;
}

Response too_many(const std::string& message) { return error_of_status(503, message); }

}  // namespace

// What a path names.
struct GuestDoor::Place {
  bool publishes = true;
  base::CallId call;
  std::string session;  // empty: the endpoint itself
  [[nodiscard]] std::string endpoint() const {
    return std::string(publishes ? kWhipPrefix : kWhepPrefix) + call.str();
  }
  [[nodiscard]] std::string_view allowed() const {
    return session.empty() ? kOfEndpoint : kOfSession;
  }
  static std::optional<Place> of(std::string_view path) {
    Place place;
    place.publishes = path.starts_with(kWhipPrefix);
    if (!place.publishes && !path.starts_with(kWhepPrefix)) return std::nullopt;
    path.remove_prefix(kWhipPrefix.size());
    const auto slash = path.find('/');
    auto call = base::CallId::parse(path.substr(0, slash));
    if (!call) return std::nullopt;
    place.call = *std::move(call);
    if (slash == std::string_view::npos) return place;
    place.session = path.substr(slash + 1);
    if (!base::is_valid_id(place.session)) return std::nullopt;
    return place;
  }
};

GuestDoor::GuestDoor(GuestRules rules)
    : rules_(std::move(rules)),
      most_sessions_(kFewSessions),
      rates_(rules_.requests_per_second, rules_.request_burst) {
  static_assert(kWhipPrefix.size() == kWhepPrefix.size());
}

GuestOutcome GuestDoor::handle(const GuestRequest& request, base::Instant now) {
  const auto place = Place::of(request.path);
  if (!place)
    return error(ErrorCode::kNotFound,
                 "there is nothing at this path; it is /whip/{callId} or /whep/{callId}");
  if (request.method == "OPTIONS") return options(*place);
  const bool known = place->session.empty()
                         ? request.method == "POST"
                         : request.method == "PATCH" || request.method == "DELETE";
  if (!known) {
    Response response = error_of_status(405, fmt::format("here one may use {}", place->allowed()));
    response.headers.emplace_back("Allow", place->allowed());
    return response;
  }
  const auto claims = authenticate(request, *rules_.verifier, now.wall);
  if (!claims) return claims.error();
  if (!rates_.take(claims->user, now.mono))
    return error(ErrorCode::kRateLimited,
                 fmt::format("more than {} requests a second", rules_.requests_per_second));
  if (place->session.empty()) return join(*place, request, *claims);
  const auto session = sessions_.find(place->session);
  if (session == sessions_.end() || session->second.user != claims->user ||
      session->second.call != place->call)
    return error(ErrorCode::kNotFound, "there is no such session (any more)");
  if (request.method == "PATCH") return patch(*place, request, session->second);
  return GuestQuestion{GuestQuestion::What::kLeave,
                       call::LeaveGuest{place->call, session->second.guest}, place->endpoint(),
                       place->session, claims->user};
}

GuestOutcome GuestDoor::join(const Place& place, const GuestRequest& request,
                             const auth::Claims& claims) const {
  if (auto refused = check_type(request, kSdpType)) return *std::move(refused);
  Query query(request.query);
  const auto profile = query.id<base::ProfileId>("profile");
  if (query.problem()) return error(ErrorCode::kBadRequest, *query.problem());
  call::JoinGuest command;
  command.call = place.call;
  command.publishes = place.publishes;
  command.profile = claims.profiles.front();
  command.sdp = request.body;
  if (place.publishes && profile) {
    if (std::find(claims.profiles.begin(), claims.profiles.end(), *profile) ==
        claims.profiles.end())
      return error(ErrorCode::kForbidden,
                   "`profile` must be one of the profiles that the access token names");
    command.profile = *profile;
  }
  if (!place.publishes) command.watches = profile;
  return GuestQuestion{
      GuestQuestion::What::kJoin, std::move(command), place.endpoint(), {}, claims.user};
}

GuestOutcome GuestDoor::patch(const Place& place, const GuestRequest& request,
                              Session& session) const {
  if (auto refused = check_type(request, kFragmentType)) return *std::move(refused);
  if (request.if_match.empty())
    return conditional(428, "`If-Match` is needed: the ETag of the session, or * to restart ICE");
  // What was sent before a restart and overtaken by it must not bring the old ones back.
  const bool restarts = request.if_match == "*";
  if (!matches(request.if_match, session.etag) || (!restarts && session.restarting > 0))
    return conditional(412, "`If-Match` names ICE credentials that are no longer the present ones");
  if (restarts) ++session.restarting;
  return GuestQuestion{GuestQuestion::What::kPatch,
                       call::PatchGuest{place.call, session.guest, request.body},
                       place.endpoint(),
                       place.session,
                       session.user,
                       restarts};
}

Response GuestDoor::answer(const GuestQuestion& question,
                           const std::variant<call::Ok, call::Refusal>& done) {
  const auto asked = sessions_.find(question.session);
  if (question.restarts && asked != sessions_.end()) --asked->second.restarting;
  if (const auto* refusal = std::get_if<call::Refusal>(&done)) {
    // A fragment that is none; that nothing came of a restart leaves the session as it was.
    if (refusal->code == ErrorCode::kTooLarge) return too_many(refusal->message);
    const bool gone = refusal->code == ErrorCode::kNotFound || refusal->code == ErrorCode::kEnded;
    if (gone && !question.session.empty()) sessions_.erase(question.session);
    if (gone) return error(ErrorCode::kNotFound, refusal->message);
    return error(*refusal);
  }
  const auto& ok = std::get<call::Ok>(done);
  switch (question.what) {
    case GuestQuestion::What::kJoin:
      return joined(question, ok);
    case GuestQuestion::What::kLeave:
      sessions_.erase(question.session);
      return {200, {}, {}};
    case GuestQuestion::What::kPatch:
      break;
  }
  if (!ok.sdp || ok.sdp->empty()) return {204, {}, {}};
  Response response{200, *ok.sdp, {{"Content-Type", std::string(kFragmentType)}}};
  if (asked != sessions_.end()) {
    asked->second.etag = fmt::format("\"{}\"", rules_.fresh_name());
    response.headers.emplace_back("ETag", asked->second.etag);
  }
  return response;
}

Response GuestDoor::joined(const GuestQuestion& question, const call::Ok& ok) {
  if (!ok.bridge || !ok.sdp) return error(ErrorCode::kInternal, "the call has no answer");
  std::string name = rules_.fresh_name();
  Session session{std::get<call::JoinGuest>(question.command).call, *ok.bridge, question.user,
                  fmt::format("\"{}\"", rules_.fresh_name()), 0};
  Response response{201,
                    *ok.sdp,
                    {{"Content-Type", std::string(kSdpType)},
                     {"Location", fmt::format("{}/{}", question.path, name)},
                     {"ETag", session.etag},
                     {"Accept-Patch", std::string(kFragmentType)}}};
  if (std::string link = links(); !link.empty()) response.headers.emplace_back("Link", link);
  remember(std::move(name), std::move(session));
  return response;
}

void GuestDoor::remember(std::string name, Session session) {
  if (sessions_.size() >= most_sessions_) forget_ended();
  std::size_t count = 0;
  auto oldest = sessions_.end();
  for (auto it = sessions_.begin(); it != sessions_.end(); ++it) {
    if (it->second.call != session.call) continue;
    ++count;
    if (oldest == sessions_.end() || it->second.number < oldest->second.number) oldest = it;
  }
  if (count >= kSessionsPerCall) sessions_.erase(oldest);
  session.number = ++last_number_;
  sessions_.emplace(std::move(name), std::move(session));
}

// A client that is switched off says no DELETE, and the end of a call is told to nobody here.
void GuestDoor::forget_ended() {
  std::map<base::CallId, bool> live;
  std::erase_if(sessions_, [&](const auto& entry) {
    const auto [known, is_new] = live.try_emplace(entry.second.call);
    if (is_new) known->second = rules_.is_live(known->first);
    return !known->second;
  });
  most_sessions_ = std::max(kFewSessions, 2 * sessions_.size());
}

// RFC 9725, 4.6. One header: a list.
std::string GuestDoor::links() const {
  std::string list;
  for (const wire::IceServer& server : rules_.ice_servers)
    for (const std::string& url : server.urls)
      list += fmt::format("{}<{}>; rel=\"ice-server\"", list.empty() ? "" : ", ", url);
  return list;
}

// Also what a browser asks before it sends a token (CORS); it has none yet.
Response GuestDoor::options(const Place& place) const {
  Response response{204, {}, {{"Allow", std::string(place.allowed())}}};
  if (place.session.empty())
    response.headers.emplace_back("Accept-Post", kSdpType);
  else
    response.headers.emplace_back("Accept-Patch", kFragmentType);
  if (std::string link = links(); !link.empty()) response.headers.emplace_back("Link", link);
  return response;
}

Response GuestDoor::bad_offer(const base::Error& error) {
  if (error.code == base::Code::kConflict) return error_of_status(406, error.message);
  return admin::error(ErrorCode::kBadRequest, error.message);
}

}  // namespace parley::admin
