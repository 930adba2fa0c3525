#include "signal_device.h"

#include <utility>

#include "base.h"

namespace parley::load {

std::string_view text_member(std::string_view message, std::string_view name) {
  for (std::size_t at = message.find(name); at != std::string_view::npos;
       at = message.find(name, at + 1)) {
    const std::size_t value = at + name.size() + 3;  // behind `":"`
    if (at == 0 || message[at - 1] != '"' || message.substr(at + name.size(), 3) != "\":\"")
      continue;
    const std::size_t end = message.find('"', value);
    if (end != std::string_view::npos) return message.substr(value, end - value);
  }
  return {};
}

SignalDevice::SignalDevice(
    EventLoop& loop, std::string user,
    std::function<void(SignalDevice&, std::string_view, std::string_view)> on_message)
    : socket_(loop), user_(std::move(user)), on_message_(std::move(on_message)) {
  socket_.on_open = [this] {
    request("hello", R"("token":")" + token_ + '"');
    token_ = {};
  };
  socket_.on_text = [this](const std::string& text) { on_text(text); };
  socket_.on_close = [this] { fail("the server closed the connection"); };
}

bool SignalDevice::connect_to(const WebSocketUrl& url, const std::string& token,
                              const std::string& source) {
  token_ = token;
  return socket_.connect_to(url, "jsapi.v1", source);
}

std::string SignalDevice::request(std::string_view type, std::string_view members) {
  std::string id = random_text(20);
  std::string text;
  text.reserve(64 + members.size());
  text.append(R"({"type":")").append(type).append(R"(","id":")").append(id).append("\"");
  if (!members.empty()) text.append(",").append(members);
  text.append("}");
  socket_.send_text(text);
  return id;
}

void SignalDevice::fail(std::string why) {
  if (state_ == State::kFailed) return;
  state_ = State::kFailed;
  trouble_ = std::move(why);
}

void SignalDevice::on_text(const std::string& text) {
  const std::string_view type = text_member(text, "type");
  if (type == "welcome") {
    state_ = State::kOnline;
  } else if (type == "bye" || (type == "error" && state_ == State::kConnecting)) {
    fail("the server said " + text.substr(0, 300));
  } else {
    on_message_(*this, type, text);
  }
}

}  // namespace parley::load
