// What servers that use Parley ask.
#include "base/overloaded.h"
#include "call/roles.h"
#include "call/state.h"

namespace parley::call {

void Machine::State::on(const Command& command) {
  std::visit(base::Overloaded{[&](const PostText& message) { post(command, message); },
                              [&](const EndCall& m) { finish(command, perform(m)); },
                              [&](const RemoveParticipant& m) { finish(command, perform(m)); },
                              [&](const MuteParticipant& m) { finish(command, perform(m)); },
                              [&](const auto& m) { finish(command, perform_extra(command, m)); }},
             command.body);
}

// nullopt: the media layer will bring it.
void Machine::State::finish(const Command& command, const Later& result) {
  if (!result) return;
  if (*result) {
    out_.push(CommandDone{command.ticket, **result});
  } else {
    out_.push(CommandDone{command.ticket, result->error()});
  }
}

tl::expected<Call*, Refusal> Machine::State::find_live(const CallId& id) {
  Call* call = calls_.find(id);
  if (call == nullptr) return refuse(ErrorCode::kNotFound, "no call of this id lives");
  touch(*call);
  return call;
}

Machine::State::Later Machine::State::perform_extra(const Command& command, const Record& message) {
  const auto call = find_live(message.call);
  if (!call) return tl::unexpected(call.error());
  if (!message.start) return stop_recording(**call);
  return start_recording(**call, message, command.fresh, nullptr);
}

Machine::State::Later Machine::State::perform_extra(const Command& /*command*/,
                                                    const SetMode& message) {
  const auto call = find_live(message.call);
  if (!call) return tl::unexpected(call.error());
  return set_mode(**call, message);
}

Machine::State::Later Machine::State::perform_extra(const Command& command,
                                                    const StartBridge& message) {
  const auto call = find_live(message.call);
  if (!call) return tl::unexpected(call.error());
  return start_bridge(**call, message, command.fresh);
}

Machine::State::Later Machine::State::perform_extra(const Command& /*command*/,
                                                    const StopBridge& message) {
  const auto call = find_live(message.call);
  if (!call) return tl::unexpected(call.error());
  return stop_bridge(**call, message.bridge);
}

Machine::State::Later Machine::State::perform_extra(const Command& command,
                                                    const JoinGuest& message) {
  const auto call = find_live(message.call);
  if (!call) return tl::unexpected(call.error());
  return join_guest(**call, command, message);
}

Machine::State::Later Machine::State::perform_extra(const Command& command,
                                                    const PatchGuest& message) {
  const auto call = find_live(message.call);
  if (!call) return tl::unexpected(call.error());
  return patch_guest(**call, command, message);
}

Machine::State::Later Machine::State::perform_extra(const Command& /*command*/,
                                                    const LeaveGuest& message) {
  const auto call = find_live(message.call);
  if (!call) return tl::unexpected(call.error());
  if (!(*call)->guests.contains(message.guest))
    return refuse(ErrorCode::kNotFound, "there is no such guest in this call");
  drop_guest(**call, message.guest, Outcome::kCompleted);
  return Ok{.call = message.call};
}

Machine::State::Answer Machine::State::perform(const EndCall& command) {
  Call* call = calls_.find(command.call);
  if (call == nullptr) return refuse(ErrorCode::kNotFound, "no call of this id lives");
  for (Participant& p : call->participants)
    if (!p.outcome) p.outcome = Outcome::kKicked;
  end(*call, Outcome::kKicked);
  return Ok{.call = command.call};
}

tl::expected<Participant*, Refusal> Machine::State::find_participant(const CallId& id,
                                                                     const ProfileId& profile) {
  Call* call = calls_.find(id);
  if (call == nullptr) return refuse(ErrorCode::kNotFound, "no call of this id lives");
  touch(*call);
  Participant* p = call->find(profile);
  if (p == nullptr) return refuse(ErrorCode::kNotFound, "this profile takes no part in the call");
  return p;
}

// Who has left keeps the outcome, and may not come back either.
Machine::State::Answer Machine::State::perform(const RemoveParticipant& command) {
  const auto p = find_participant(command.call, command.profile);
  if (!p) return tl::unexpected(p.error());
  if ((*p)->bridge) return stop_bridge(*calls_.find(command.call), JobId(*(*p)->bridge));
  (*p)->barred = true;
  if ((*p)->stage != Stage::kLeft) leave(*calls_.find(command.call), **p, Outcome::kKicked);
  return Ok{.call = command.call};
}

Machine::State::Answer Machine::State::perform(const MuteParticipant& command) {
  if (!command.audio && !command.video)
    return refuse(ErrorCode::kBadRequest, "give `audio`, `video` or both");
  const auto p = find_participant(command.call, command.profile);
  if (!p) return tl::unexpected(p.error());
  set_muted(*calls_.find(command.call), **p, command.audio, command.video, nullptr);
  return Ok{.call = command.call};
}

std::vector<CallView> Machine::State::live() const {
  std::vector<CallView> views;
  for (const auto& [id, call] : calls_.all()) views.push_back(view(call));
  return views;
}

std::optional<CallView> Machine::State::find(const CallId& id) const {
  const auto found = calls_.all().find(id);
  return found == calls_.all().end() ? std::nullopt : std::optional(view(found->second));
}

CallView Machine::State::view(const Call& call) {
  CallView view{.call = call.id,
                .chain = call.chain,
                .from = call.initiator().profile,
                .to = call.receivers(),
                .settings = call.settings,
                .running = call.accepted_at.has_value(),
                .at = call.at,
                .accepted_at = call.accepted_wall,
                .participants = {},
                .extras = extras_of(call)};
  for (const Participant& p : call.participants) view.participants.push_back(view_of(p));
  return view;
}

}  // namespace parley::call
