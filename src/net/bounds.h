// What a peer may use up before it is shown the door. All configurable (docs/OPERATING.md).
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace parley::net {

struct Limits {
  // One message, reassembled; docs/PROTOCOL.md, "Envelope".
  std::size_t message_bytes = 64 * 1024;
  // Waiting to be sent to one socket.
  std::size_t queue_bytes = 1024 * 1024;
  std::size_t queue_messages = 500;
  // Messages, pings and pongs of one socket together.
  std::uint32_t messages_per_second = 50;
  std::uint32_t message_burst = 200;
  // Ping after this long without a word; dead after `pings_missed` pings without one.
  base::Duration ping_interval = std::chrono::seconds(15);
  int pings_missed = 2;
  // From our close frame until the connection is dropped, answered or not.
  base::Duration close_wait = std::chrono::seconds(2);
  // For a whole request to come in, TLS handshake included, and between two on one connection.
  base::Duration request_timeout = std::chrono::seconds(10);
  // For a response to go out.
  base::Duration response_timeout = std::chrono::seconds(60);
  // Start line, headers and body of one request.
  std::size_t request_bytes = 64 * 1024;
  // Connections whose peer has shown no valid token yet; per IPv4 address or IPv6 /64, and in all.
  std::size_t unproven_per_address = 64;
  std::size_t unproven = 1000;
  std::size_t connections = 10'000;
};

}  // namespace parley::net
