// A real server in this process and raw sockets against it, on one thread: waiting means running
// the main loop until what is waited for has happened.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <glib.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/server.h"

namespace parley::test {

// Runs the main loop until `done` or `limit` has passed; what `done` says at the end.
inline bool run_until(const std::function<bool()>& done,
                      std::chrono::milliseconds limit = std::chrono::seconds(50)) {
  const gint64 end = g_get_monotonic_time() + limit.count() * 1000;
  // Wakes the loop for what it cannot see: the raw sockets of this side.
  const guint timer = g_timeout_add(
      2, [](gpointer) -> gboolean { return G_SOURCE_CONTINUE; }, nullptr);
  while (!done() && g_get_monotonic_time() < end) g_main_context_iteration(nullptr, TRUE);
  g_source_remove(timer);
  return done();
}

// A TCP connection whose every byte is ours.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port, int receive_buffer_bytes = 0)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer_bytes > 0)
      setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) closed_ = true;
    fcntl(fd_, F_SETFL, fcntl(fd_, F_GETFL) | O_NONBLOCK);
  }
  ~RawClient() { ::close(fd_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  // All of it, running the server meanwhile; false when the server has hung up.
  bool send(std::string_view bytes) {
    return run_until([&] {
             while (!bytes.empty()) {
               const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
               if (n < 0) return errno != EAGAIN;
               bytes.remove_prefix(static_cast<std::size_t>(n));
             }
             return true;
           }) &&
           bytes.empty();
  }
  // What has come in so far.
  const std::string& poll() {
    char buffer[16384];
    while (!closed_) {
      const ssize_t n = ::recv(fd_, buffer, sizeof buffer, 0);
      if (n < 0 && errno == EAGAIN) break;
      if (n <= 0) {
        closed_ = true;
        break;
      }
      received_.append(buffer, static_cast<std::size_t>(n));
    }
    return received_;
  }
  bool wait_for(std::string_view text) {
    return run_until([&] { return poll().find(text) != std::string::npos || closed_; }) &&
           received_.find(text) != std::string::npos;
  }
  bool wait_closed() {
    return run_until([&] {
      poll();
      return closed_;
    });
  }
  [[nodiscard]] bool closed() {
    poll();
    return closed_;
  }
  void forget() { received_.clear(); }

 private:
  int fd_;
  bool closed_ = false;
  std::string received_;
};

// One frame of a client, masked.
inline std::string frame(std::uint8_t first, std::string_view payload) {
  std::string out(1, static_cast<char>(first));
  if (payload.size() < 126) {
    out.push_back(static_cast<char>(0x80 | payload.size()));
  } else if (payload.size() < 65536) {
    out.push_back(static_cast<char>(0x80 | 126));
    out.push_back(static_cast<char>(payload.size() >> 8));
    out.push_back(static_cast<char>(payload.size() & 0xff));
  } else {
    out.push_back(static_cast<char>(0x80 | 127));
    for (int i = 7; i >= 0; --i) out.push_back(static_cast<char>(payload.size() >> (8 * i)));
  }
  constexpr std::string_view kMask = "\x11\x22\x33\x44";
  out.append(kMask);
  for (std::size_t i = 0; i < payload.size(); ++i)
    out.push_back(static_cast<char>(payload[i] ^ kMask[i % 4]));
  return out;
}

inline std::string upgrade_request(std::string_view more_headers = {},
                                   std::string_view protocol = "jsapi.v1") {
  std::string request =
      "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  if (!protocol.empty()) request += "Sec-WebSocket-Protocol: " + std::string(protocol) + "\r\n";
  return request + std::string(more_headers) + "\r\n";
}

// Remembers what sockets did.
class Recorder : public net::SocketEvents {
 public:
  void opened(net::SocketId socket, const std::string& address) override {
    last = socket;
    addresses[socket] = address;
    ++open;
  }
  void text(net::SocketId socket, std::string_view text) override {
    texts.emplace_back(text);
    if (on_text) on_text(socket, text);
  }
  void flooding(net::SocketId socket) override {
    ++floods;
    if (on_flood) on_flood(socket);
  }
  void closed(net::SocketId, std::uint16_t code) override {
    --open;
    codes.push_back(code);
  }

  net::SocketId last;
  int open = 0;
  int floods = 0;
  std::vector<std::string> texts;
  std::vector<std::uint16_t> codes;
  std::map<net::SocketId, std::string> addresses;
  std::function<void(net::SocketId, std::string_view)> on_text;
  std::function<void(net::SocketId)> on_flood;
};

}  // namespace parley::test
