#include <fmt/format.h>

#include <type_traits>

#include "base/overloaded.h"
#include "wire/pieces.h"
#include "wire/wire.h"
#include "wire/writer.h"

namespace parley::wire {
namespace {

void write_role(Writer& w, call::Role role) {
  if (const auto name = name_of(role))
    w.name("role", *name);
  else
    w.null("role");
}

void write_time_left(Writer& w, const char* name, std::optional<std::int64_t> left_ms) {
  if (left_ms) w.number(name, *left_ms);
}

// ---- the events: one row each, and one function where it has members -------------------------

template <class Body>
constexpr const char* kType = nullptr;
template <>
constexpr const char* kType<call::InitEvent> = "call.init";
template <>
constexpr const char* kType<call::PendingEvent> = "call.pending";
template <>
constexpr const char* kType<call::RingingEvent> = "call.ringing";
template <>
constexpr const char* kType<call::InitTimeoutEvent> = "call.init_timeout";
template <>
constexpr const char* kType<call::AcceptEvent> = "call.accept";
template <>
constexpr const char* kType<call::RejectEvent> = "call.reject";
template <>
constexpr const char* kType<call::RingingTimeoutEvent> = "call.ringing_timeout";
template <>
constexpr const char* kType<call::HangupEvent> = "call.hangup";
template <>
constexpr const char* kType<call::TakeEvent> = "call.take";
template <>
constexpr const char* kType<call::InviteEvent> = "call.invite";
template <>
constexpr const char* kType<call::UpdateEvent> = "call.update";
template <>
constexpr const char* kType<call::ReconnectingEvent> = "call.reconnecting";
template <>
constexpr const char* kType<call::ReconnectedEvent> = "call.reconnected";
template <>
constexpr const char* kType<call::LeftEvent> = "call.left";
template <>
constexpr const char* kType<call::EndEvent> = "call.end";
template <>
constexpr const char* kType<call::MediaOfferEvent> = "media.offer";
template <>
constexpr const char* kType<call::MediaFailedEvent> = "media.failed";
template <>
constexpr const char* kType<call::RecordingView> = "call.recording";
template <>
constexpr const char* kType<call::ModeEvent> = "call.mode";
template <>
constexpr const char* kType<call::BridgeView> = "call.bridge";

void write_participants(Writer& w, const std::vector<call::ParticipantView>& participants) {
  w.array("participants", participants,
          [&w](const call::ParticipantView& p) { w.nested([&] { write(w, p); }); });
}

void write(Writer& w, const call::InitEvent& e) {
  w.id("chainId", e.chain);
  w.id("from", e.from);
  w.ids("to", e.to);
  w.flag("immediate", e.immediate);
  write_settings(w, e.settings);
  write_role(w, e.role);
  write_time_left(w, "initLeftMs", e.init_left_ms);
  write_time_left(w, "ringingLeftMs", e.ringing_left_ms);
  write(w, e.extras);
  if (!e.accepted_at) return;
  write_at(w, "acceptedAt", *e.accepted_at);
  write_participants(w, e.participants);
}

void write(Writer& w, const call::ModeEvent& e) { w.name("mode", name_of(e.mode)); }

void write(Writer& w, const call::RejectEvent& e) {
  w.name("reason", name_of(e.reason));
  w.name("scope", name_of(e.scope));
}

void write(Writer& w, const call::TakeEvent& e) { w.id("was", e.was); }

void write(Writer& w, const call::InviteEvent& e) { w.ids("to", e.to); }

void write(Writer& w, const call::UpdateEvent& e) { write_switches(w, e.unmuted); }

void write(Writer& w, const call::LeftEvent& e) { w.name("outcome", name_of(e.outcome)); }

void write(Writer& w, const call::EndEvent& e) {
  w.name("reason", name_of(e.reason));
  w.number("durationMs", e.duration_ms);
  w.object("outcomes", [&] {
    for (const auto& [profile, outcome] : e.outcomes)
      w.name(profile.str().c_str(), name_of(outcome));
  });
}

void write(Writer& w, const call::MediaOfferEvent& e) {
  w.number("rev", e.rev);
  w.text("sdp", e.sdp);
  w.array("tracks", e.tracks, [&w](const call::OfferedTrack& track) {
    w.nested([&] {
      w.text("mid", track.mid);
      w.id("profileId", track.profile);
      w.name("source", base::name_of(track.source));
      w.name("kind", base::name_of(base::kind_of(track.source)));
    });
  });
}

void write(Writer& w, const call::MediaFailedEvent& e) { w.text("message", sentence(e.message)); }

// ---- the rest of what the server says -------------------------------------------------------

void write(Writer& w, const call::Snapshot& s) {
  w.id("callId", s.call);
  w.id("chainId", s.chain);
  w.id("from", s.from);
  w.ids("to", s.to);
  write_settings(w, s.settings);
  write_role(w, s.role);
  w.name("state", s.running ? "running" : "ringing");
  write_at(w, "at", s.at);
  if (s.accepted_at) write_at(w, "acceptedAt", *s.accepted_at);
  write_participants(w, s.participants);
  write_time_left(w, "ringingLeftMs", s.ringing_left_ms);
  w.flag("canJoin", s.can_join);
  write(w, s.extras);
}

void write(Writer& w, const ClientLimits& limits) {
  w.number("maxFrameBytes", static_cast<std::int64_t>(limits.max_frame_bytes));
  w.number("requestsPerSecond", limits.requests_per_second);
  w.number("requestBurst", limits.request_burst);
  w.number("maxReceivers", static_cast<std::int64_t>(limits.max_receivers));
  w.number("maxUnansweredCalls", static_cast<std::int64_t>(limits.max_unanswered_calls));
  w.number("maxTextBytes", static_cast<std::int64_t>(limits.max_text_bytes));
  w.number("resumeWindowMs", limits.resume_window_ms);
}

std::string write_ok(const base::RequestId& ref, const call::Ok& ok) {
  Writer w("ok");
  w.id("ref", ref);
  w.optional_id("callId", ok.call);
  w.optional_id("chainId", ok.chain);
  if (ok.role) write_role(w, *ok.role);
  if (ok.merged) w.flag("merged", true);
  if (ok.at) write_at(w, "at", *ok.at);
  w.optional_id("recordingId", ok.recording);
  w.optional_id("bridgeId", ok.bridge);
  return w.finish();
}

std::string write_error(const std::optional<base::RequestId>& ref, call::ErrorCode code,
                        const std::string& message,
                        const std::optional<base::ConnectionId>& winner) {
  Writer w("error");
  w.optional_id("ref", ref);
  w.name("kind", kind_of(code));
  w.name("code", name_of(code));
  w.text("message", sentence(message));
  w.optional_id("connectionId", winner);
  return w.finish();
}

}  // namespace

std::string encode(const WelcomeFrame& welcome) {
  Writer w("welcome");
  w.id("ref", welcome.ref);
  w.id("connectionId", welcome.connection);
  w.id("userId", welcome.user);
  w.ids("profiles", welcome.profiles);
  w.text("resume", welcome.resume);
  w.flag("resumed", welcome.resumed);
  w.array("iceServers", welcome.ice_servers, [&w](const IceServer& server) {
    w.nested([&] { w.array("urls", server.urls, [&w](const std::string& url) { w.item(url); }); });
  });
  w.object("limits", [&] { write(w, welcome.limits); });
  w.array("calls", welcome.calls,
          [&w](const call::Snapshot& call) { w.nested([&] { write(w, call); }); });
  return w.finish();
}

std::string encode(const call::Reply& reply) {
  return std::visit(base::Overloaded{[&](const call::Ok& ok) { return write_ok(reply.ref, ok); },
                                     [&](const call::Refusal& refusal) {
                                       return write_error(reply.ref, refusal.code, refusal.message,
                                                          refusal.winner);
                                     }},
                    reply.body);
}

std::string encode(const call::Event& event, std::uint64_t seq) {
  return std::visit(
      [&]<class Body>(const Body& body) {
        static_assert(kType<Body> != nullptr, "an event without a row in the table of types");
        Writer w(kType<Body>);
        w.number("seq", static_cast<std::int64_t>(seq));
        w.id("callId", event.call);
        write_at(w, "at", event.at);
        w.optional_id("profileId", event.profile);
        w.optional_id("connectionId", event.connection);
        if constexpr (!std::is_empty_v<Body>) write(w, body);
        return w.finish();
      },
      event.body);
}

std::string encode(const call::TextMessage& text, std::uint64_t seq) {
  Writer w("text");
  w.number("seq", static_cast<std::int64_t>(seq));
  w.id("id", text.id);
  w.id("chainId", text.chain);
  w.ids("members", text.members);
  w.id("from", text.from);
  w.text("body", text.body);
  write_at(w, "at", text.at);
  return w.finish();
}

std::string encode(const ChainPage& page) {
  Writer w("ok");
  w.id("ref", page.ref);
  w.array("items", page.items, [&w](const ChainEntry& entry) {
    w.nested([&] {
      w.id("chainId", entry.chain);
      w.ids("members", entry.members);
      w.object("last", [&] { write(w, entry.last); });
    });
  });
  w.flag("more", page.more);
  return w.finish();
}

std::string encode(const HistoryPage& page) {
  Writer w("ok");
  w.id("ref", page.ref);
  w.id("chainId", page.chain);
  w.array("items", page.items, [&w](const Item& item) { w.nested([&] { write(w, item); }); });
  w.flag("more", page.more);
  return w.finish();
}

std::string encode(const FrameError& error) {
  return write_error(error.ref, error.code, error.message, std::nullopt);
}

std::string encode_bye(std::string_view reason) {
  Writer w("bye");
  w.name("reason", reason);
  return w.finish();
}

}  // namespace parley::wire
