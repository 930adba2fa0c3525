// fields.h for what leaves the machine: effects, events, records.
#pragma once

#include "journal/fields.h"

namespace parley::journal {

// ---- events ---------------------------------------------------------------------------------

template <class F, A<call::ParticipantView> V>
void fields(F& f, V& v) {
  f("profile", v.profile);
  f("state", v.state);
  f("connection", v.connection);
  f("unmuted", v.unmuted);
  f("outcome", v.outcome);
  f("mode", v.mode);
  f("bridge", v.bridge);
}
template <class F, A<call::RecordingView::ConsentOf> V>
void fields(F& f, V& v) {
  f("profile", v.profile);
  f("given", v.given);
}
template <class F, A<call::RecordingView> V>
void fields(F& f, V& v) {
  f("recording", v.recording);
  f("state", v.state);
  f("layout", v.layout);
  f("format", v.format);
  f("policy", v.policy);
  f("consents", v.consents);
  f("message", v.message);
}
template <class F, A<call::BridgeView> V>
void fields(F& f, V& v) {
  f("bridge", v.bridge);
  f("direction", v.direction);
  f("kind", v.kind);
  f("profile", v.profile);
  f("only", v.only);
  f("state", v.state);
  f("message", v.message);
  f("watch", v.watch);
}
template <class F, A<call::Extras> V>
void fields(F& f, V& v) {
  f("mode", v.mode);
  f("recording", v.recording);
  f("bridges", v.bridges);
}
template <class F, A<call::ModeEvent> V>
void fields(F& f, V& v) {
  f("mode", v.mode);
}
template <class F, A<call::Snapshot> V>
void fields(F& f, V& v) {
  f("call", v.call);
  f("chain", v.chain);
  f("from", v.from);
  f("to", v.to);
  f("settings", v.settings);
  f("role", v.role);
  f("running", v.running);
  f("at", v.at);
  f("accepted_at", v.accepted_at);
  f("participants", v.participants);
  f("ringing_left_ms", v.ringing_left_ms);
  f("can_join", v.can_join);
  f("extras", v.extras);
}
template <class F, A<call::InitEvent> V>
void fields(F& f, V& v) {
  f("chain", v.chain);
  f("from", v.from);
  f("to", v.to);
  f("immediate", v.immediate);
  f("settings", v.settings);
  f("role", v.role);
  f("init_left_ms", v.init_left_ms);
  f("ringing_left_ms", v.ringing_left_ms);
  f("extras", v.extras);
  f("accepted_at", v.accepted_at);
  f("participants", v.participants);
}
template <class F, A<call::RejectEvent> V>
void fields(F& f, V& v) {
  f("reason", v.reason);
  f("scope", v.scope);
}
template <class F, A<call::TakeEvent> V>
void fields(F& f, V& v) {
  f("was", v.was);
}
template <class F, A<call::InviteEvent> V>
void fields(F& f, V& v) {
  f("to", v.to);
}
template <class F, A<call::UpdateEvent> V>
void fields(F& f, V& v) {
  f("unmuted", v.unmuted);
}
template <class F, A<call::LeftEvent> V>
void fields(F& f, V& v) {
  f("outcome", v.outcome);
}
template <class F, A<call::EndEvent> V>
void fields(F& f, V& v) {
  f("reason", v.reason);
  f("duration_ms", v.duration_ms);
  f("outcomes", v.outcomes);
}
template <class F, A<call::MediaFailedEvent> V>
void fields(F& f, V& v) {
  f("message", v.message);
}
template <class F, A<call::Event> V>
void fields(F& f, V& v) {
  f("call", v.call);
  f("at", v.at);
  f("profile", v.profile);
  f("connection", v.connection);
  f("body", v.body);
}
template <class F, A<call::TextMessage> V>
void fields(F& f, V& v) {
  f("id", v.id);
  f("chain", v.chain);
  f("members", v.members);
  f("from", v.from);
  f.hide("body", v.body);
  f("at", v.at);
}
template <class F, A<call::Reply> V>
void fields(F& f, V& v) {
  f("ref", v.ref);
  f("body", v.body);
}

// ---- records --------------------------------------------------------------------------------

template <class F, A<call::CallStarted> V>
void fields(F& f, V& v) {
  f("call", v.call);
  f("chain", v.chain);
  f("from", v.from);
  f("to", v.to);
  f("settings", v.settings);
  f("at", v.at);
}
template <class F, A<call::CallAccepted> V>
void fields(F& f, V& v) {
  f("call", v.call);
  f("profile", v.profile);
  f("connection", v.connection);
  f("at", v.at);
}
template <class F, A<call::ParticipantAdded> V>
void fields(F& f, V& v) {
  f("call", v.call);
  f("profile", v.profile);
  f("at", v.at);
}
template <class F, A<call::ParticipantLeft> V>
void fields(F& f, V& v) {
  f("call", v.call);
  f("profile", v.profile);
  f("outcome", v.outcome);
  f("at", v.at);
}
template <class F, A<call::CallEnded> V>
void fields(F& f, V& v) {
  f("call", v.call);
  f("reason", v.reason);
  f("duration_ms", v.duration_ms);
  f("outcomes", v.outcomes);
  f("at", v.at);
}
template <class F, A<call::RingsUnheard> V>
void fields(F& f, V& v) {
  f("call", v.call);
  f("chain", v.chain);
  f("from", v.from);
  f("profile", v.profile);
  f("settings", v.settings);
  f("at", v.at);
  f("until", v.until);
}
template <class F, A<call::RecordingBegan> V>
void fields(F& f, V& v) {
  f("call", v.call);
  f("recording", v.recording);
  f("layout", v.layout);
  f("format", v.format);
  f("policy", v.policy);
  f("by", v.by);
  f("at", v.at);
}
template <class F, A<call::RecordingOver> V>
void fields(F& f, V& v) {
  f("call", v.call);
  f("recording", v.recording);
  f("failed", v.failed);
  f("message", v.message);
  f("at", v.at);
}
template <class F, A<call::BridgeNoted> V>
void fields(F& f, V& v) {
  f("call", v.call);
  f("bridge", v.bridge);
  f("at", v.at);
}

// ---- effects --------------------------------------------------------------------------------

template <class F, A<call::Welcome> V>
void fields(F& f, V& v) {
  f("connection", v.connection);
  f("calls", v.calls);
}
template <class F, A<call::SendReply> V>
void fields(F& f, V& v) {
  f("connection", v.connection);
  f("reply", v.reply);
}
template <class F, A<call::SendEvent> V>
void fields(F& f, V& v) {
  f("connection", v.connection);
  f("event", v.event);
}
template <class F, A<call::DeliverText> V>
void fields(F& f, V& v) {
  f("connection", v.connection);
  f("text", v.text);
}
template <class F, A<call::CommandDone> V>
void fields(F& f, V& v) {
  f("ticket", v.ticket);
  f("body", v.body);
}
template <class F, A<call::Recall> V>
void fields(F& f, V& v) {
  f("id", v.id);
  f("chain", v.chain);
  f("call", v.call);
}
template <class F, A<call::StoreText> V>
void fields(F& f, V& v) {
  f("text", v.text);
  f("founds", v.founds);
  f("unheard", v.unheard);
}
template <class F, A<call::ToLeg> V>
void fields(F& f, V& v) {
  f("leg", v.leg);
  f("connection", v.connection);
  f("ref", v.ref);
  f("body", v.body);
}
template <class F, A<call::Feed> V>
void fields(F& f, V& v) {
  f("stream", v.stream);
  f("leg", v.leg);
}
template <class F, A<call::Show> V>
void fields(F& f, V& v) {
  f("leg", v.leg);
  f("stream", v.stream);
  f("profile", v.profile);
}
template <class F, A<call::Hide> V>
void fields(F& f, V& v) {
  f("leg", v.leg);
  f("stream", v.stream);
}
template <class F, A<call::Mute> V>
void fields(F& f, V& v) {
  f("stream", v.stream);
  f("unmuted", v.unmuted);
}

template <class F, A<call::NameStream> V>
void fields(F& f, V& v) {
  f("stream", v.stream);
  f("call", v.call);
  f("profile", v.profile);
}
template <class F, A<call::RecordWork> V>
void fields(F& f, V& v) {
  f("layout", v.layout);
  f("format", v.format);
}
template <class F, A<call::MixWork> V>
void fields(F& /*f*/, V& /*v*/) {}
template <class F, A<call::OutWork> V>
void fields(F& f, V& v) {
  f("kind", v.kind);
  f.hide("url", v.url);
  f("layout", v.layout);
  f("only", v.only);
}
template <class F, A<call::InWork> V>
void fields(F& f, V& v) {
  f("kind", v.kind);
  f.hide("url", v.url);
  f("owner", v.owner);
}
template <class F, A<call::StartJob> V>
void fields(F& f, V& v) {
  f("job", v.job);
  f("call", v.call);
  f("work", v.work);
  f("hidden", v.hidden);
}
template <class F, A<call::UpdateJob> V>
void fields(F& f, V& v) {
  f("job", v.job);
  f("hidden", v.hidden);
}
template <class F, A<call::StopJob> V>
void fields(F& f, V& v) {
  f("job", v.job);
}
template <class F, A<call::OpenPort> V>
void fields(F& f, V& v) {
  f("leg", v.leg);
  f("job", v.job);
  f("call", v.call);
  f("owner", v.owner);
}
template <class F, A<call::OpenGuest> V>
void fields(F& f, V& v) {
  f("leg", v.leg);
  f("ticket", v.ticket);
  f("publishes", v.publishes);
  f.hide("sdp", v.sdp);
}
template <class F, A<call::PatchLeg> V>
void fields(F& f, V& v) {
  f("leg", v.leg);
  f("ticket", v.ticket);
  f.hide("fragment", v.fragment);
}

}  // namespace parley::journal
