// Guests: WHIP (RFC 9725) and WHEP. Each comes with an offer of its own, has one leg, and goes when
// it says so, when the call ends, or when its media is lost for too long.
#include <utility>

#include "call/state.h"

namespace parley::call {

Machine::State::Later Machine::State::join_guest(Call& call, const Command& command,
                                                 const JoinGuest& message) {
  if (auto refusal = check_extra(call, command.fresh)) return tl::unexpected(*std::move(refusal));
  if (call.guests.size() >= limits_.guests_per_call)
    return refuse(ErrorCode::kTooLarge,
                  "a call has at most " + std::to_string(limits_.guests_per_call) + " guests");
  if (message.publishes) {
    if (!is_name_free(call, message.profile))
      return refuse(ErrorCode::kConflict, "there is a participant of this name in the call");
    if (call.find(message.profile) == nullptr)
      if (auto refusal = check_source_room(call)) return tl::unexpected(*std::move(refusal));
  } else if (message.watches && call.find(*message.watches) == nullptr) {
    return refuse(ErrorCode::kNotFound, "this profile takes no part in the call");
  }
  const JobId id = *command.fresh;
  Guest guest;
  guest.profile = message.profile;
  guest.publishes = message.publishes;
  if (!message.publishes) guest.watches = message.watches;
  guest.port = Port{.leg = LegId{next_leg_++}, .stream = StreamId{next_stream_++}};
  guest.joining = command.ticket;
  guest.connect_by = now_.mono + limits_.media_timeout;
  legs_.emplace(guest.port.leg, LegUse{call.id, ExtraLeg(GuestLeg{id})});
  out_.push(OpenGuest{.leg = guest.port.leg,
                      .ticket = command.ticket,
                      .publishes = message.publishes,
                      .sdp = message.sdp});
  call.guests.emplace(id, std::move(guest));
  review_media(call);
  return std::nullopt;
}

Machine::State::Later Machine::State::patch_guest(Call& call, const Command& command,
                                                  const PatchGuest& message) {
  const auto guest = call.guests.find(message.guest);
  if (guest == call.guests.end())
    return refuse(ErrorCode::kNotFound, "there is no such guest in this call");
  guest->second.patching.insert(command.ticket);
  out_.push(PatchLeg{guest->second.port.leg, command.ticket, message.fragment});
  return std::nullopt;
}

void Machine::State::on(const GuestAnswered& report) {
  const auto other = find_other_leg(report.leg);
  if (!other) return;
  const auto* leg = std::get_if<GuestLeg>(&other->use);
  if (leg == nullptr) return;
  const JobId id = leg->guest;
  Guest& guest = other->call.guests.at(id);
  const bool joins = guest.joining == report.ticket;
  if (!joins && guest.patching.erase(report.ticket) == 0) return;
  if (joins) guest.joining.reset();
  if (!report.refusal) {
    out_.push(
        CommandDone{report.ticket, Ok{.call = other->call.id, .bridge = id, .sdp = report.sdp}});
    return;
  }
  out_.push(CommandDone{report.ticket, *report.refusal});
  if (!joins) return;
  legs_.erase(report.leg);  // there is no such leg
  other->call.guests.erase(id);
  review_media(other->call);
}

void Machine::State::connected(Call& call, const GuestLeg& leg) {
  Guest& guest = call.guests.at(leg.guest);
  if (guest.joining) return;  // nobody connects without an answer
  guest.connect_by.reset();
  if (std::exchange(guest.port.connected, true) || !guest.publishes) return;
  add_source(call, leg.guest, guest.profile, guest.port);
  const BridgeView view = view_of_guest(leg.guest, guest, BridgeState::kLive);
  note_bridge(call, view);
  tell_bridge(call, view);
}

void Machine::State::silent(Call& call, const GuestLeg& leg, bool is_silent) {
  if (Participant* p = find_source(call, leg.guest))
    return set_lost(call, *p, &Place::media_back_by, is_silent);
  Guest& guest = call.guests.at(leg.guest);
  if (!is_silent)
    guest.back_by.reset();
  else if (!guest.back_by)
    guest.back_by = now_.mono + limits_.resume_window;
}

void Machine::State::failed(Call& call, const GuestLeg& leg, const std::string& /*message*/) {
  drop_guest(call, leg.guest, Outcome::kFailed);
}

void Machine::State::go_off(Call& call, const GuestOverdue& timer) {
  drop_guest(call, timer.guest, Outcome::kLost);
}

void Machine::State::drop_guest(Call& call, const JobId& id, Outcome outcome) {
  const auto node = call.guests.extract(id);
  if (node.empty()) return;
  close_guest(call, id, node.mapped(), outcome);
  review_media(call);
}

void Machine::State::close_guest(Call& call, const JobId& id, Guest& guest, Outcome outcome) {
  refuse_waiting(call, guest);
  if (!guest.publishes) {
    close_port(guest.port, false);
    return;
  }
  const bool told = guest.port.connected;
  remove_source(call, id, guest.port, outcome);
  if (!told) return;
  const bool failed = outcome == Outcome::kFailed || outcome == Outcome::kLost;
  const BridgeView view =
      view_of_guest(id, guest, failed ? BridgeState::kFailed : BridgeState::kEnded);
  note_bridge(call, view);
  if (!call.ended) tell_bridge(call, view);
}

void Machine::State::refuse_waiting(const Call& call, const Guest& guest) {
  const Refusal refusal{
      call.ended ? ErrorCode::kEnded : ErrorCode::kNotFound,
      call.ended ? "the call ended before this was done" : "the guest has left the call",
      std::nullopt};
  if (guest.joining) out_.push(CommandDone{*guest.joining, refusal});
  for (const std::uint64_t ticket : guest.patching) out_.push(CommandDone{ticket, refusal});
}

BridgeView Machine::State::view_of_guest(const JobId& id, const Guest& guest, BridgeState state) {
  return {.bridge = id,
          .direction = Direction::kIn,
          .kind = BridgeKind::kWhip,
          .profile = guest.profile,
          .only = {},
          .state = state,
          .message = {},
          .watch = {}};
}

}  // namespace parley::call
