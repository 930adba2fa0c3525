#include "admin/operations.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "wire/pieces.h"
#include "wire/writer.h"

namespace parley::admin {
namespace {

using call::ErrorCode;

// ---- calls ----------------------------------------------------------------------------------

Outcome list_calls(Asked& asked) {
  LiveCalls question;
  question.profile = asked.query.id<base::ProfileId>("profileId");
  question.chain = asked.query.id<base::ChainId>("chainId");
  question.after = asked.query.id<base::CallId>("after");
  question.limit = asked.query.limit(wire::kDefaultPage, wire::kMaxPage);
  return question;
}

Outcome read_call(Asked& asked) { return OneCall{base::CallId(asked.names[0])}; }

Outcome end_call(Asked& asked) { return Ask{call::EndCall{base::CallId(asked.names[0])}}; }

Outcome remove_participant(Asked& asked) {
  return Ask{
      call::RemoveParticipant{base::CallId(asked.names[0]), base::ProfileId(asked.names[1])}};
}

Outcome mute_participant(Asked& asked) {
  call::MuteParticipant command{base::CallId(asked.names[0]), base::ProfileId(asked.names[1]),
                                asked.body.optional_flag("audio"),
                                asked.body.optional_flag("video")};
  if (!command.audio && !command.video)
    asked.body.refuse("audio", "true or false, unless `video` is given");
  return Ask{std::move(command)};
}

// ---- recording, mixing, bridging ------------------------------------------------------------

// `admin` may do it to every call, another grant to the calls its bearer takes part in.
std::optional<std::vector<base::ProfileId>> own_of(const Asked& asked) {
  if (asked.claims.grants.contains(std::string(kGrant))) return std::nullopt;
  return asked.claims.profiles;
}

template <class Command>
Outcome ask_about(const Asked& asked, Command command) {
  base::CallId call = command.call;
  return Ask{std::move(command), own_of(asked), std::move(call)};
}

Outcome start_recording(Asked& asked) {
  return ask_about(asked, wire::read_record(base::CallId(asked.names[0]), asked.body));
}

Outcome stop_recording(Asked& asked) {
  return ask_about(asked, call::Record{.call = base::CallId(asked.names[0]), .start = false});
}

Outcome set_mode(Asked& asked) {
  return ask_about(asked, wire::read_mode(base::CallId(asked.names[0]), asked.body));
}

Outcome start_bridge(Asked& asked) {
  return ask_about(asked, wire::read_bridge(base::CallId(asked.names[0]), asked.body));
}

Outcome stop_bridge(Asked& asked) {
  return ask_about(asked,
                   call::StopBridge{base::CallId(asked.names[0]), base::JobId(asked.names[1])});
}

Outcome list_bridges(Asked& asked) {
  return LiveBridges{base::CallId(asked.names[0]), own_of(asked)};
}

// ---- texts and chains -----------------------------------------------------------------------

Outcome post_text(Asked& asked) {
  call::PostText command;
  command.id = asked.body.has("id") ? asked.body.id<base::RequestId>("id")
                                    : base::RequestId(asked.rules.fresh_id());
  command.user = asked.claims.user;
  command.text.from = asked.body.id<base::ProfileId>("from");
  command.text.chain = asked.body.optional_id<base::ChainId>("chainId");
  if (!command.text.chain)
    command.text.to = asked.body.ids<base::ProfileId>("to");
  else if (asked.body.has("to"))
    asked.body.refuse("to", "left out where `chainId` is given: a text goes to all members");
  command.text.body = asked.body.text("body");
  return Ask{std::move(command)};
}

Outcome list_chains(Asked& asked) {
  return Chains{base::ProfileId(asked.names[0]), asked.query.id<base::ChainId>("before"),
                asked.query.limit(wire::kDefaultPage, wire::kMaxPage)};
}

Outcome read_history(Asked& asked) {
  History question{base::ChainId(asked.names[0]), std::nullopt,
                   asked.query.limit(wire::kDefaultPage, wire::kMaxPage)};
  if (const auto before = asked.query.id<base::RequestId>("before"))
    question.before = before->str();
  return question;
}

// ---- recordings -----------------------------------------------------------------------------

// Whose calls: all, for a server; else those of the token's profiles.
std::optional<std::vector<base::ProfileId>> own(const Asked& asked) {
  if (asked.claims.grants.contains(std::string(kGrant))) return std::nullopt;
  return asked.claims.profiles;
}

Outcome list_recordings(Asked& asked) {
  Recordings question;
  question.call = asked.query.id<base::CallId>("call");
  question.before = asked.query.id<base::JobId>("before");
  question.limit = asked.query.limit(wire::kDefaultPage, wire::kMaxPage);
  question.own = own(asked);
  return question;
}

Outcome read_recording(Asked& asked) {
  return OneRecording{base::JobId(asked.names[0]), own(asked)};
}

Outcome delete_recording(Asked& asked) {
  return DeleteRecording{base::JobId(asked.names[0]), own(asked)};
}

Outcome read_recording_file(Asked& asked) {
  return RecordingFile{base::JobId(asked.names[0]), asked.names[1], own(asked)};
}

// ---- tokens ---------------------------------------------------------------------------------

// Its grants may not be more, nor last longer, than those of the token that asks for it: else a
// right that was given for an hour would be one for ever.
std::optional<Response> check_grants(const Asked& asked, const std::set<std::string>& grants) {
  for (const std::string& grant : grants)
    if (!asked.claims.grants.contains(grant))
      return error(ErrorCode::kForbidden,
                   "`grants` may name only what the access token of the request has itself");
  return std::nullopt;
}

Response minted(const auth::Mint& token, const std::string& text) {
  wire::Writer w;
  w.text("token", text);
  w.id("userId", token.user);
  w.ids("profiles", token.profiles);
  w.array("grants", token.grants, [&w](const std::string& grant) { w.item(grant); });
  wire::write_at(w, "expiresAt", token.expires);
  return {201, w.finish(), {}};
}

Outcome mint_token(Asked& asked) {
  auth::Mint token;
  token.user = asked.body.id<base::UserId>("userId");
  token.profiles = asked.body.has("profiles") ? asked.body.ids<base::ProfileId>("profiles")
                                              : std::vector{base::ProfileId(token.user.str())};
  if (token.profiles.empty() || token.profiles.size() > auth::kMaxProfiles)
    asked.body.refuse("profiles", fmt::format("an array of 1 to {} ids", auth::kMaxProfiles));
  if (asked.body.has("grants"))
    for (std::string& grant : asked.body.texts("grants")) token.grants.insert(std::move(grant));
  const std::chrono::milliseconds valid_for(
      asked.body.optional_number("validForMs", kShortestToken.count(), kLongestToken.count())
          .value_or(kUsualToken.count()));
  if (auto refused = check_grants(asked, token.grants)) return *std::move(refused);
  if (!asked.rules.signing_key)
    return error(ErrorCode::kConflict,
                 "this server has no HS256 key to sign with; make tokens where the private key is");
  // A JWT counts in seconds.
  token.expires = std::chrono::ceil<std::chrono::seconds>(asked.now.wall + valid_for);
  if (!token.grants.empty())
    token.expires =
        std::min(token.expires,
                 base::WallTime(std::chrono::floor<std::chrono::seconds>(asked.claims.expires)));
  token.audience = asked.rules.audience;
  const auto text = auth::mint(*asked.rules.signing_key, token);
  if (!text)
    return error(
        text.error().code == base::Code::kInvalid ? ErrorCode::kBadRequest : ErrorCode::kInternal,
        text.error().message);
  return minted(token, *text);
}

std::vector<std::string_view> segments(std::string_view path) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t slash = path.find('/');
    parts.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return parts;
    path.remove_prefix(slash + 1);
  }
}

}  // namespace

