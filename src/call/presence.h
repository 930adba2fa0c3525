// Which connections are there, whose they are, and which of them a profile can be reached on.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "base/ids.h"
#include "call/messages.h"

namespace parley::call {

struct Connection {
  UserId user;
  std::vector<ProfileId> profiles;
  bool socket = true;  // false: lost, but it may come back
  [[nodiscard]] bool owns(const ProfileId& profile) const;
};

// Not thread-safe.
class Presence {
 public:
  void add(const ConnectionId& id, Connection connection);
  void remove(const ConnectionId& id);
  // nullptr: not there.
  [[nodiscard]] const Connection* find(const ConnectionId& id) const;
  [[nodiscard]] const std::set<ConnectionId>& connections_of(const ProfileId& profile) const;

 private:
  std::map<ConnectionId, Connection> connections_;
  std::map<ProfileId, std::set<ConnectionId>> by_profile_;
};

}  // namespace parley::call
