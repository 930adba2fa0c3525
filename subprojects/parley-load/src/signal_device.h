// One device of a user as signalling sees it: a WebSocket that has said hello, without media.
//
// Thousands of them run on one thread, so what a server says is searched for the few members that
// are needed and not parsed as a whole.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "event_loop.h"
#include "web_socket.h"

namespace parley::load {

// The value of a string member of a server's message; empty when there is none. The first of that
// name counts, so only members of the outermost object that stand before any nested one are sure.
[[nodiscard]] std::string_view text_member(std::string_view message, std::string_view name);

class SignalDevice {
 public:
  enum class State { kConnecting, kOnline, kFailed };

  // `on_message` gets every message but `welcome`, with its type.
  SignalDevice(
      EventLoop& loop, std::string user,
      std::function<void(SignalDevice&, std::string_view type, std::string_view text)> on_message);

  // Starts connecting from the given address of our own; false when that is impossible at once.
  [[nodiscard]] bool connect_to(const WebSocketUrl& url, const std::string& token,
                                const std::string& source);
  // Sends a request; its id, which is new for each, is returned.
  std::string request(std::string_view type, std::string_view members);

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] const std::string& user() const { return user_; }
  [[nodiscard]] const std::string& trouble() const { return trouble_; }

 private:
  void on_text(const std::string& text);
  void fail(std::string why);

  WebSocket socket_;
  std::string user_;
  std::string token_;
  std::function<void(SignalDevice&, std::string_view, std::string_view)> on_message_;
  State state_ = State::kConnecting;
  std::string trouble_;
};

}  // namespace parley::load
