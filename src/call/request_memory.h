// Remembers how requests were answered, so that a repeat gets the first answer and changes nothing.
#pragma once

#include <cstddef>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <variant>

#include "base/ids.h"
#include "base/time.h"
#include "call/messages.h"

namespace parley::call {

// Not thread-safe.
class RequestMemory {
 public:
  using Body = std::variant<Ok, Refusal>;
  struct Known {
    UserId user;
    std::optional<Body> answer;      // nullopt: still to come
    std::set<ConnectionId> waiting;  // for that answer
  };

  RequestMemory(std::size_t per_user, base::Duration age) : per_user_(per_user), age_(age) {}

  // nullptr: never heard of, or forgotten.
  [[nodiscard]] const Known* find(const RequestId& id) const;
  // The answer comes later: `connection` waits for it. Unanswered requests are never forgotten.
  void wait(const RequestId& id, const UserId& user, const ConnectionId& connection);
  // Remembers the answer, unless a retry could find it changed. Returns who waited for it.
  std::set<ConnectionId> answer(const RequestId& id, const UserId& user, const Body& body,
                                base::TimePoint now);
  // Forgets what is too old.
  void expire(base::TimePoint now);

 private:
  struct Answered {
    RequestId id;
    UserId user;
    base::TimePoint at;
  };
  void forget(std::list<Answered>::iterator oldest_of_its_user);

  std::size_t per_user_;
  base::Duration age_;
  std::unordered_map<RequestId, Known> known_;
  std::list<Answered> answered_;  // oldest first
  std::map<UserId, std::deque<std::list<Answered>::iterator>> of_user_;
};

}  // namespace parley::call