const std::vector<Operation>& operations() {
  static const std::vector<Operation> all = {
      {"GET", "calls", false, list_calls},
      {"GET", "calls/*", false, read_call},
      {"DELETE", "calls/*", false, end_call},
      {"DELETE", "calls/*/participants/*", false, remove_participant},
      {"PATCH", "calls/*/participants/*", true, mute_participant},
      {"POST", "calls/*/recording", true, start_recording, "record"},
      {"DELETE", "calls/*/recording", false, stop_recording, "record"},
      {"PUT", "calls/*/mode", true, set_mode, "mix"},
      {"POST", "calls/*/bridges", true, start_bridge, "bridge"},
      {"GET", "calls/*/bridges", false, list_bridges, "bridge"},
      {"DELETE", "calls/*/bridges/*", false, stop_bridge, "bridge"},
      {"GET", "recordings", false, list_recordings, "record"},
      {"GET", "recordings/*", false, read_recording, "record"},
      {"DELETE", "recordings/*", false, delete_recording, "record"},
      {"GET", "recordings/*/files/*", false, read_recording_file, "record"},
      {"POST", "texts", true, post_text},
      {"GET", "profiles/*/chains", false, list_chains},
      {"GET", "chains/*/items", false, read_history},
      {"POST", "tokens", true, mint_token},
  };
  return all;
}

std::optional<std::vector<std::string>> match(std::string_view pattern, std::string_view path) {
  const auto wanted = segments(pattern);
  const auto given = segments(path);
  if (wanted.size() != given.size()) return std::nullopt;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] == "*" && base::is_valid_id(given[i]))
      names.emplace_back(given[i]);
    else if (wanted[i] != given[i] || wanted[i] == "*")
      return std::nullopt;
  }
  return names;
}

}  // namespace parley::admin
