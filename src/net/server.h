// The HTTP and WebSocket face of the process: bytes in, bytes out.
//
// GET /ws becomes a WebSocket with sub-protocol jsapi.v1; /healthz and /metrics answer in text;
// routes are answered by who added them; the rest are the files of the web client. What a socket or
// a body says means nothing here.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "net/bounds.h"
#include "net/route.h"
#include "net/static_files.h"

namespace parley::net {

using base::SocketId;

struct ServerConfig {
  std::vector<std::string> listen;  // literal addresses
  std::uint16_t port = 0;           // 0: any free one
  std::string tls_certificate;      // PEM files; both or none
  std::string tls_key;
  std::vector<std::string> origins;  // besides the server's own: scheme://host[:port]
  // Proxies whose X-Forwarded-For and X-Forwarded-Proto are believed: addresses and networks.
  std::vector<std::string> trusted_proxies;
  std::vector<Mount> mounts;
  Access metrics = Access::kLocal;
  Limits limits;
};

// What sockets do. Called from the main loop, never from within a call of Server.
class SocketEvents {
 public:
  SocketEvents() = default;
  virtual ~SocketEvents() = default;
  SocketEvents(const SocketEvents&) = delete;
  SocketEvents& operator=(const SocketEvents&) = delete;

  virtual void opened(SocketId socket, const std::string& address) = 0;
  virtual void text(SocketId socket, std::string_view text) = 0;
  // Faster than allowed. Once; nothing more of it is read: say why, and close.
  virtual void flooding(SocketId socket) = 0;
  // The last about this socket.
  virtual void closed(SocketId socket, std::uint16_t code) = 0;
};

struct ServerStats {
  std::uint64_t connections = 0;       // TCP connections there are
  std::uint64_t sockets = 0;           // ... of which WebSockets
  std::uint64_t accepted = 0;          // since start
  std::uint64_t refused = 0;           // connections over a limit
  std::uint64_t refused_upgrades = 0;  // wrong Origin, sub-protocol or handshake
  std::uint64_t timed_out = 0;  // requests not in, answers not made, or responses not out, in time
  std::uint64_t messages_in = 0;
  std::uint64_t messages_out = 0;
};

// Main thread only.
class Server {
 public:
  // kUnavailable: an address that cannot be listened on; kInvalid: a certificate that does not
  // load, or a trusted proxy that is no address. `metrics` makes the text of /metrics. `events`
  // must outlive the server.
  [[nodiscard]] static base::Result<std::unique_ptr<Server>> start(
      ServerConfig config, SocketEvents& events, std::function<std::string()> metrics);
  // Drops every connection, without telling `events`.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Unknown sockets are ignored: they closed on the way.
  void send(SocketId socket, std::string_view text);
  void close(SocketId socket, std::uint16_t code, std::string_view reason);
  // Its peer has shown who it is: no longer held against the limits on strangers.
  void proven(SocketId socket);

  // Requests under the route's prefix go to it from now on.
  void add(Route route);

  void stop_listening();
  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] ServerStats stats() const;

 private:
  class Impl;
  explicit Server(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace parley::net
