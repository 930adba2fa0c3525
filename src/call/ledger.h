// What must be known of calls beyond their life: which ids are taken, who belonged to a call that
// is over, who the members of a chain are. Bounded; a store can stand behind the same questions.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "base/ids.h"
#include "call/messages.h"

namespace parley::call {

// Not thread-safe.
class Ledger {
 public:
  explicit Ledger(std::size_t ended_calls) : limit_(ended_calls) {}

  // Calls and chains share one space of ids.
  [[nodiscard]] bool taken(const std::string& id) const;

  // A call that begins; it founds its chain when there is none of that id. `profiles`: everybody.
  void begin(const CallId& call, const ChainId& chain, std::vector<ProfileId> profiles);
  // It is over. The oldest ended calls beyond the limit are forgotten, and with its last call a
  // chain.
  void end(const CallId& call);

  // Whether one of `profiles` took part in this call, which is over.
  [[nodiscard]] bool took_part_in_ended(const CallId& call,
                                        const std::vector<ProfileId>& profiles) const;

  struct Chain {
    std::vector<ProfileId> members;  // of the call that founded it
    CallId last_call;
    bool last_call_lives = false;
    std::size_t calls = 0;  // remembered ones
  };
  // nullptr: no such chain is known.
  [[nodiscard]] const Chain* find_chain(const ChainId& chain) const;

 private:
  struct Entry {
    ChainId chain;
    std::vector<ProfileId> profiles;
    bool ended = false;
  };
  void forget_oldest();

  std::size_t limit_;
  std::map<CallId, Entry> calls_;
  std::map<ChainId, Chain> chains_;
  std::deque<CallId> ended_;  // oldest first
};

}  // namespace parley::call
