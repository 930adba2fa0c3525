// The calls that live now, found by id, by profile, by who opened them, and by what is due first.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "call/call.h"

namespace parley::call {

// Not thread-safe. Calls stay where they are in memory until they are removed.
class CallTable {
 public:
  Call& add(Call call);
  // Somebody comes to take part in a call that lives.
  void add_profile(const CallId& id, const ProfileId& profile) { by_profile_[profile].insert(id); }
  void remove(const CallId& id);
  // nullptr: no such call lives.
  [[nodiscard]] Call* find(const CallId& id);
  // Calls in which one of `profiles` takes part, in the order in which they began.
  [[nodiscard]] std::vector<Call*> calls_of(const std::vector<ProfileId>& profiles);
  // Calls that nobody has accepted yet and that `user` opened.
  [[nodiscard]] std::size_t count_unanswered(const UserId& user) const;
  // Calls that live and that `user` opened.
  [[nodiscard]] std::size_t count_opened(const UserId& user) const;
  // All of them, in the order of their ids.
  [[nodiscard]] const std::map<CallId, Call>& all() const { return calls_; }

  // To be said after every change of a call: when it wants a Tick.
  void set_deadline(const CallId& id, base::TimePoint at);
  // The call that wants a Tick first, and when.
  [[nodiscard]] std::optional<std::pair<base::TimePoint, CallId>> first_due() const;

 private:
  std::map<CallId, Call> calls_;
  std::map<ProfileId, std::set<CallId>> by_profile_;
  std::map<UserId, std::set<CallId>> by_opener_;
  std::map<CallId, base::TimePoint> deadlines_;
  std::set<std::pair<base::TimePoint, CallId>> due_;
};

}  // namespace parley::call
