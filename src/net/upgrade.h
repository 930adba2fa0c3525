// The opening handshake of a WebSocket (RFC 6455, 4.2), as values.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace parley::net {

inline constexpr const char* kSubprotocol = "jsapi.v1";

// What the request's headers say; empty where one is missing. Lists are joined by commas.
struct Handshake {
  std::string method;
  std::string upgrade;
  std::string connection;
  std::string version;
  std::string key;
  std::string protocols;
};

struct HandshakeRefusal {
  unsigned status = 400;
  std::string message;
};

// The value of Sec-WebSocket-Accept. Extensions are never agreed on: deflate would let 100 KiB
// grow into 100 MiB.
[[nodiscard]] tl::expected<std::string, HandshakeRefusal> check_handshake(const Handshake& request);

}  // namespace parley::net
