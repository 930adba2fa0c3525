#include "call/ledger.h"

#include <algorithm>
#include <utility>

namespace parley::call {

bool Ledger::taken(const std::string& id) const {
  return calls_.contains(CallId(id)) || chains_.contains(ChainId(id));
}

void Ledger::begin(const CallId& call, const ChainId& chain, std::vector<ProfileId> profiles) {
  auto [entry, founded] = chains_.try_emplace(chain);
  if (founded) entry->second.members = profiles;
  entry->second.last_call = call;
  entry->second.last_call_lives = true;
  ++entry->second.calls;
  calls_.emplace(call, Entry{chain, std::move(profiles), false});
}

void Ledger::end(const CallId& call) {
  const auto entry = calls_.find(call);
  if (entry == calls_.end() || entry->second.ended) return;
  entry->second.ended = true;
  Chain& chain = chains_[entry->second.chain];
  if (chain.last_call == call) chain.last_call_lives = false;
  ended_.push_back(call);
  if (ended_.size() > limit_) forget_oldest();
}

bool Ledger::took_part_in_ended(const CallId& call, const std::vector<ProfileId>& profiles) const {
  const auto entry = calls_.find(call);
  if (entry == calls_.end() || !entry->second.ended) return false;
  return std::any_of(profiles.begin(), profiles.end(), [&](const ProfileId& profile) {
    const auto& all = entry->second.profiles;
    return std::find(all.begin(), all.end(), profile) != all.end();
  });
}

const Ledger::Chain* Ledger::find_chain(const ChainId& chain) const {
  const auto found = chains_.find(chain);
  return found == chains_.end() ? nullptr : &found->second;
}

void Ledger::forget_oldest() {
  const auto entry = calls_.find(ended_.front());
  ended_.pop_front();
  const auto chain = chains_.find(entry->second.chain);
  if (--chain->second.calls == 0) chains_.erase(chain);
  calls_.erase(entry);
}

}  // namespace parley::call
