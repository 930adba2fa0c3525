// What servers that use Parley ask.
#include "base/overloaded.h"
#include "call/roles.h"
#include "call/state.h"

namespace parley::call {

void Machine::State::on(const Command& command) {
  std::visit(base::Overloaded{[&](const PostText& message) { post(command, message); },
                              [&](const Record&) { refuse_yet(command); },
                              [&](const SetMode&) { refuse_yet(command); },
                              [&](const StartBridge&) { refuse_yet(command); },
                              [&](const StopBridge&) { refuse_yet(command); },
                              [&](const JoinGuest&) { refuse_yet(command); },
                              [&](const PatchGuest&) { refuse_yet(command); },
                              [&](const LeaveGuest&) { refuse_yet(command); },
                              [&](const auto& other) {
                                const Answer done = perform(other);
                                if (done) {
                                  out_.push(CommandDone{command.ticket, *done});
                                } else {
                                  out_.push(CommandDone{command.ticket, done.error()});
                                }
                              }},
             command.body);
}

void Machine::State::refuse_yet(const Command& command) {
  out_.push(CommandDone{command.ticket,
                        Refusal{ErrorCode::kUnavailable, "this is not to be had yet", {}}});
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
                .participants = {}};
  for (const Participant& p : call.participants) view.participants.push_back(view_of(p));
  return view;
}

}  // namespace parley::call
