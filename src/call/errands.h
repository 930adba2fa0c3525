// What the store is doing for the machine: texts that are to be on disk before they are told, and
// requests about chains and calls that only the store may know.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <variant>

#include "call/machine.h"
#include "call/request_memory.h"

namespace parley::call {

// Not thread-safe. Bounded: a store that answers slowly must not fill the memory.
class Errands {
 public:
  // Our choice: more than a client may send at once (limits.request_burst of its welcome).
  static constexpr std::size_t kOfUser = 256;
  // Our choice: at 8 KiB for each text some 64 MiB.
  static constexpr std::size_t kOfAll = 8192;

  struct Storing {
    TextMessage text;
    bool founds = false;
    UserId user;
    std::optional<ConnectionId> sender;  // is not told of its own text; nullopt: a server's
  };
  struct Recalling {
    std::variant<Received, Command> request;
    UserId user;
    std::optional<ChainId> chain;
    std::optional<CallId> call;
  };
  using Errand = std::variant<Storing, Recalling>;

  // Why no more errand can be run for `user` now; nullopt: one can.
  [[nodiscard]] std::optional<Refusal> full(const UserId& user) const;
  void add(const RequestId& id, Errand errand);
  // Takes out what this id stands for if it is a T; nullopt: it is not, and nothing was done.
  template <class T>
  [[nodiscard]] std::optional<T> take(const RequestId& id) {
    const auto found = running_.find(id);
    if (found == running_.end() || !std::holds_alternative<T>(found->second)) return std::nullopt;
    T errand = std::get<T>(std::move(found->second));
    running_.erase(found);
    uncount(errand.user);
    return errand;
  }

 private:
  void uncount(const UserId& user);

  std::map<RequestId, Errand> running_;
  std::map<UserId, std::size_t> of_user_;
};

}  // namespace parley::call
