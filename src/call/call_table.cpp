#include "call/call_table.h"

#include <algorithm>

namespace parley::call {
namespace {

template <class Key>
void drop(std::map<Key, std::set<CallId>>& index, const Key& key, const CallId& id) {
  const auto entry = index.find(key);
  if (entry == index.end()) return;
  entry->second.erase(id);
  if (entry->second.empty()) index.erase(entry);
}

}  // namespace

Call& CallTable::add(Call call) {
  const CallId id = call.id;
  for (const Participant& p : call.participants) by_profile_[p.profile].insert(id);
  by_opener_[call.opener].insert(id);
  return calls_.emplace(id, std::move(call)).first->second;
}

void CallTable::remove(const CallId& id) {
  const auto entry = calls_.find(id);
  if (entry == calls_.end()) return;
  for (const Participant& p : entry->second.participants) drop(by_profile_, p.profile, id);
  drop(by_opener_, entry->second.opener, id);
  if (const auto deadline = deadlines_.find(id); deadline != deadlines_.end()) {
    due_.erase({deadline->second, id});
    deadlines_.erase(deadline);
  }
  calls_.erase(entry);
}

Call* CallTable::find(const CallId& id) {
  const auto found = calls_.find(id);
  return found == calls_.end() ? nullptr : &found->second;
}

std::vector<Call*> CallTable::calls_of(const std::vector<ProfileId>& profiles) {
  std::set<CallId> ids;
  for (const ProfileId& profile : profiles)
    if (const auto entry = by_profile_.find(profile); entry != by_profile_.end())
      ids.insert(entry->second.begin(), entry->second.end());
  std::vector<Call*> calls;
  calls.reserve(ids.size());
  for (const CallId& id : ids) calls.push_back(find(id));
  std::sort(calls.begin(), calls.end(),
            [](const Call* a, const Call* b) { return a->order < b->order; });
  return calls;
}

std::size_t CallTable::count_unanswered(const UserId& user) const {
  const auto entry = by_opener_.find(user);
  if (entry == by_opener_.end()) return 0;
  return static_cast<std::size_t>(
      std::count_if(entry->second.begin(), entry->second.end(),
                    [this](const CallId& id) { return !calls_.at(id).accepted_at; }));
}

std::size_t CallTable::count_opened(const UserId& user) const {
  const auto entry = by_opener_.find(user);
  return entry == by_opener_.end() ? 0 : entry->second.size();
}

void CallTable::set_deadline(const CallId& id, base::TimePoint at) {
  const auto [entry, added] = deadlines_.try_emplace(id, at);
  if (!added) {
    due_.erase({entry->second, id});
    entry->second = at;
  }
  due_.insert({at, id});
}

std::optional<std::pair<base::TimePoint, CallId>> CallTable::first_due() const {
  if (due_.empty()) return std::nullopt;
  return *due_.begin();
}

}  // namespace parley::call
