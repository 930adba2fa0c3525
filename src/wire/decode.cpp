#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "wire/document.h"
#include "wire/pieces.h"
#include "wire/reader.h"
#include "wire/wire.h"

namespace parley::wire {
namespace {

constexpr std::int64_t kMaxRev = std::numeric_limits<std::uint32_t>::max();
constexpr std::int64_t kMaxSeq = 9007199254740991;  // 2^53 - 1: what a JavaScript number counts to
constexpr std::int64_t kMaxPriority = 255;          // our choice

// ---- one function per message ---------------------------------------------------------------

Hello read_hello(base::RequestId id, Reader& r) {
  Hello m{std::move(id), r.text("token"), r.optional_text("resume"), std::nullopt};
  if (m.resume) m.last_seq = static_cast<std::uint64_t>(r.number("lastSeq", 0, kMaxSeq));
  return m;
}

Token read_token(base::RequestId id, Reader& r) { return {std::move(id), r.text("token")}; }

call::RequestBody read_init(Reader& r) {
  call::Init m;
  m.from = r.id<base::ProfileId>("from");
  m.to = r.ids<base::ProfileId>("to");
  m.chain = r.optional_id<base::ChainId>("chainId");
  m.immediate = r.flag("immediate", m.immediate);
  m.replace = r.flag("replace", m.replace);
  Reader settings = r.object("settings");
  m.settings.audio = settings.flag("audio", m.settings.audio);
  m.settings.video = settings.flag("video", m.settings.video);
  return m;
}

// Messages that only name their call.
template <class Message>
call::RequestBody read_bare(Reader& r) {
  return Message{r.id<base::CallId>("callId")};
}

call::RequestBody read_reject(Reader& r) {
  constexpr auto kReason = [](std::string_view name) -> std::optional<call::RejectReason> {
    for (const auto reason : {call::RejectReason::kDeclined, call::RejectReason::kBusy})
      if (name == name_of(reason)) return reason;
    return std::nullopt;
  };
  constexpr auto kScope = [](std::string_view name) -> std::optional<call::RejectScope> {
    for (const auto scope : {call::RejectScope::kProfile, call::RejectScope::kConnection})
      if (name == name_of(scope)) return scope;
    return std::nullopt;
  };
  call::Reject m;
  m.call = r.id<base::CallId>("callId");
  m.reason = r.choice("reason", kReason, "\"declined\" or \"busy\"").value_or(m.reason);
  m.scope = r.choice("scope", kScope, "\"profile\" or \"connection\"").value_or(m.scope);
  return m;
}

call::RequestBody read_invite(Reader& r) {
  return call::Invite{r.id<base::CallId>("callId"), r.ids<base::ProfileId>("to")};
}

call::RequestBody read_text_message(Reader& r) {
  call::Text m;
  m.from = r.id<base::ProfileId>("from");
  m.chain = r.optional_id<base::ChainId>("chainId");
  if (!m.chain)
    m.to = r.ids<base::ProfileId>("to");
  else if (r.has("to"))
    r.refuse("to", "left out where `chainId` is given: a text goes to all members");
  m.body = r.text("body");
  return m;
}

call::RequestBody read_update(Reader& r) {
  call::Update m{r.id<base::CallId>("callId"), r.optional_flag("audio"), r.optional_flag("video")};
  if (!m.audio && !m.video) r.refuse("audio", "true or false, unless `video` is given");
  return m;
}

call::MediaBody read_answer(Reader& r) {
  return call::MediaAnswer{static_cast<std::uint32_t>(r.number("rev", 0, kMaxRev)), r.text("sdp")};
}

constexpr std::string_view kSources = "\"mic\", \"camera\", \"screen\" or \"screen-audio\"";

call::MediaBody read_publish(Reader& r) {
  call::MediaPublish m;
  for (const std::string& name : r.texts("sources")) {
    const auto source = base::parse_source(name);
    if (!source) {
      r.refuse("sources", fmt::format("an array of {}", kSources));
      return m;
    }
    if (std::find(m.sources.begin(), m.sources.end(), *source) == m.sources.end())
      m.sources.push_back(*source);
  }
  return m;
}

call::MediaBody read_subscribe(Reader& r) {
  const auto number = [](Reader& track, const char* name, std::int64_t least,
                         std::int64_t most) -> std::optional<std::uint32_t> {
    const auto value = track.optional_number(name, least, most);
    if (!value) return std::nullopt;
    return static_cast<std::uint32_t>(*value);
  };
  call::MediaSubscribe m;
  for (Reader& track : r.objects("tracks")) {
    call::MediaSubscribe::Track t;
    t.profile = track.id<base::ProfileId>("profileId");
    const auto source = track.choice("source", base::parse_source, kSources);
    if (!source) track.refuse("source", kSources);
    t.source = source.value_or(t.source);
    t.paused = track.optional_flag("paused");
    t.max_height = number(track, "maxHeight", 1, base::kMaxFrameHeight);
    t.priority = number(track, "priority", 0, kMaxPriority);
    m.tracks.push_back(std::move(t));
  }
  return m;
}

call::MediaBody read_restart(Reader& r) { return call::MediaRestart{r.flag("fresh", false)}; }

// Whether it is to start; the other word is "stop".
bool read_action(Reader& r) {
  constexpr std::string_view kActions = "\"start\" or \"stop\"";
  const auto action = r.optional_text("action");
  if (action != "start" && action != "stop") r.refuse("action", kActions);
  return action == "start";
}

call::RequestBody read_record_request(Reader& r) {
  auto call = r.id<base::CallId>("callId");
  if (read_action(r)) return read_record(std::move(call), r);
  return call::Record{.call = std::move(call), .start = false};
}

call::RequestBody read_consent(Reader& r) {
  call::Consent m{r.id<base::CallId>("callId"), false};
  const auto given = r.optional_flag("given");
  if (!given) r.refuse("given", "true or false");
  m.given = given.value_or(false);
  return m;
}

call::RequestBody read_mode_request(Reader& r) {
  auto call = r.id<base::CallId>("callId");
  return read_mode(std::move(call), r);
}

call::RequestBody read_bridge_request(Reader& r) {
  auto call = r.id<base::CallId>("callId");
  if (read_action(r)) return read_bridge(std::move(call), r);
  return call::StopBridge{std::move(call), r.id<base::JobId>("bridgeId")};
}

// A page is never larger than kMaxPage, whatever is asked for.
std::size_t read_limit(Reader& r) {
  const auto limit = r.optional_number("limit", 1, kMaxSeq);
  return std::min(static_cast<std::size_t>(limit.value_or(kDefaultPage)), kMaxPage);
}

ChainList read_chain_list(base::RequestId id, Reader& r) {
  return {std::move(id), r.optional_id<base::ChainId>("before"), read_limit(r)};
}

ChainHistory read_chain_history(base::RequestId id, Reader& r) {
  auto chain = r.id<base::ChainId>("chainId");
  std::optional<std::string> before;
  if (auto item = r.optional_id<base::RequestId>("before")) before = item->str();
  return {std::move(id), std::move(chain), std::move(before), read_limit(r)};
}

// ---- the table ------------------------------------------------------------------------------

template <auto ReadBody>
ClientMessage request(base::RequestId id, Reader& r) {
  return call::Request{std::move(id), ReadBody(r)};
}
template <auto ReadBody>
ClientMessage media(base::RequestId id, Reader& r) {
  auto call = r.id<base::CallId>("callId");
  return call::Request{std::move(id), call::Media{std::move(call), ReadBody(r)}};
}
template <auto Read>
ClientMessage session(base::RequestId id, Reader& r) {
  return Read(std::move(id), r);
}

struct Row {
  std::string_view type;
  ClientMessage (*read)(base::RequestId id, Reader& r);
};
constexpr std::array kRows = {
    Row{"hello", session<read_hello>},
    Row{"token", session<read_token>},
    Row{"call.init", request<read_init>},
    Row{"call.pending", request<read_bare<call::Pending>>},
    Row{"call.ringing", request<read_bare<call::Ringing>>},
    Row{"call.accept", request<read_bare<call::Accept>>},
    Row{"call.reject", request<read_reject>},
    Row{"call.hangup", request<read_bare<call::Hangup>>},
    Row{"call.take", request<read_bare<call::Take>>},
    Row{"call.invite", request<read_invite>},
    Row{"call.update", request<read_update>},
    Row{"call.record", request<read_record_request>},
    Row{"call.consent", request<read_consent>},
    Row{"call.mode", request<read_mode_request>},
    Row{"call.bridge", request<read_bridge_request>},
    Row{"media.answer", media<read_answer>},
    Row{"media.publish", media<read_publish>},
    Row{"media.subscribe", media<read_subscribe>},
    Row{"media.restart", media<read_restart>},
    Row{"text", request<read_text_message>},
    Row{"chain.list", session<read_chain_list>},
    Row{"chain.history", session<read_chain_history>},
};

// ---- the envelope ---------------------------------------------------------------------------

tl::unexpected<FrameError> refuse(std::optional<base::RequestId> ref, std::string message) {
  FrameError error;
  error.ref = std::move(ref);
  error.message = std::move(message);
  return tl::unexpected(std::move(error));
}

std::string unknown_type(const std::string& type) {
  // Quoted back only in a form that is safe to show and to log.
  if (!base::is_valid_id(type)) return "`type` is not one the server knows.";
  return fmt::format("`type` {} is not one the server knows.", type);
}

tl::expected<ClientMessage, FrameError> read_envelope(const Document& frame) {
  std::optional<std::string> problem;
  Reader reader(frame.root(), "", &problem);
  auto id = reader.id<base::RequestId>("id");
  if (problem) return refuse(std::nullopt, *problem);
  if (frame.repeats()) return refuse(id, "A member is given twice.");
  const std::string type = reader.text("type");
  if (problem) return refuse(id, *problem);
  const auto* row =
      std::find_if(kRows.begin(), kRows.end(), [&type](const Row& r) { return r.type == type; });
  if (row == kRows.end()) return refuse(id, unknown_type(type));
  ClientMessage message = row->read(id, reader);
  if (problem) return refuse(std::move(id), *problem);
  return message;
}

}  // namespace

tl::expected<ClientMessage, FrameError> decode(std::string_view frame) {
  const auto document = Document::parse(frame);
  if (!document) return tl::unexpected(document.error());
  return read_envelope(*document);
}

}  // namespace parley::wire
