#include "admin/notices.h"

#include <fmt/format.h>
#include <json-glib/json-glib.h>

#include <array>

#include "base/overloaded.h"
#include "wire/json.h"
#include "wire/pieces.h"
#include "wire/writer.h"

namespace parley::admin {
namespace {

constexpr std::array kKinds = {NoticeKind::kCallUnheard,      NoticeKind::kCallStarted,
                               NoticeKind::kCallEnded,        NoticeKind::kTextUnheard,
                               NoticeKind::kRecordingStarted, NoticeKind::kRecordingEnded,
                               NoticeKind::kBridgeChanged};

void write(wire::Writer& w, const call::RingsUnheard& ringing) {
  w.id("callId", ringing.call);
  w.id("chainId", ringing.chain);
  w.id("from", ringing.from);
  w.id("profileId", ringing.profile);
  wire::write_settings(w, ringing.settings);
  wire::write_at(w, "until", ringing.until);
}

void write(wire::Writer& w, const call::CallStarted& start) {
  w.id("callId", start.call);
  w.id("chainId", start.chain);
  w.id("from", start.from);
  w.ids("to", start.to);
  wire::write_settings(w, start.settings);
}

void write(wire::Writer& w, const EndNotice& notice) {
  w.id("callId", notice.end.call);
  w.id("chainId", notice.chain);
  w.id("from", notice.from);
  w.name("reason", wire::name_of(notice.end.reason));
  w.number("durationMs", notice.end.duration_ms);
  w.object("outcomes", [&] {
    for (const auto& [profile, outcome] : notice.end.outcomes)
      w.name(profile.str().c_str(), wire::name_of(outcome));
  });
}

void write(wire::Writer& w, const call::StoreText& text) {
  w.id("textId", text.text.id);
  w.id("chainId", text.text.chain);
  w.id("from", text.text.from);
  w.text("body", text.text.body);
  w.ids("profileIds", text.unheard);
}

void write(wire::Writer& w, const call::RecordingBegan& began) {
  w.id("callId", began.call);
  w.id("recordingId", began.recording);
  w.name("layout", wire::name_of(began.layout));
  w.name("format", wire::name_of(began.format));
  w.name("policy", wire::name_of(began.policy));
  w.optional_id("by", began.by);
}

void write(wire::Writer& w, const call::RecordingOver& over) {
  w.id("callId", over.call);
  w.id("recordingId", over.recording);
  w.name("state", over.failed ? "failed" : "ended");
  if (!over.message.empty()) w.text("message", wire::sentence(over.message));
}

void write(wire::Writer& w, const call::BridgeNoted& noted) {
  w.id("callId", noted.call);
  wire::write(w, noted.bridge);
}

base::WallTime time_of(const NoticeBody& body) {
  return std::visit(base::Overloaded{[](const EndNotice& n) { return n.end.at; },
                                     [](const call::StoreText& n) { return n.text.at; },
                                     [](const auto& n) { return n.at; }},
                    body);
}

struct ChecksumFree {
  void operator()(GHmac* hmac) const { g_hmac_unref(hmac); }
};

}  // namespace

std::string_view name_of(NoticeKind kind) {
  switch (kind) {
    case NoticeKind::kCallUnheard:
      return "call.unheard";
    case NoticeKind::kCallStarted:
      return "call.started";
    case NoticeKind::kCallEnded:
      return "call.ended";
    case NoticeKind::kTextUnheard:
      return "text.unheard";
    case NoticeKind::kRecordingStarted:
      return "recording.started";
    case NoticeKind::kRecordingEnded:
      return "recording.ended";
    case NoticeKind::kBridgeChanged:
      return "bridge.changed";
  }
  return "";
}

std::optional<NoticeKind> parse_notice_kind(std::string_view name) {
  for (const NoticeKind kind : kKinds)
    if (name == name_of(kind)) return kind;
  return std::nullopt;
}

NoticeKind kind_of(const NoticeBody& body) {
  return std::visit(
      base::Overloaded{[](const call::RingsUnheard&) { return NoticeKind::kCallUnheard; },
                       [](const call::CallStarted&) { return NoticeKind::kCallStarted; },
                       [](const EndNotice&) { return NoticeKind::kCallEnded; },
                       [](const call::StoreText&) { return NoticeKind::kTextUnheard; },
                       [](const call::RecordingBegan&) { return NoticeKind::kRecordingStarted; },
                       [](const call::RecordingOver&) { return NoticeKind::kRecordingEnded; },
                       [](const call::BridgeNoted&) { return NoticeKind::kBridgeChanged; }},
      body);
}

std::string encode(const Notice& notice) {
  wire::Writer w;
  w.text("id", notice.id);
  w.name("type", name_of(kind_of(notice.body)));
  wire::write_at(w, "at", time_of(notice.body));
  w.object("data", [&] { std::visit([&](const auto& body) { write(w, body); }, notice.body); });
  return w.finish();
}

std::optional<Envelope> read_envelope(const std::string& text) {
  const wire::OwnedParser parser(json_parser_new_immutable());
  if (json_parser_load_from_data(parser.get(), text.data(), static_cast<gssize>(text.size()),
                                 nullptr) == FALSE)
    return std::nullopt;
  JsonNode* root = json_parser_get_root(parser.get());
  if (root == nullptr || !JSON_NODE_HOLDS_OBJECT(root)) return std::nullopt;
  JsonObject* notice = json_node_get_object(root);
  Envelope envelope;
  envelope.type = json_object_get_string_member_with_default(notice, "type", "");
  JsonNode* node = json_object_get_member(notice, "data");
  if (!parse_notice_kind(envelope.type) || node == nullptr || !JSON_NODE_HOLDS_OBJECT(node))
    return std::nullopt;
  JsonObject* data = json_node_get_object(node);
  // Ids of calls and chains are one space.
  const char* chain = json_object_get_string_member_with_default(data, "chainId", "");
  envelope.topic = json_object_get_string_member_with_default(data, "callId", chain);
  if (json_object_has_member(data, "until"))
    envelope.until =
        base::WallTime(std::chrono::milliseconds(json_object_get_int_member(data, "until")));
  return envelope;
}

std::string sign(const std::string& body, base::WallTime at,
                 const std::vector<std::string>& secrets) {
  const std::string time = std::to_string(at.time_since_epoch().count());
  std::string header = "t=" + time;
  for (const std::string& secret : secrets) {
    const std::unique_ptr<GHmac, ChecksumFree> hmac(g_hmac_new(
        G_CHECKSUM_SHA256, reinterpret_cast<const guchar*>(secret.data()), secret.size()));
    for (const std::string& piece : {time, std::string("."), body})
      g_hmac_update(hmac.get(), reinterpret_cast<const guchar*>(piece.data()),
                    static_cast<gssize>(piece.size()));
    header += fmt::format(",v1={}", g_hmac_get_string(hmac.get()));
  }
  return header;
}

}  // namespace parley::admin
