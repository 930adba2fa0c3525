#include "call/request_memory.h"

#include <iterator>
#include <utility>

namespace parley::call {
namespace {

// These say "later", so that a retry with the same id must be looked at anew.
bool worth_remembering(const RequestMemory::Body& body) {
  const auto* refusal = std::get_if<Refusal>(&body);
  return refusal == nullptr ||
         (refusal->code != ErrorCode::kRateLimited && refusal->code != ErrorCode::kUnavailable);
}

}  // namespace

const RequestMemory::Known* RequestMemory::find(const RequestId& id) const {
  const auto found = known_.find(id);
  return found == known_.end() ? nullptr : &found->second;
}

void RequestMemory::wait(const RequestId& id, const UserId& user, const Asker& asker) {
  Known& known = known_[id];
  known.user = user;
  known.waiting.insert(asker);
}

std::set<Asker> RequestMemory::answer(const RequestId& id, const UserId& user, const Body& body,
                                      base::TimePoint now) {
  Known& known = known_[id];
  std::set<Asker> waiting = std::exchange(known.waiting, {});
  const bool corrects = known.answer.has_value();
  if (!corrects && !worth_remembering(body)) {
    known_.erase(id);
    return waiting;
  }
  known.user = user;
  known.answer = body;
  if (corrects) return waiting;
  answered_.push_back({id, user, now});
  auto& own = of_user_[user];
  own.push_back(std::prev(answered_.end()));
  if (own.size() > per_user_) forget(own.front());
  return waiting;
}

void RequestMemory::expire(base::TimePoint now) {
  while (!answered_.empty() && answered_.front().at + age_ <= now) forget(answered_.begin());
}

// `place` is the oldest of its user.
void RequestMemory::forget(Place place) {
  const auto own = of_user_.find(place->user);
  own->second.pop_front();
  if (own->second.empty()) of_user_.erase(own);
  known_.erase(place->id);
  answered_.erase(place);
}

}  // namespace parley::call
