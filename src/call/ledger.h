// What must be known of calls and chains beyond the life of a call: which ids are taken, who
// belonged to a call that is over, who the members of a chain are. A bounded cache: what is older,
// and what the last process knew, is asked of the store (Recall) and learned again.
#pragma once

#include <cstddef>
#include <deque>
#include <list>
#include <map>
#include <string>
#include <vector>

#include "base/ids.h"
#include "call/messages.h"

namespace parley::call {

// Not thread-safe.
class Ledger {
 public:
  // Remembers that many ended calls, and as many chains without a live call; at least one of each.
  explicit Ledger(std::size_t limit);

  // Calls, chains and texts share one space of ids; those of most texts only the store knows.
  [[nodiscard]] bool taken(const std::string& id) const;

  // A call that begins; it founds its chain when there is none of that id. `profiles`: everybody,
  // the caller first.
  void begin(const CallId& call, const ChainId& chain, std::vector<ProfileId> profiles);
  // Somebody was invited to the call. Not to its chain.
  void add(const CallId& call, const ProfileId& profile);
  // It is over. The oldest ended calls beyond the limit are forgotten, and so are the chains that
  // were not used for longest.
  void end(const CallId& call);
  // There never was such a call, live or ended: neither is there the chain it founded.
  void undo(const CallId& call);
  // A call of earlier times that is over.
  void learn_ended(const CallId& call, std::vector<ProfileId> profiles);

  [[nodiscard]] bool knows(const CallId& call) const { return calls_.contains(call); }
  // Whether one of `profiles` took part in this call, which is over.
  [[nodiscard]] bool took_part_in_ended(const CallId& call,
                                        const std::vector<ProfileId>& profiles) const;

  struct Chain {
    std::vector<ProfileId> members;  // of the call or text that founded it
    CallId last_call;                // empty: none that is remembered
    bool last_call_lives = false;
    bool unfounded = false;  // the call that founded it was undone: forgotten when this one ends
    std::list<ChainId>::iterator idle;  // its place in idle_ while no call of it lives
  };
  // nullptr: no such chain is known here.
  [[nodiscard]] const Chain* find_chain(const ChainId& chain) const;
  // A chain that a text has founded, or one of earlier times, unless it is known; and it is used
  // now. `members`: the founder first.
  void use_chain(const ChainId& chain, const std::vector<ProfileId>& members);

 private:
  struct Entry {
    ChainId chain;  // empty: of one whose chain is not known here
    std::vector<ProfileId> profiles;
    bool founded = false;  // its chain
    bool ended = false;
  };
  // The chain may be forgotten: `id` and `chain` are not used after that.
  void rest(const ChainId& id, Chain& chain);
  void note_ended(const CallId& call);

  std::size_t limit_;
  std::map<CallId, Entry> calls_;
  std::map<ChainId, Chain> chains_;
  std::deque<CallId> ended_;  // oldest first
  std::list<ChainId> idle_;   // chains without a live call, the one not used for longest first
};

// Whether `profile` is one of them.
[[nodiscard]] bool contains(const std::vector<ProfileId>& profiles, const ProfileId& profile);

}  // namespace parley::call
