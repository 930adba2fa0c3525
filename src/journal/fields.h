// What the values that enter and leave the machine consist of: written once, for writing and
// reading. `f(name, member)` is called for each member; `f.hide(name, text)` for what is nobody's
// business. A member left out here would be lost in silence; tests/journal holds that none is.
#pragma once

#include <concepts>
#include <type_traits>

#include "call/machine.h"

namespace parley::journal {

// A V is a T or a const T.
template <class V, class T>
concept A = std::same_as<std::remove_const_t<V>, T>;

// ---- parts ----------------------------------------------------------------------------------

template <class F, A<call::Limits> V>
void fields(F& f, V& v) {
  f("init_timeout", v.init_timeout);
  f("ringing_timeout", v.ringing_timeout);
  f("pick_up_timeout", v.pick_up_timeout);
  f("take_over_timeout", v.take_over_timeout);
  f("media_timeout", v.media_timeout);
  f("move_interval", v.move_interval);
  f("resume_window", v.resume_window);
  f("alone_timeout", v.alone_timeout);
  f("longest_call", v.longest_call);
  f("unanswered_calls_per_user", v.unanswered_calls_per_user);
  f("live_calls_per_user", v.live_calls_per_user);
  f("receivers_per_call", v.receivers_per_call);
  f("remembered_requests", v.remembered_requests);
  f("request_memory", v.request_memory);
  f("remembered_calls", v.remembered_calls);
  f("text_bytes", v.text_bytes);
  f("push", v.push);
  f("consent_timeout", v.consent_timeout);
  f("bridges_per_call", v.bridges_per_call);
  f("guests_per_call", v.guests_per_call);
}
template <class F, A<call::Settings> V>
void fields(F& f, V& v) {
  f("audio", v.audio);
  f("video", v.video);
}
template <class F, A<call::Ok> V>
void fields(F& f, V& v) {
  f("call", v.call);
  f("chain", v.chain);
  f("role", v.role);
  f("merged", v.merged);
  f("at", v.at);
  f("recording", v.recording);
  f("bridge", v.bridge);
  f.hide("sdp", v.sdp);
}
template <class F, A<call::Refusal> V>
void fields(F& f, V& v) {
  f("code", v.code);
  f("message", v.message);
  f("winner", v.winner);
}
template <class F, A<call::OfferedTrack> V>
void fields(F& f, V& v) {
  f("mid", v.mid);
  f("profile", v.profile);
  f("source", v.source);
}
template <class F, A<call::MediaOfferEvent> V>
void fields(F& f, V& v) {
  f("rev", v.rev);
  f.hide("sdp", v.sdp);
  f("tracks", v.tracks);
}

// ---- requests -------------------------------------------------------------------------------

template <class F, A<call::Init> V>
void fields(F& f, V& v) {
  f("from", v.from);
  f("to", v.to);
  f("chain", v.chain);
  f("immediate", v.immediate);
  f("replace", v.replace);
  f("settings", v.settings);
}
template <class T>
concept NamesOnlyItsCall =
    A<T, call::Pending> || A<T, call::Ringing> || A<T, call::Accept> || A<T, call::Hangup> ||
    A<T, call::Take> || A<T, call::EndCall> || A<T, call::CallNotStored>;
template <class F, NamesOnlyItsCall V>
void fields(F& f, V& v) {
  f("call", v.call);
}
template <class F, A<call::Reject> V>
void fields(F& f, V& v) {
  f("call", v.call);
  f("reason", v.reason);
  f("scope", v.scope);
}
template <class F, A<call::Invite> V>
void fields(F& f, V& v) {
  f("call", v.call);
  f("to", v.to);
}
template <class F, A<call::Update> V>
void fields(F& f, V& v) {
  f("call", v.call);
  f("audio", v.audio);
  f("video", v.video);
}
template <class F, A<call::MediaAnswer> V>
void fields(F& f, V& v) {
  f("rev", v.rev);
  f.hide("sdp", v.sdp);
}
template <class F, A<call::MediaPublish> V>
void fields(F& f, V& v) {
  f("sources", v.sources);
}
template <class F, A<call::MediaSubscribe::Track> V>
void fields(F& f, V& v) {
  f("profile", v.profile);
  f("source", v.source);
  f("paused", v.paused);
  f("max_height", v.max_height);
  f("priority", v.priority);
}
template <class F, A<call::MediaSubscribe> V>
void fields(F& f, V& v) {
  f("tracks", v.tracks);
}
template <class F, A<call::MediaRestart> V>
void fields(F& f, V& v) {
  f("fresh", v.fresh);
}
template <class F, A<call::Media> V>
void fields(F& f, V& v) {
  f("call", v.call);
  f("body", v.body);
}
template <class F, A<call::Text> V>
void fields(F& f, V& v) {
  f("from", v.from);
  f("chain", v.chain);
  f("to", v.to);
  f.hide("body", v.body);
}
template <class F, A<call::Record> V>
void fields(F& f, V& v) {
  f("call", v.call);
  f("start", v.start);
  f("layout", v.layout);
  f("format", v.format);
  f("policy", v.policy);
}
template <class F, A<call::Consent> V>
void fields(F& f, V& v) {
  f("call", v.call);
  f("given", v.given);
}
template <class F, A<call::SetMode> V>
void fields(F& f, V& v) {
  f("call", v.call);
  f("mode", v.mode);
  f("profile", v.profile);
}
template <class F, A<call::StartBridge> V>
void fields(F& f, V& v) {
  f("call", v.call);
  f("direction", v.direction);
  f("kind", v.kind);
  f.hide("url", v.url);
  f("layout", v.layout);
  f("only", v.only);
  f("profile", v.profile);
}
template <class F, A<call::StopBridge> V>
void fields(F& f, V& v) {
  f("call", v.call);
  f("bridge", v.bridge);
}
template <class F, A<call::Request> V>
void fields(F& f, V& v) {
  f("id", v.id);
  f("body", v.body);
}

// ---- inputs ---------------------------------------------------------------------------------

template <class F, A<call::Connected> V>
void fields(F& f, V& v) {
  f("connection", v.connection);
  f("user", v.user);
  f("profiles", v.profiles);
}
template <class T>
concept NamesOnlyItsConnection =
    A<T, call::SocketLost> || A<T, call::Resumed> || A<T, call::Disconnected>;
template <class F, NamesOnlyItsConnection V>
void fields(F& f, V& v) {
  f("connection", v.connection);
}
template <class F, A<call::Received> V>
void fields(F& f, V& v) {
  f("connection", v.connection);
  f("request", v.request);
  f("admin", v.admin);
  f.flag("may_record", v.may_record);
  f.flag("may_mix", v.may_mix);
  f.flag("may_bridge", v.may_bridge);
  f("fresh", v.fresh);
}
template <class F, A<call::RemoveParticipant> V>
void fields(F& f, V& v) {
  f("call", v.call);
  f("profile", v.profile);
}
template <class F, A<call::MuteParticipant> V>
void fields(F& f, V& v) {
  f("call", v.call);
  f("profile", v.profile);
  f("audio", v.audio);
  f("video", v.video);
}
template <class F, A<call::PostText> V>
void fields(F& f, V& v) {
  f("id", v.id);
  f("user", v.user);
  f("text", v.text);
}
template <class F, A<call::JoinGuest> V>
void fields(F& f, V& v) {
  f("call", v.call);
  f("profile", v.profile);
  f("publishes", v.publishes);
  f("watches", v.watches);
  f.hide("sdp", v.sdp);
}
template <class F, A<call::PatchGuest> V>
void fields(F& f, V& v) {
  f("call", v.call);
  f("guest", v.guest);
  f.hide("fragment", v.fragment);
}
template <class F, A<call::LeaveGuest> V>
void fields(F& f, V& v) {
  f("call", v.call);
  f("guest", v.guest);
}
template <class F, A<call::Command> V>
void fields(F& f, V& v) {
  f("ticket", v.ticket);
  f("body", v.body);
  f("fresh", v.fresh);
}
template <class F, A<call::TextStored> V>
void fields(F& f, V& v) {
  f("id", v.id);
  f("refusal", v.refusal);
}
template <class F, A<call::Recalled::Chain> V>
void fields(F& f, V& v) {
  f("id", v.id);
  f("members", v.members);
}
template <class F, A<call::Recalled> V>
void fields(F& f, V& v) {
  f("id", v.id);
  f("refusal", v.refusal);
  f("chain", v.chain);
  f("participants", v.participants);
}
template <class F, A<call::StoreState> V>
void fields(F& f, V& v) {
  f("accepting", v.accepting);
}
template <class F, A<call::LegOffered> V>
void fields(F& f, V& v) {
  f("leg", v.leg);
  f("offer", v.offer);
}
template <class F, A<call::LegVerdict> V>
void fields(F& f, V& v) {
  f("leg", v.leg);
  f("connection", v.connection);
  f("ref", v.ref);
  f("refusal", v.refusal);
}
template <class T>
concept NamesOnlyItsLeg = A<T, call::LegConnected> || A<T, call::LegSilent> ||
                          A<T, call::LegAudible> || A<T, call::OpenLeg> || A<T, call::CloseLeg>;
template <class F, NamesOnlyItsLeg V>
void fields(F& f, V& v) {
  f("leg", v.leg);
}
template <class F, A<call::LegFailed> V>
void fields(F& f, V& v) {
  f("leg", v.leg);
  f("message", v.message);
}
template <class F, A<call::GuestAnswered> V>
void fields(F& f, V& v) {
  f("leg", v.leg);
  f("ticket", v.ticket);
  f("refusal", v.refusal);
  f.hide("sdp", v.sdp);
}
template <class F, A<call::JobReported> V>
void fields(F& f, V& v) {
  f("job", v.job);
  f("state", v.state);
  f("message", v.message);
  f("watch", v.watch);
}
template <class T>
concept SaysNothingMore =
    A<T, call::Tick> || A<T, call::Shutdown> || A<T, call::PendingEvent> ||
    A<T, call::RingingEvent> || A<T, call::InitTimeoutEvent> || A<T, call::AcceptEvent> ||
    A<T, call::RingingTimeoutEvent> || A<T, call::HangupEvent> || A<T, call::ReconnectingEvent> ||
    A<T, call::ReconnectedEvent>;
template <class F, SaysNothingMore V>
void fields(F& /*f*/, V& /*v*/) {}

}  // namespace parley::journal
