// Remembers how requests were answered, so that a repeat gets the first answer and changes nothing.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
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

// A Command that waits for CommandDone.
struct CommandTicket {
  std::uint64_t value = 0;
  friend auto operator<=>(const CommandTicket&, const CommandTicket&) = default;
};
// Who gets the answer to a request.
using Asker = std::variant<ConnectionId, CommandTicket>;

// Not thread-safe.
class RequestMemory {
 public:
  using Body = std::variant<Ok, Refusal>;
  struct Known {
    UserId user;
    std::optional<Body> answer;  // nullopt: still to come
    std::set<Asker> waiting;     // for that answer
  };

  RequestMemory(std::size_t per_user, base::Duration age) : per_user_(per_user), age_(age) {}

  // nullptr: never heard of, or forgotten.
  [[nodiscard]] const Known* find(const RequestId& id) const;
  // The answer comes later: `asker` waits for it. Unanswered requests are never forgotten.
  void wait(const RequestId& id, const UserId& user, const Asker& asker);
  // Remembers the answer, unless a retry could find it changed; one that was remembered already is
  // corrected. Returns who waited for it.
  std::set<Asker> answer(const RequestId& id, const UserId& user, const Body& body,
                         base::TimePoint now);
  // Forgets what is too old.
  void expire(base::TimePoint now);

 private:
  struct Answered {
    RequestId id;
    UserId user;
    base::TimePoint at;
  };
  using Place = std::list<Answered>::iterator;
  void forget(Place place);

  std::size_t per_user_;
  base::Duration age_;
  std::unordered_map<RequestId, Known> known_;
  std::list<Answered> answered_;  // oldest first
  std::map<UserId, std::deque<Place>> of_user_;
};

}  // namespace parley::call
