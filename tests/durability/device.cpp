#include "device.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace parley::test {
namespace {

constexpr std::uint8_t kText = 0x81;
constexpr std::uint8_t kClose = 0x88;
constexpr std::uint8_t kPing = 0x89;
constexpr std::uint8_t kPong = 0x8a;

// A frame of a client, masked (RFC 6455, 5.2).
std::string frame(std::uint8_t first, std::string_view payload) {
  std::string out(1, static_cast<char>(first));
  if (payload.size() < 126) {
    out.push_back(static_cast<char>(0x80 | payload.size()));
  } else {
    out.push_back(static_cast<char>(0x80 | 126));
    out.push_back(static_cast<char>(payload.size() >> 8));
    out.push_back(static_cast<char>(payload.size() & 0xff));
  }
  constexpr std::string_view kMask = "\x11\x22\x33\x44";
  out.append(kMask);
  for (std::size_t i = 0; i < payload.size(); ++i)
    out.push_back(static_cast<char>(payload[i] ^ kMask[i % 4]));
  return out;
}

}  // namespace

Message::Message(std::string_view text) {
  JsonNode* node = json_from_string(std::string(text).c_str(), nullptr);
  if (node == nullptr) return;
  node_ = std::shared_ptr<JsonNode>(node, json_node_unref);
  if (JSON_NODE_HOLDS_OBJECT(node)) object_ = json_node_get_object(node);
}

std::string Message::text(const char* name) const {
  return json_object_get_string_member_with_default(object_, name, "");
}
std::int64_t Message::number(const char* name) const {
  return json_object_get_int_member_with_default(object_, name, 0);
}
bool Message::flag(const char* name) const {
  return json_object_get_boolean_member_with_default(object_, name, FALSE) == TRUE;
}
bool Message::has(const char* name) const { return json_object_has_member(object_, name) == TRUE; }
Message Message::part(const char* name) const {
  return Message(has(name) ? json_object_get_object_member(object_, name) : nullptr);
}
void Message::each(const char* array, const std::function<void(const Message&)>& take) const {
  if (!has(array)) return;
  JsonArray* all = json_object_get_array_member(object_, array);
  for (guint i = 0; i < json_array_get_length(all); ++i)
    take(Message(json_array_get_object_element(all, i)));
}
std::string Message::texts(const char* object) const {
  if (!has(object)) return {};
  JsonObject* members = json_object_get_object_member(object_, object);
  GList* names =
      g_list_sort(json_object_get_members(members), reinterpret_cast<GCompareFunc>(g_strcmp0));
  std::string all;
  for (GList* name = names; name != nullptr; name = name->next) {
    const auto* key = static_cast<const char*>(name->data);
    all += (all.empty() ? "" : " ") + std::string(key) + "=" +
           json_object_get_string_member_with_default(members, key, "?");
  }
  g_list_free(names);
  return all;
}

Device::Device(int port, OnMessage on_message)
    : on_message_(std::move(on_message)), fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(port));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  closed_ = connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0;
  const int yes = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (!closed_) upgrade();
  fcntl(fd_, F_SETFL, O_NONBLOCK);
}

Device::~Device() { ::close(fd_); }

void Device::upgrade() {
  const std::string request =
      "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
      "Sec-WebSocket-Protocol: jsapi.v1\r\n\r\n";
  const std::string end = "\r\n\r\n";
  closed_ = send(fd_, request.data(), request.size(), MSG_NOSIGNAL) < 0;
  while (!closed_ && in_.find(end) == std::string::npos) {
    char buffer[4096];
    const ssize_t n = recv(fd_, buffer, sizeof buffer, 0);
    closed_ = n <= 0;
    if (n > 0) in_.append(buffer, static_cast<std::size_t>(n));
  }
  if (closed_) return;
  closed_ = !in_.starts_with("HTTP/1.1 101");
  in_.erase(0, in_.find(end) + end.size());
}

void Device::say(std::string_view text) { out_ += frame(kText, text); }

void Device::ask(const std::string& type, const std::string& id, const std::string& members) {
  say(R"({"type":")" + type + R"(","id":")" + id + "\"" + (members.empty() ? "" : "," + members) +
      "}");
}

void Device::flush() {
  while (!closed_ && !out_.empty()) {
    const ssize_t n = send(fd_, out_.data(), out_.size(), MSG_NOSIGNAL);
    if (n < 0) {
      closed_ = errno != EAGAIN;
      return;
    }
    out_.erase(0, static_cast<std::size_t>(n));
  }
}

void Device::read() {
  char buffer[65536];
  while (!closed_) {
    const ssize_t n = recv(fd_, buffer, sizeof buffer, 0);
    if (n < 0 && errno == EAGAIN) break;
    if (n <= 0) {
      closed_ = true;
      break;
    }
    in_.append(buffer, static_cast<std::size_t>(n));
  }
  take_frames();
}

// What was sent before a reset is still there to be read.
void Device::read_to_end() {
  closed_ = false;
  fcntl(fd_, F_SETFL, 0);
  read();
}

void Device::take_frames() {
  std::size_t at = 0;
  while (in_.size() >= at + 2) {
    const auto first = static_cast<std::uint8_t>(in_[at]);
    std::size_t size = static_cast<std::uint8_t>(in_[at + 1]) & 0x7f;
    const std::size_t length_bytes = size == 126 ? 2 : size == 127 ? 8 : 0;
    if (in_.size() < at + 2 + length_bytes) break;
    if (length_bytes > 0) size = 0;
    for (std::size_t i = 0; i < length_bytes; ++i)
      size = size << 8 | static_cast<std::uint8_t>(in_[at + 2 + i]);
    const std::size_t begin = at + 2 + length_bytes;
    if (in_.size() < begin + size) break;
    const std::string payload = in_.substr(begin, size);
    at = begin + size;
    if (first == kPing) out_ += frame(kPong, payload);
    if (first == kClose) closed_ = true;
    if (first == kText) on_message_(Message(payload));
  }
  in_.erase(0, at);
}

}  // namespace parley::test
