// A WebSocket end point (RFC 6455, ws:// only), client or server, on the event loop.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "event_loop.h"

namespace parley::load {

struct WebSocketUrl {
  std::string host = "127.0.0.1";
  std::uint16_t port = 80;
  std::string path = "/";
};
// False when `text` is not ws://ADDRESS[:PORT][/PATH] with a numeric IPv4 address or localhost.
[[nodiscard]] bool parse_url(std::string_view text, WebSocketUrl& url);

// Single-threaded; belongs to the loop's thread. May be closed, not destroyed, in its own
// callbacks.
class WebSocket : public EventHandler {
 public:
  explicit WebSocket(EventLoop& loop) : loop_(loop) {}
  ~WebSocket() override { shut(); }

  std::function<void()> on_open;
  std::function<void(const std::string&)> on_text;
  std::function<void()> on_close;  // not called by shut()

  // Starts connecting, from `source` when an address is given; false when that is impossible at
  // once.
  [[nodiscard]] bool connect_to(const WebSocketUrl& url, const std::string& sub_protocol,
                                const std::string& source = {});
  void adopt(int fd);  // the server side of an accepted connection
  void send_text(std::string_view text) { send_frame(0x81, text); }
  void shut();
  [[nodiscard]] bool is_open() const { return fd_ >= 0 && upgraded_; }

  void on_events(std::uint32_t events) override;

 private:
  void flush();
  void send_frame(std::uint8_t head, std::string_view payload);
  void closed_by_peer();
  [[nodiscard]] bool read_all();
  void upgrade();
  [[nodiscard]] bool take_frame();  // false: no whole frame is there

  EventLoop& loop_;
  int fd_ = -1;
  bool server_ = false;
  bool upgraded_ = false;
  std::string in_;
  std::string out_;
  std::string message_;  // fragments so far
};

}  // namespace parley::load
