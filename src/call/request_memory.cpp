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

void RequestMemory::wait(const RequestId& id, const UserId& user, const ConnectionId& connection) {
  Known& known = known_[id];
  known.user = user;
  known.waiting.insert(connection);
}

std::set<ConnectionId> RequestMemory::answer(const RequestId& id, const UserId& user,
                                             const Body& body, base::TimePoint now) {
  Known& known = known_[id];
  std::set<ConnectionId> waiting = std::exchange(known.waiting, {});
  if (!worth_remembering(body)) {
    known_.erase(id);
    return waiting;
  }
  known.user = user;
  known.answer = body;
  answered_.push_back({id, user, now});
  auto& own = of_user_[user];
  own.push_back(std::prev(answered_.end()));
  if (own.size() > per_user_) forget(own.front());
  return waiting;
}

void RequestMemory::expire(base::TimePoint now) {
  while (!answered_.empty() && answered_.front().at + age_ <= now) forget(answered_.begin());
}

void RequestMemory::forget(std::list<Answered>::iterator oldest_of_its_user) {
  const auto own = of_user_.find(oldest_of_its_user->user);
  own->second.pop_front();
  if (own->second.empty()) of_user_.erase(own);
  known_.erase(oldest_of_its_user->id);
  answered_.erase(oldest_of_its_user);
}

}  // namespace parley::call
