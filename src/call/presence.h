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
  // Its socket is lost, or back. Returns whether that is news.
  bool set_socket(const ConnectionId& id, bool there);
  // nullptr: not there.
  [[nodiscard]] const Connection* find(const ConnectionId& id) const;
  [[nodiscard]] const std::set<ConnectionId>& connections_of(const ProfileId& profile) const;
  // Whether this connection is there and has its socket.
  [[nodiscard]] bool has_socket(const ConnectionId& id) const;
  // Whether somebody of this profile is there: a connection that has its socket.
  [[nodiscard]] bool is_there(const ProfileId& profile) const;

 private:
  std::map<ConnectionId, Connection> connections_;
  std::map<ProfileId, std::set<ConnectionId>> by_profile_;
};

}  // namespace parley::call
