#include "call/ledger.h"

#include <algorithm>
#include <utility>

namespace parley::call {

bool contains(const std::vector<ProfileId>& profiles, const ProfileId& profile) {
  return std::find(profiles.begin(), profiles.end(), profile) != profiles.end();
}

Ledger::Ledger(std::size_t limit) : limit_(std::max<std::size_t>(limit, 1)) {}

bool Ledger::taken(const std::string& id) const {
  return calls_.contains(CallId(id)) || chains_.contains(ChainId(id));
}

void Ledger::begin(const CallId& call, const ChainId& chain, std::vector<ProfileId> profiles) {
  auto [entry, founded] = chains_.try_emplace(chain);
  if (founded) entry->second.members = profiles;
  if (!founded && !entry->second.last_call_lives) idle_.erase(entry->second.idle);
  entry->second.last_call = call;
  entry->second.last_call_lives = true;
  calls_.emplace(
      call,
      Entry{.chain = chain, .profiles = std::move(profiles), .founded = founded, .ended = false});
}

void Ledger::add(const CallId& call, const ProfileId& profile) {
  const auto entry = calls_.find(call);
  if (entry != calls_.end() && !contains(entry->second.profiles, profile))
    entry->second.profiles.push_back(profile);
}

void Ledger::end(const CallId& call) {
  const auto entry = calls_.find(call);
  if (entry == calls_.end() || entry->second.ended) return;
  entry->second.ended = true;
  const ChainId id = entry->second.chain;
  if (Chain& chain = chains_.at(id); chain.last_call == call) {
    chain.last_call_lives = false;
    rest(id, chain);
  }
  note_ended(call);
}

void Ledger::undo(const CallId& call) {
  const auto entry = calls_.find(call);
  if (entry == calls_.end()) return;
  const Entry undone = std::move(entry->second);
  calls_.erase(entry);
  if (undone.ended) std::erase(ended_, call);
  const auto found = chains_.find(undone.chain);
  if (found == chains_.end()) return;
  Chain& chain = found->second;
  const bool last = chain.last_call == call;
  if (undone.founded && chain.last_call_lives && !last) {
    chain.unfounded = true;
  } else if (undone.founded) {
    if (!chain.last_call_lives) idle_.erase(chain.idle);
    chains_.erase(found);
  } else if (last) {
    chain.last_call = CallId();
    if (std::exchange(chain.last_call_lives, false)) rest(found->first, chain);
  }
}

void Ledger::learn_ended(const CallId& call, std::vector<ProfileId> profiles) {
  const bool news = calls_
                        .try_emplace(call, Entry{.chain = ChainId(),
                                                 .profiles = std::move(profiles),
                                                 .founded = false,
                                                 .ended = true})
                        .second;
  if (news) note_ended(call);
}

bool Ledger::took_part_in_ended(const CallId& call, const std::vector<ProfileId>& profiles) const {
  const auto entry = calls_.find(call);
  if (entry == calls_.end() || !entry->second.ended) return false;
  return std::any_of(profiles.begin(), profiles.end(), [&](const ProfileId& profile) {
    return contains(entry->second.profiles, profile);
  });
}

const Ledger::Chain* Ledger::find_chain(const ChainId& chain) const {
  const auto found = chains_.find(chain);
  return found == chains_.end() ? nullptr : &found->second;
}

void Ledger::use_chain(const ChainId& chain, const std::vector<ProfileId>& members) {
  auto [entry, news] = chains_.try_emplace(chain);
  if (news) {
    entry->second.members = members;
    rest(chain, entry->second);
  } else if (!entry->second.last_call_lives) {
    idle_.splice(idle_.end(), idle_, entry->second.idle);
  }
}

// No call of the chain lives: from now on it is kept only as long as there is room.
void Ledger::rest(const ChainId& id, Chain& chain) {
  if (chain.unfounded) {
    chains_.erase(ChainId(id));
    return;
  }
  chain.idle = idle_.insert(idle_.end(), id);
  if (idle_.size() <= limit_) return;
  chains_.erase(idle_.front());
  idle_.pop_front();
}

void Ledger::note_ended(const CallId& call) {
  ended_.push_back(call);
  if (ended_.size() <= limit_) return;
  calls_.erase(ended_.front());
  ended_.pop_front();
}

}  // namespace parley::call
