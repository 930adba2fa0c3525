// Names of things: one type per kind of thing, so that they cannot be mixed up.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace parley::base {

// 1 to 64 characters of [A-Za-z0-9_.:@-] (docs/PROTOCOL.md, "Envelope").
[[nodiscard]] bool is_valid_id(std::string_view text);

// A textual id that came over the wire or will go there.
template <class Tag>
class Id {
 public:
  Id() = default;
  // `text` must be valid; parse() checks what comes from outside.
  explicit Id(std::string text) : text_(std::move(text)) {}
  [[nodiscard]] static std::optional<Id> parse(std::string_view text) {
    if (!is_valid_id(text)) return std::nullopt;
    return Id(std::string(text));
  }
  [[nodiscard]] const std::string& str() const { return text_; }
  [[nodiscard]] bool empty() const { return text_.empty(); }
  friend auto operator<=>(const Id&, const Id&) = default;
  friend bool operator==(const Id&, const Id&) = default;

 private:
  std::string text_;
};

using UserId = Id<struct UserTag>;              // an account: `sub` of its access token
using ProfileId = Id<struct ProfileTag>;        // an identity a user calls and is called under
using ConnectionId = Id<struct ConnectionTag>;  // one device or tab; named by the server
using CallId = Id<struct CallTag>;              // the id of the call.init that made it
using ChainId = Id<struct ChainTag>;
using RequestId = Id<struct RequestTag>;
using JobId = Id<struct JobTag>;  // a recording, a mixer or a bridge; named by the server

// Numbers that never leave the process.
template <class Tag>
struct Number {
  std::uint64_t value = 0;
  friend auto operator<=>(const Number&, const Number&) = default;
  friend bool operator==(const Number&, const Number&) = default;
};

using LegId = Number<struct LegTag>;        // one (participant, connection) pair with media
using StreamId = Number<struct StreamTag>;  // one participant's media, whichever leg feeds it
using SocketId = Number<struct SocketTag>;  // one accepted WebSocket

}  // namespace parley::base

template <class Tag>
struct std::hash<parley::base::Id<Tag>> {
  std::size_t operator()(const parley::base::Id<Tag>& id) const noexcept {
    return std::hash<std::string>{}(id.str());
  }
};
template <class Tag>
struct std::hash<parley::base::Number<Tag>> {
  std::size_t operator()(parley::base::Number<Tag> n) const noexcept {
    return std::hash<std::uint64_t>{}(n.value);
  }
};
