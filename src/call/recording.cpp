// call.record and call.consent.
//
// With the policy `notify` everybody is told, and the recording starts. With `consent` everybody is
// asked first, and whoever has not said yes is hidden from the job: before it starts, when somebody
// comes, and at once when somebody changes his mind.
#include <algorithm>
#include <utility>

#include "call/state.h"

namespace parley::call {
namespace {

std::optional<bool> consent_of(const RecordingView& view, const ProfileId& profile) {
  for (const auto& one : view.consents)
    if (one.profile == profile) return one.given;
  return std::nullopt;
}

bool is_asked(const RecordingView& view, const ProfileId& profile) {
  return std::any_of(view.consents.begin(), view.consents.end(),
                     [&](const auto& one) { return one.profile == profile; });
}

// Also who does not take part yet: his first packet must not be recorded. A bridge is nobody who
// could be asked, and its operator has brought it in; a guest is somebody.
std::vector<ProfileId> hidden_of(Call& call) {
  std::vector<ProfileId> hidden;
  if (call.recording->view.policy == RecordPolicy::kNotify) return hidden;
  for (const Participant& p : call.participants) {
    const bool of_bridge = p.bridge && call.find_bridge(*p.bridge) != nullptr;
    if (!of_bridge && !consent_of(call.recording->view, p.profile).value_or(false))
      hidden.push_back(p.profile);
  }
  return hidden;
}

}  // namespace

Machine::State::Later Machine::State::perform(const Standing& standing, const Record& message) {
  const auto& [call, self, device, sender] = standing;
  if (!sender.admin && !sender.received.may_record)
    return refuse(ErrorCode::kForbidden, "your access token does not grant `record`");
  if (!self.place)
    return refuse(ErrorCode::kNotActive, "only who is in the call can have it recorded");
  if (!message.start) return stop_recording(call);
  return start_recording(call, message, sender.received.fresh, &self.profile);
}

Machine::State::Answer Machine::State::start_recording(Call& call, const Record& message,
                                                       const std::optional<JobId>& fresh,
                                                       const ProfileId* by) {
  if (auto refusal = check_extra(call, fresh)) return tl::unexpected(*std::move(refusal));
  if (call.recording)
    return refuse(ErrorCode::kConflict,
                  call.recording->stopping
                      ? "the last recording is being closed; try again in a moment"
                      : "the call is recorded already; `stop` ends that");
  Recording& recording = call.recording.emplace();
  if (by != nullptr) recording.by = *by;
  recording.view = RecordingView{.recording = *fresh,
                                 .state = RecordingState::kStarting,
                                 .layout = message.layout,
                                 .format = message.format,
                                 .policy = message.policy,
                                 .consents = {},
                                 .message = {}};
  if (message.policy == RecordPolicy::kNotify) {
    begin_recording(call);
    return Ok{.call = call.id, .recording = fresh};
  }
  recording.view.state = RecordingState::kAsking;
  recording.ask_until = now_.mono + limits_.consent_timeout;
  for (const Participant& p : call.participants) {
    if (!p.place || p.bridge) continue;
    const bool agrees = by != nullptr && p.profile == *by;
    recording.view.consents.push_back(
        {p.profile, agrees ? std::optional(true) : std::optional<bool>()});
  }
  tell_recording(call);
  review_asking(call);
  return Ok{.call = call.id, .recording = fresh};
}

void Machine::State::begin_recording(Call& call) {
  Recording& recording = *call.recording;
  const RecordingView& view = recording.view;
  recording.ask_until.reset();
  recording.view.state = RecordingState::kStarting;
  recording.hidden = hidden_of(call);
  out_.save(RecordingBegan{.call = call.id,
                           .recording = view.recording,
                           .layout = view.layout,
                           .format = view.format,
                           .policy = view.policy,
                           .by = recording.by,
                           .at = now_.wall});
  start_job(call, view.recording, RecordWork{view.layout, view.format}, recording.hidden);
  jobs_.at(view.recording).records = true;
  tell_recording(call);
}

Machine::State::Answer Machine::State::stop_recording(Call& call) {
  if (!call.recording) return refuse(ErrorCode::kConflict, "the call is not recorded");
  Recording& recording = *call.recording;
  const Ok ok{.call = call.id, .recording = recording.view.recording};
  if (recording.ask_until) {
    recording.view.state = RecordingState::kEnded;
    tell_recording(call);
    call.recording.reset();
  } else if (!std::exchange(recording.stopping, true)) {
    stop_job(recording.view.recording);
  }
  return ok;
}

void Machine::State::tell_recording(const Call& call) {
  tell_all(call, call.recording->view, std::nullopt);
}

Machine::State::Later Machine::State::perform(const Standing& standing, const Consent& message) {
  const auto& [call, self, device, sender] = standing;
  if (!call.recording || call.recording->view.policy == RecordPolicy::kNotify)
    return refuse(ErrorCode::kConflict, "nobody is asked for consent in this call now");
  auto& consents = call.recording->view.consents;
  const auto own = std::find_if(consents.begin(), consents.end(),
                                [&](const auto& one) { return one.profile == self.profile; });
  if (own != consents.end() && own->given == message.given) return Ok{};
  if (own != consents.end())
    own->given = message.given;
  else
    consents.push_back({self.profile, message.given});
  review_hidden(call);
  tell_recording(call);
  review_asking(call);
  return Ok{};
}

void Machine::State::ask_for_consent(Call& call, const Participant& participant) {
  if (!call.recording || call.recording->view.policy == RecordPolicy::kNotify ||
      is_asked(call.recording->view, participant.profile))
    return;
  call.recording->view.consents.push_back({participant.profile, std::nullopt});
  tell_recording(call);
}

void Machine::State::review_asking(Call& call) {
  if (!call.recording || !call.recording->ask_until) return;
  const RecordingView& view = call.recording->view;
  const bool all =
      std::all_of(call.participants.begin(), call.participants.end(), [&](const Participant& p) {
        return !p.place || p.bridge || consent_of(view, p.profile).has_value();
      });
  if (all) end_asking(call);
}

void Machine::State::go_off(Call& call, const AskedTooLong& /*timer*/) { end_asking(call); }

void Machine::State::end_asking(Call& call) {
  Recording& recording = *call.recording;
  const auto agrees = [](const auto& one) { return one.given.value_or(false); };
  const auto& consents = recording.view.consents;
  if (std::any_of(consents.begin(), consents.end(), agrees)) return begin_recording(call);
  recording.view.state = RecordingState::kFailed;
  recording.view.message = "nobody has agreed to be recorded";
  tell_recording(call);
  call.recording.reset();
}

void Machine::State::review_hidden(Call& call) {
  if (!call.recording || call.recording->ask_until) return;
  std::vector<ProfileId> hidden = hidden_of(call);
  if (hidden == call.recording->hidden) return;
  call.recording->hidden = hidden;
  out_.push(UpdateJob{call.recording->view.recording, std::move(hidden)});
}

// `call`: nullptr when it is over.
void Machine::State::report(Call* call, const CallId& id, const JobReported& report) {
  const bool failed = report.state == JobState::kFailed;
  const bool over = failed || report.state == JobState::kEnded;
  if (over)
    out_.save(RecordingOver{.call = id,
                            .recording = report.job,
                            .failed = failed,
                            .message = report.message,
                            .at = now_.wall});
  if (call == nullptr || !call->recording || call->recording->view.recording != report.job) return;
  RecordingView& view = call->recording->view;
  if (over) {
    view.state = failed ? RecordingState::kFailed : RecordingState::kEnded;
    view.message = report.message;
    tell_recording(*call);
    call->recording.reset();
  } else if (report.state == JobState::kLive && view.state == RecordingState::kStarting) {
    view.state = RecordingState::kOn;
    tell_recording(*call);
  }
}

}  // namespace parley::call
