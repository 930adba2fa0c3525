#include "call/presence.h"

#include <algorithm>
#include <utility>

namespace parley::call {

bool Connection::owns(const ProfileId& profile) const {
  return std::find(profiles.begin(), profiles.end(), profile) != profiles.end();
}

void Presence::add(const ConnectionId& id, Connection connection) {
  for (const ProfileId& profile : connection.profiles) by_profile_[profile].insert(id);
  connections_.emplace(id, std::move(connection));
}

void Presence::remove(const ConnectionId& id) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  for (const ProfileId& profile : found->second.profiles) {
    const auto entry = by_profile_.find(profile);
    if (entry == by_profile_.end()) continue;  // a profile that the token lists twice
    entry->second.erase(id);
    if (entry->second.empty()) by_profile_.erase(entry);
  }
  connections_.erase(found);
}

bool Presence::set_socket(const ConnectionId& id, bool there) {
  const auto found = connections_.find(id);
  return found != connections_.end() && std::exchange(found->second.socket, there) != there;
}

bool Presence::has_socket(const ConnectionId& id) const {
  const Connection* connection = find(id);
  return connection != nullptr && connection->socket;
}

bool Presence::is_there(const ProfileId& profile) const {
  const std::set<ConnectionId>& all = connections_of(profile);
  return std::any_of(all.begin(), all.end(),
                     [this](const ConnectionId& id) { return has_socket(id); });
}

const Connection* Presence::find(const ConnectionId& id) const {
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : &found->second;
}

const std::set<ConnectionId>& Presence::connections_of(const ProfileId& profile) const {
  static const std::set<ConnectionId> kNobody;
  const auto found = by_profile_.find(profile);
  return found == by_profile_.end() ? kNobody : found->second;
}

}  // namespace parley::call
