#include "call/call_world.h"

#include <array>

#include "base/overloaded.h"

namespace parley::test {
namespace {

using call::ConnectionId;
using call::ProfileId;

void append(std::string& list, const std::string& word) {
  if (!list.empty()) list += ' ';
  list += word;
}

std::string flag(bool value) { return value ? "+" : "-"; }

std::string text_of(const call::Settings& s) { return flag(s.audio) + "a" + flag(s.video) + "v"; }

std::string text_of(const call::EndEvent& end) {
  std::string text = name_of(end.reason) + " " + std::to_string(end.duration_ms);
  for (const auto& [profile, outcome] : end.outcomes)
    text += " " + profile.str() + "=" + name_of(outcome);
  return text;
}

std::string text_of(const call::EventBody& body) {
  return std::visit(
      base::Overloaded{
          [](const call::InitEvent& e) { return "init:" + name_of(e.role); },
          [](const call::PendingEvent&) { return std::string("pending"); },
          [](const call::RingingEvent&) { return std::string("ringing"); },
          [](const call::InitTimeoutEvent&) { return std::string("init_timeout"); },
          [](const call::AcceptEvent&) { return std::string("accept"); },
          [](const call::RejectEvent& e) {
            return std::string(e.reason == call::RejectReason::kBusy ? "busy" : "reject") +
                   (e.scope == call::RejectScope::kConnection ? "-here" : "");
          },
          [](const call::RingingTimeoutEvent&) { return std::string("ringing_timeout"); },
          [](const call::HangupEvent&) { return std::string("hangup"); },
          [](const call::TakeEvent& e) { return "take-from-" + e.was.str(); },
          [](const call::InviteEvent&) { return std::string("invite"); },
          [](const call::UpdateEvent& e) { return "update" + text_of(e.unmuted); },
          [](const call::ReconnectingEvent&) { return std::string("reconnecting"); },
          [](const call::ReconnectedEvent&) { return std::string("reconnected"); },
          [](const call::LeftEvent& e) { return "left-" + name_of(e.outcome); },
          [](const call::EndEvent& e) { return "end:" + name_of(e.reason); },
          [](const call::MediaOfferEvent& e) { return "offer" + std::to_string(e.rev); },
          [](const call::MediaFailedEvent&) { return std::string("media_failed"); },
          [](const call::RecordingView& e) { return "recording-" + name_of(e.state); },
          [](const call::ModeEvent& e) {
            return std::string(e.mode == call::Mode::kMix ? "mode-mix" : "mode-forward");
          },
          [](const call::BridgeView& e) { return "bridge-" + name_of(e.state); }},
      body);
}

std::string text_of(const std::variant<call::Ok, call::Refusal>& body) {
  return std::visit(base::Overloaded{[](const call::Ok& ok) {
                                       return std::string("ok") +
                                              (ok.role ? " " + name_of(*ok.role) : "") +
                                              (ok.merged ? " merged" : "");
                                     },
                                     [](const call::Refusal& refusal) {
                                       return name_of(refusal.code) +
                                              (refusal.winner ? " " + refusal.winner->str() : "");
                                     }},
                    body);
}

}  // namespace

std::string name_of(call::Outcome outcome) {
  static constexpr std::array kNames = {"completed", "cancelled",   "rejected", "busy",
                                        "missed",    "unreachable", "lost",     "superseded",
                                        "kicked",    "shutdown",    "failed"};
  return kNames.at(static_cast<std::size_t>(outcome));
}

std::string name_of(call::ErrorCode code) {
  static constexpr std::array kNames = {
      "bad_request", "unauthorized", "forbidden", "not_found",    "conflict",    "already_accepted",
      "not_active",  "ended",        "too_large", "rate_limited", "unavailable", "internal"};
  return kNames.at(static_cast<std::size_t>(code));
}

std::string name_of(call::Role role) {
  static constexpr std::array kNames = {"-", "active-initiator", "passive-initiator",
                                        "active-receiver", "passive-receiver"};
  return kNames.at(static_cast<std::size_t>(role));
}

std::string name_of(call::RecordingState state) {
  static constexpr std::array kNames = {"asking", "starting", "on", "ended", "failed"};
  return kNames.at(static_cast<std::size_t>(state));
}

std::string name_of(call::BridgeState state) {
  static constexpr std::array kNames = {"starting", "live", "reconnecting", "ended", "failed"};
  return kNames.at(static_cast<std::size_t>(state));
}

CallWorld::CallWorld(call::Limits limits) : limits_(limits) {
  machine_.emplace(limits_);
  now_.mono = base::TimePoint(std::chrono::hours(1));
  now_.wall = base::WallTime(std::chrono::milliseconds(1'700'000'000'000));
}

std::string CallWorld::problems() const {
  std::string text;
  for (const std::string& problem : watch_.problems()) append(text, problem + ";");
  return text;
}

void CallWorld::connect(const std::string& connection, const std::string& user,
                        std::vector<std::string> profiles) {
  if (profiles.empty()) profiles = {user};
  call::Connected input{ConnectionId(connection), call::UserId(user), {}};
  for (std::string& profile : profiles) input.profiles.emplace_back(std::move(profile));
  step(input);
}

void CallWorld::disconnect(const std::string& connection) {
  step(call::Disconnected{ConnectionId(connection)});
}

void CallWorld::loses_socket(const std::string& connection) {
  step(call::SocketLost{ConnectionId(connection)});
}

void CallWorld::resumes(const std::string& connection) {
  step(call::Resumed{ConnectionId(connection)});
}

std::string CallWorld::send(const std::string& connection, call::RequestBody body) {
  return send_as("r" + std::to_string(next_request_++), connection, std::move(body));
}

std::string CallWorld::send_as(const std::string& id, const std::string& connection,
                               call::RequestBody body) {
  last_reply_.reset();
  step(call::Received{.connection = ConnectionId(connection),
                      .request = {call::RequestId(id), std::move(body)},
                      .may_record = granted_,
                      .may_mix = granted_,
                      .may_bridge = granted_,
                      .fresh = call::JobId("j" + id)});
  return last_reply_ ? text_of(last_reply_->body) : "";
}

std::string CallWorld::calls(const std::string& connection, const std::string& from,
                             std::vector<std::string> to, const std::string& id) {
  call::Init init;
  init.from = ProfileId(from);
  for (std::string& profile : to) init.to.emplace_back(std::move(profile));
  return send_as(id, connection, init);
}

std::string CallWorld::rings(const std::string& connection, const std::string& id) {
  return send(connection, call::Ringing{call::CallId(id)});
}
std::string CallWorld::accepts(const std::string& connection, const std::string& id) {
  return send(connection, call::Accept{call::CallId(id)});
}
std::string CallWorld::rejects(const std::string& connection, call::RejectReason reason,
                               call::RejectScope scope, const std::string& id) {
  return send(connection, call::Reject{call::CallId(id), reason, scope});
}
std::string CallWorld::invites(const std::string& connection, std::vector<std::string> to,
                               const std::string& id) {
  call::Invite invite{call::CallId(id), {}};
  for (std::string& profile : to) invite.to.emplace_back(std::move(profile));
  return send(connection, invite);
}
std::string CallWorld::takes(const std::string& connection, const std::string& id) {
  return send(connection, call::Take{call::CallId(id)});
}
std::string CallWorld::hangs_up(const std::string& connection, const std::string& id) {
  return send(connection, call::Hangup{call::CallId(id)});
}
std::string CallWorld::publishes(const std::string& connection, const std::string& id) {
  return send(connection, call::Media{call::CallId(id), call::MediaPublish{{base::Source::kMic}}});
}

std::string CallWorld::texts(const std::string& connection, const std::string& from,
                             std::vector<std::string> to, const std::string& body,
                             const std::string& id) {
  call::Text text{.from = ProfileId(from), .chain = {}, .to = {}, .body = body};
  for (std::string& profile : to) text.to.emplace_back(std::move(profile));
  return send_as(id, connection, text);
}
std::string CallWorld::texts_into(const std::string& connection, const std::string& from,
                                  const std::string& chain, const std::string& body,
                                  const std::string& id) {
  return send_as(
      id, connection,
      call::Text{.from = ProfileId(from), .chain = call::ChainId(chain), .to = {}, .body = body});
}

std::string CallWorld::commands(call::CommandBody body) {
  last_done_.reset();
  const call::JobId fresh("j" + std::to_string(next_request_));
  step(call::Command{next_request_++, std::move(body), fresh});
  return last_done_ ? text_of(last_done_->body) : "";
}

void CallWorld::release_store() {
  held_ = false;
  while (!answers_.empty()) {
    const call::Input answer = std::move(answers_.front());
    answers_.pop_front();
    hand_in(answer);
  }
}

void CallWorld::set_storing(bool accepting) { step(call::StoreState{accepting}); }

void CallWorld::restart() {
  machine_.emplace(limits_);
  watch_ = Watch();
  answers_.clear();
  told_.clear();
  held_ = false;
}

void CallWorld::leg(call::Input report) { step(report); }
void CallWorld::shut_down() { step(call::Shutdown{}); }

void CallWorld::pass(base::Duration duration) {
  const base::Instant until{
      now_.mono + duration,
      now_.wall + std::chrono::duration_cast<std::chrono::milliseconds>(duration)};
  for (auto due = machine_->deadline(); due && *due <= until.mono; due = machine_->deadline()) {
    if (*due > now_.mono) {
      now_.wall += std::chrono::duration_cast<std::chrono::milliseconds>(*due - now_.mono);
      now_.mono = *due;
    }
    step(call::Tick{});
  }
  now_ = until;
}

std::string CallWorld::told(const std::string& connection) {
  return std::exchange(told_[connection], {});
}
std::string CallWorld::media() { return std::exchange(media_, {}); }
std::string CallWorld::jobs() { return std::exchange(jobs_, {}); }

void CallWorld::step(const call::Input& input) {
  hand_in(input);
  if (!held_) release_store();
}

void CallWorld::hand_in(const call::Input& input) {
  effects_ = machine_->handle(input, now_);
  if (const auto call = store_.contradiction(effects_)) {
    // What the gate does: nothing of it happens, but the caller is answered.
    std::erase_if(effects_, [&](const call::Effect& effect) {
      const auto* reply = std::get_if<call::SendReply>(&effect);
      return reply == nullptr || reply->reply.ref.str() != call->str();
    });
    for (call::Effect& effect : effects_)
      std::get<call::SendReply>(effect).reply.body =
          call::Refusal{call::ErrorCode::kConflict, "this id is taken", std::nullopt};
    answers_.emplace_back(call::CallNotStored{*call});
    watch_.see_withdrawn(*call);
  }
  watch_.see(input, effects_, *machine_, now_.mono);
  for (const call::Effect& effect : effects_) {
    std::visit([this](const auto& one) { keep(one); }, effect);
    if (auto answer = store_.take(effect)) answers_.push_back(*std::move(answer));
  }
  if (connects_at_once_) connect_new_legs();
}

void CallWorld::connect_new_legs() {
  const std::vector<call::Effect> effects = effects_;
  for (const call::Effect& effect : effects)
    if (const auto* open = std::get_if<call::OpenLeg>(&effect))
      hand_in(call::LegConnected{open->leg});
  effects_ = effects;
}

void CallWorld::keep(const call::Welcome& effect) {
  snapshots_[effect.connection.str()] = effect.calls;
}
void CallWorld::keep(const call::SendReply& effect) { last_reply_ = effect.reply; }

void CallWorld::keep(const call::SendEvent& effect) {
  std::string text = text_of(effect.event.body);
  if (!std::holds_alternative<call::InitEvent>(effect.event.body)) {
    if (effect.event.profile) text += ":" + effect.event.profile->str();
    if (effect.event.connection) text += "@" + effect.event.connection->str();
  }
  append(told_[effect.connection.str()], text);
  last_events_.insert_or_assign(effect.connection.str(), effect.event);
  if (const auto* end = std::get_if<call::EndEvent>(&effect.event.body)) end_ = text_of(*end);
}

void CallWorld::keep(const call::DeliverText& effect) {
  append(told_[effect.connection.str()], "text:" + effect.text.body);
}
void CallWorld::keep(const call::CommandDone& effect) { last_done_ = effect; }
void CallWorld::keep(const call::Recall& /*effect*/) {}
void CallWorld::keep(const call::StoreText& /*effect*/) {}
void CallWorld::keep(const call::OpenLeg& effect) {
  append(media_, "open" + std::to_string(effect.leg.value));
}
void CallWorld::keep(const call::CloseLeg& effect) {
  append(media_, "close" + std::to_string(effect.leg.value));
}
void CallWorld::keep(const call::ToLeg& effect) {
  append(media_, "to" + std::to_string(effect.leg.value));
}
void CallWorld::keep(const call::Feed& effect) {
  append(media_, "feed" + std::to_string(effect.stream.value) + "=" +
                     (effect.leg ? std::to_string(effect.leg->value) : "none"));
}
void CallWorld::keep(const call::Show& effect) {
  append(media_, "show" + std::to_string(effect.leg.value) + ":" + effect.profile.str());
}
void CallWorld::keep(const call::Hide& effect) {
  append(media_,
         "hide" + std::to_string(effect.leg.value) + ":" + std::to_string(effect.stream.value));
}
void CallWorld::keep(const call::Mute& effect) {
  append(media_, "mute" + std::to_string(effect.stream.value) + text_of(effect.unmuted));
}
void CallWorld::keep(const call::NameStream& /*effect*/) {}
void CallWorld::keep(const call::StartJob& effect) {
  append(jobs_, "start:" + effect.job.str());
  for (const ProfileId& profile : effect.hidden) jobs_ += "-" + profile.str();
}
void CallWorld::keep(const call::UpdateJob& effect) {
  append(jobs_, "update:" + effect.job.str());
  for (const ProfileId& profile : effect.hidden) jobs_ += "-" + profile.str();
}
void CallWorld::keep(const call::StopJob& effect) { append(jobs_, "stop:" + effect.job.str()); }
void CallWorld::keep(const call::OpenPort& effect) {
  append(media_, "port" + std::to_string(effect.leg.value) + ":" + effect.owner);
}
void CallWorld::keep(const call::OpenGuest& effect) {
  append(media_, "guest" + std::to_string(effect.leg.value));
}
void CallWorld::keep(const call::PatchLeg& effect) {
  append(media_, "patch" + std::to_string(effect.leg.value));
}
void CallWorld::keep(const call::Save& effect) {
  append(
      records_,
      std::visit(base::Overloaded{
                     [](const call::CallStarted&) { return std::string("started"); },
                     [](const call::CallAccepted& r) {
                       return "accepted:" + r.profile.str() + "@" + r.connection.str();
                     },
                     [](const call::ParticipantAdded& r) { return "added:" + r.profile.str(); },
                     [](const call::RingsUnheard& r) { return "unheard:" + r.profile.str(); },
                     [](const call::ParticipantLeft& r) {
                       return "left:" + r.profile.str() + "=" + name_of(r.outcome);
                     },
                     [](const call::CallEnded& r) { return "ended:" + name_of(r.reason); },
                     [](const call::RecordingBegan& r) { return "recording:" + r.recording.str(); },
                     [](const call::RecordingOver& r) {
                       return "recorded:" + r.recording.str() + (r.failed ? "!" : "");
                     },
                     [](const call::BridgeNoted& r) {
                       return "bridge:" + r.bridge.bridge.str() + "=" + name_of(r.bridge.state);
                     }},
                 effect));
}

}  // namespace parley::test
