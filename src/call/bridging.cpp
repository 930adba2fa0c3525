// call.bridge: a call is sent on, or something is brought into it as a participant.
//
// What is brought in is shown to everybody like a participant, but it is nobody: it has no device,
// no outcome that is stored, and the call does not live for it.
#include <algorithm>
#include <utility>

#include "call/state.h"

namespace parley::call {
namespace {

std::string_view word_of(BridgeKind kind) {
  switch (kind) {
    case BridgeKind::kRtmp:
      return "rtmp";
    case BridgeKind::kSrt:
      return "srt";
    case BridgeKind::kRtp:
      return "rtp";
    case BridgeKind::kHls:
      return "hls";
    case BridgeKind::kRtsp:
      return "rtsp";
    case BridgeKind::kFile:
      return "file";
    case BridgeKind::kWhip:
      break;
  }
  return "whip";
}

BridgeState state_of(JobState state) {
  switch (state) {
    case JobState::kStarting:
      return BridgeState::kStarting;
    case JobState::kLive:
      return BridgeState::kLive;
    case JobState::kReconnecting:
      return BridgeState::kReconnecting;
    case JobState::kEnded:
      return BridgeState::kEnded;
    case JobState::kFailed:
      break;
  }
  return BridgeState::kFailed;
}

}  // namespace

Machine::State::Later Machine::State::perform(const Standing& standing,
                                              const StartBridge& message) {
  const auto& [call, self, device, sender] = standing;
  if (!sender.admin && !sender.received.may_bridge)
    return refuse(ErrorCode::kForbidden, "your access token does not grant `bridge`");
  if (!self.place) return refuse(ErrorCode::kNotActive, "only who is in the call can bridge it");
  return start_bridge(call, message, sender.received.fresh);
}

Machine::State::Later Machine::State::perform(const Standing& standing, const StopBridge& message) {
  const auto& [call, self, device, sender] = standing;
  if (!sender.admin && !sender.received.may_bridge)
    return refuse(ErrorCode::kForbidden, "your access token does not grant `bridge`");
  return stop_bridge(call, message.bridge);
}

// Why nothing can be made of this call now.
std::optional<Refusal> Machine::State::check_extra(const Call& call,
                                                   const std::optional<JobId>& fresh) const {
  if (auto refusal = check_beginning()) return refusal;
  if (!call.accepted_at)
    return Refusal{ErrorCode::kConflict, "nobody has accepted the call yet", std::nullopt};
  if (!fresh || jobs_.contains(*fresh) || call.guests.contains(*fresh))
    return Refusal{ErrorCode::kInternal, "the server gave it no name", std::nullopt};
  return std::nullopt;
}

bool Machine::State::is_name_free(Call& call, const ProfileId& profile) {
  const Participant* p = call.find(profile);
  if (profile == ProfileId("mix") || (p != nullptr && (!p->bridge || p->place))) return false;
  const bool bridged =
      std::any_of(call.bridges.begin(), call.bridges.end(), [&](const Bridge& bridge) {
        return bridge.view.direction == Direction::kIn && bridge.view.profile == profile;
      });
  const bool guest = std::any_of(call.guests.begin(), call.guests.end(), [&](const auto& entry) {
    return entry.second.publishes && entry.second.profile == profile;
  });
  return !bridged && !guest;
}

// Everybody is shown to everybody, whoever it is.
std::optional<Refusal> Machine::State::check_source_room(const Call& call) const {
  if (call.participants.size() <= limits_.receivers_per_call) return std::nullopt;
  return Refusal{ErrorCode::kTooLarge, "the call has no room for one more participant",
                 std::nullopt};
}

tl::expected<ProfileId, Refusal> Machine::State::name_source(Call& call,
                                                             const StartBridge& message) const {
  if (message.profile) {
    if (!is_name_free(call, *message.profile))
      return refuse(ErrorCode::kConflict,
                    "there is a participant of this name; choose another `profileId`");
    if (call.find(*message.profile) != nullptr) return *message.profile;
  }
  ProfileId name = message.profile.value_or(ProfileId());
  for (int n = 1; name.empty() || !is_name_free(call, name); ++n)
    name = ProfileId(std::string(word_of(message.kind)) + "-" + std::to_string(n));
  if (call.find(name) == nullptr)
    if (auto refusal = check_source_room(call)) return tl::unexpected(*std::move(refusal));
  return name;
}

Machine::State::Answer Machine::State::start_bridge(Call& call, const StartBridge& message,
                                                    const std::optional<JobId>& fresh) {
  if (auto refusal = check_extra(call, fresh)) return tl::unexpected(*std::move(refusal));
  if (call.bridges.size() >= limits_.bridges_per_call)
    return refuse(ErrorCode::kTooLarge, "a call has at most " +
                                            std::to_string(limits_.bridges_per_call) +
                                            " bridges; stop one of them first");
  Bridge bridge;
  bridge.view.bridge = *fresh;
  bridge.view.direction = message.direction;
  bridge.view.kind = message.kind;
  if (message.direction == Direction::kOut) {
    if (message.only && call.find(*message.only) == nullptr)
      return refuse(ErrorCode::kNotFound, "`only` names nobody in this call");
    bridge.view.only = message.only;
    start_job(call, *fresh, OutWork{message.kind, message.url, message.layout, message.only}, {});
  } else {
    const auto name = name_source(call, message);
    if (!name) return tl::unexpected(name.error());
    bridge.view.profile = *name;
    start_job(call, *fresh, InWork{message.kind, message.url, *name}, {});
    bridge.port = open_port(call, *fresh, name->str(), {call.id, SourceLeg{*fresh}});
  }
  call.bridges.push_back(std::move(bridge));
  note_bridge(call, call.bridges.back().view);
  tell_bridge(call, call.bridges.back().view);
  return Ok{.call = call.id, .bridge = fresh};
}

Machine::State::Answer Machine::State::stop_bridge(Call& call, const JobId& id) {
  const Ok ok{.call = call.id, .bridge = id};
  if (const auto guest = call.guests.find(id); guest != call.guests.end()) {
    drop_guest(call, JobId(id), Outcome::kKicked);
    return ok;
  }
  Bridge* bridge = call.find_bridge(id);
  if (bridge == nullptr)
    return refuse(ErrorCode::kNotFound, "there is no such bridge in this call");
  if (!std::exchange(bridge->stopping, true)) stop_job(id);
  return ok;
}

void Machine::State::start_job(const Call& call, const JobId& job, JobWork work,
                               std::vector<ProfileId> hidden) {
  jobs_.emplace(job, JobUse{call.id});
  out_.push(StartJob{job, call.id, std::move(work), std::move(hidden)});
}

// Nothing, when it has ended by itself.
void Machine::State::stop_job(const JobId& job) {
  if (jobs_.contains(job)) out_.push(StopJob{job});
}

void Machine::State::tell_bridge(const Call& call, const BridgeView& view) {
  tell_all(call, view, view.profile);
}

void Machine::State::note_bridge(const Call& call, const BridgeView& view) {
  out_.save(BridgeNoted{call.id, view, now_.wall});
}

void Machine::State::on(const JobReported& report_of) {
  const auto found = jobs_.find(report_of.job);
  if (found == jobs_.end()) return;
  const JobUse use = found->second;
  if (report_of.state == JobState::kEnded || report_of.state == JobState::kFailed)
    jobs_.erase(found);
  Call* call = calls_.find(use.call);
  if (call != nullptr) touch(*call);
  if (use.records) return report(call, use.call, report_of);
  if (call == nullptr) return;
  if (call->mixer && call->mixer->job == report_of.job) {
    if (!jobs_.contains(report_of.job)) end_mix(*call);
  } else if (Bridge* bridge = call->find_bridge(report_of.job)) {
    report(*call, *bridge, report_of);
  }
}

void Machine::State::report(Call& call, Bridge& bridge, const JobReported& report) {
  BridgeView& view = bridge.view;
  const BridgeState state = state_of(report.state);
  const bool over = state == BridgeState::kEnded || state == BridgeState::kFailed;
  if (!over && state == view.state && report.message == view.message &&
      (report.watch.empty() || report.watch == view.watch))
    return;
  view.state = state;
  view.message = report.message;
  if (!report.watch.empty()) view.watch = report.watch;
  if (over || (state == BridgeState::kLive && !std::exchange(bridge.was_live, true)))
    note_bridge(call, view);
  tell_bridge(call, view);
  if (!over) return;
  const JobId id = view.bridge;
  const std::optional<Port> port = bridge.port;
  const bool failed = state == BridgeState::kFailed;
  if (port) remove_source(call, id, *port, failed ? Outcome::kFailed : Outcome::kCompleted);
  std::erase_if(call.bridges, [&](const Bridge& one) { return one.view.bridge == id; });
  review_media(call);
}

// ---- what is brought in ---------------------------------------------------------------------

Participant* Machine::State::find_source(Call& call, const JobId& id) {
  const auto found = std::find_if(call.participants.begin(), call.participants.end(),
                                  [&](const Participant& p) { return p.place && p.bridge == id; });
  return found == call.participants.end() ? nullptr : &*found;
}

// Participants move in memory.
void Machine::State::add_source(Call& call, const JobId& id, const ProfileId& profile,
                                const Port& port) {
  if (call.find(profile) == nullptr) {
    call.participants.emplace_back();
    call.participants.back().profile = profile;
  }
  Participant& p = *call.find(profile);
  p.stream = port.stream;
  p.stage = Stage::kActive;
  p.unmuted = Settings{};
  p.outcome.reset();
  p.bridge = id;
  p.named = false;
  p.place.emplace();
  review_hidden(call);
  name_stream(call, p);
  out_.push(Feed{p.stream, port.leg});
  tell_all(call, AcceptEvent{}, profile);
  review_media(call);
}

void Machine::State::remove_source(Call& call, const JobId& id, const Port& port, Outcome outcome) {
  Participant* p = find_source(call, id);
  close_port(port, p != nullptr);
  if (p == nullptr) return;
  p->place.reset();
  p->stage = Stage::kLeft;
  p->outcome = outcome;
  if (!call.ended) tell_all(call, LeftEvent{outcome}, p->profile);
}

void Machine::State::connected(Call& call, const SourceLeg& leg) {
  Bridge& bridge = *call.find_bridge(leg.bridge);
  if (std::exchange(bridge.port->connected, true)) return;
  add_source(call, leg.bridge, *bridge.view.profile, *bridge.port);
}

void Machine::State::silent(Call& call, const SourceLeg& leg, bool is_silent) {
  if (Participant* p = find_source(call, leg.bridge))
    set_lost(call, *p, &Place::media_back_by, is_silent);
}

// The job is told to end, and says when it has.
void Machine::State::failed(Call& call, const SourceLeg& leg, const std::string& message) {
  Bridge& bridge = *call.find_bridge(leg.bridge);
  bridge.view.message = message;
  if (!std::exchange(bridge.stopping, true)) stop_job(leg.bridge);
}

// ---- the end of the call --------------------------------------------------------------------

void Machine::State::end_extras(Call& call) {
  if (call.recording && !call.recording->ask_until && !call.recording->stopping)
    stop_job(call.recording->view.recording);
  call.recording.reset();
  for (auto& [id, guest] : call.guests) close_guest(call, id, guest, Outcome::kCompleted);
  call.guests.clear();
  if (call.mixer) {
    for (const auto& [profile, port] : call.mixer->sounds) close_port(port);
    close_port(call.mixer->picture);
    stop_job(call.mixer->job);
    call.mixer.reset();
  }
  for (const Bridge& bridge : call.bridges) {
    if (bridge.port) remove_source(call, bridge.view.bridge, *bridge.port, Outcome::kCompleted);
    if (!bridge.stopping) stop_job(bridge.view.bridge);
  }
  call.bridges.clear();
}

}  // namespace parley::call
