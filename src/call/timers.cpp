#include "call/timers.h"

#include <algorithm>
#include <utility>

namespace parley::call {
namespace {

void take_earlier(Due& due, std::optional<base::TimePoint> at, Timer timer) {
  if (at && *at < due.at) due = Due{*at, std::move(timer)};
}

std::optional<base::TimePoint> first_response_due(const Call& call, std::size_t index) {
  std::optional<base::TimePoint> first;
  for (const auto& [id, device] : call.devices) {
    if (device.participant != index || device.response != Response::kAwaited) continue;
    first = first ? std::min(*first, device.answer_by) : device.answer_by;
  }
  return first;
}

void consider_waiting(Due& due, const Call& call, std::size_t index) {
  const Participant& p = call.participants[index];
  const auto response = first_response_due(call, index);
  if (p.stage == Stage::kInviting) {
    take_earlier(due, response ? response : p.init_by, ResponseOverdue{index});
  } else {
    take_earlier(due, response, ResponseOverdue{index});
    take_earlier(due, p.ringing_by, RingingTooLong{index});
  }
}

void consider_active(Due& due, const Participant& p, std::size_t index) {
  const Place& place = *p.place;
  take_earlier(due, place.socket_back_by, PlaceLost{index});
  take_earlier(due, place.media_back_by, PlaceLost{index});
  if (place.media) take_earlier(due, place.media->connect_by, MediaOverdue{index});
  if (p.taking) take_earlier(due, p.taking->give_up_by, TakeOverdue{index});
}

TimeLeft time_left_of(const Participant& p, base::TimePoint answer_by, base::TimePoint now,
                      const Limits& limits) {
  const auto until = [now](base::TimePoint at) { return std::max(at - now, base::Duration(0)); };
  if (p.stage == Stage::kRinging) return {std::nullopt, until(*p.ringing_by)};
  if (p.stage == Stage::kInviting) return {until(answer_by), limits.ringing_timeout};
  return {};
}

}  // namespace

Due next_due(const Call& call) {
  Due due{call.end_by, CallTooLong{}};
  take_earlier(due, call.alone_until, AloneTooLong{});
  take_earlier(due, call.pick_up_by, PickUpTooLong{});
  if (call.recording) take_earlier(due, call.recording->ask_until, AskedTooLong{});
  for (const auto& [id, guest] : call.guests) {
    take_earlier(due, guest.connect_by, GuestOverdue{id});
    take_earlier(due, guest.back_by, GuestOverdue{id});
  }
  for (std::size_t i = 0; i < call.participants.size(); ++i) {
    const Participant& p = call.participants[i];
    if (p.waiting()) consider_waiting(due, call, i);
    if (p.place) consider_active(due, p, i);
  }
  return due;
}

TimeLeft time_left(const Call& call, const Device& device, base::TimePoint now,
                   const Limits& limits) {
  const Participant& self = call.participants[device.participant];
  if (!self.initiator) return time_left_of(self, device.answer_by, now, limits);
  if (call.pick_up_by) return {std::nullopt, std::max(*call.pick_up_by - now, base::Duration(0))};
  // The initiator's devices: how long it takes until the last receiver is given up.
  TimeLeft longest;
  for (const Participant& p : call.participants) {
    const TimeLeft left = time_left_of(p, p.init_by, now, limits);
    if (left.init) longest.init = std::max(longest.init.value_or(*left.init), *left.init);
    if (left.ringing)
      longest.ringing = std::max(longest.ringing.value_or(*left.ringing), *left.ringing);
  }
  return longest;
}

}  // namespace parley::call
