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

}  // namespace parley::journal
