#include "web_socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <vector>

#include "base.h"
#include "bytes.h"

namespace parley::load {
namespace {

constexpr std::uint8_t kOpcodeClose = 8;
constexpr std::uint8_t kOpcodePing = 9;
constexpr std::uint8_t kOpcodePong = 10;

void send_at_once(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

const std::uint8_t* bytes_of(const std::string& text) {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}

std::string accept_key(const std::string& request) {
  constexpr const char* kHeader = "sec-websocket-key:";
  std::string key;
  if (const char* p = strcasestr(request.c_str(), kHeader)) {
    p += std::strlen(kHeader);
    while (*p == ' ') p++;
    while (*p != '\0' && *p != '\r') key += *p++;
  }
  key += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455, 1.3
  std::array<std::uint8_t, SHA_DIGEST_LENGTH> digest{};
  SHA1(bytes_of(key), key.size(), digest.data());
  std::array<std::uint8_t, 40> text{};
  EVP_EncodeBlock(text.data(), digest.data(), static_cast<int>(digest.size()));
  return reinterpret_cast<const char*>(text.data());
}

}  // namespace

bool parse_url(std::string_view text, WebSocketUrl& url) {
  constexpr std::string_view kScheme = "ws://";
  if (text.substr(0, kScheme.size()) != kScheme) return false;
  text.remove_prefix(kScheme.size());
  const std::size_t slash = text.find('/');
  if (slash != std::string_view::npos) {
    url.path = text.substr(slash);
    text = text.substr(0, slash);
  }
  const std::size_t colon = text.find(':');
  if (colon != std::string_view::npos) {
    const std::string_view port = text.substr(colon + 1);
    const auto parsed = std::from_chars(port.data(), port.data() + port.size(), url.port);
    if (parsed.ec != std::errc{} || parsed.ptr != port.data() + port.size()) return false;
    text = text.substr(0, colon);
  }
  url.host = text == "localhost" ? "127.0.0.1" : std::string(text);
  in_addr address{};
  return inet_pton(AF_INET, url.host.c_str(), &address) == 1;
}

bool WebSocket::connect_to(const WebSocketUrl& url, const std::string& sub_protocol,
                           const std::string& source) {
  fd_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return false;
  if (!source.empty()) {
    const int on = 1;  // the port is chosen when the destination is known
    setsockopt(fd_, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    sockaddr_in from{};
    from.sin_family = AF_INET;
    if (inet_pton(AF_INET, source.c_str(), &from.sin_addr) != 1 ||
        bind(fd_, reinterpret_cast<sockaddr*>(&from), sizeof from) != 0) {
      return false;
    }
  }
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(url.port);
  if (inet_pton(AF_INET, url.host.c_str(), &to.sin_addr) != 1) return false;
  if (connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) < 0 && errno != EINPROGRESS) {
    return false;
  }
  send_at_once(fd_);
  const std::string authority = url.host + ":" + std::to_string(url.port);
  out_ = "GET " + url.path + " HTTP/1.1\r\nHost: " + authority +
         "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: " + random_text(22) +
         "==\r\nSec-WebSocket-Version: 13\r\nOrigin: http://" + authority + "\r\n";
  if (!sub_protocol.empty()) out_ += "Sec-WebSocket-Protocol: " + sub_protocol + "\r\n";
  out_ += "\r\n";
  loop_.add(fd_, EPOLLIN | EPOLLOUT, *this);
  return true;
}

void WebSocket::adopt(int fd) {
  fd_ = fd;
  server_ = true;
  fcntl(fd, F_SETFL, O_NONBLOCK);
  send_at_once(fd);
  loop_.add(fd_, EPOLLIN, *this);
}

void WebSocket::shut() {
  if (fd_ < 0) return;
  loop_.remove(fd_);
  ::close(fd_);
  fd_ = -1;
}

void WebSocket::closed_by_peer() {
  shut();
  if (on_close) on_close();
}

void WebSocket::on_events(std::uint32_t events) {
  if (fd_ < 0) return;
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
    const bool alive = read_all();
    if (!upgraded_) upgrade();
    while (fd_ >= 0 && upgraded_ && take_frame()) {
    }
    if (!alive && fd_ >= 0) closed_by_peer();
  }
  if (fd_ >= 0 && (events & EPOLLOUT) != 0) flush();
}

// False when the connection has ended.
bool WebSocket::read_all() {
  static std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t n = recv(fd_, buffer.data(), buffer.size(), 0);
    if (n > 0) {
      in_.append(buffer.data(), static_cast<std::size_t>(n));
    } else {
      return n < 0 && (errno == EAGAIN || errno == EINTR);
    }
  }
}

void WebSocket::flush() {
  while (!out_.empty()) {
    const ssize_t n = ::send(fd_, out_.data(), out_.size(), MSG_NOSIGNAL);
    if (n <= 0) break;
    out_.erase(0, static_cast<std::size_t>(n));
  }
  loop_.modify(fd_, EPOLLIN | (out_.empty() ? 0U : std::uint32_t{EPOLLOUT}), *this);
}

void WebSocket::send_frame(std::uint8_t head, std::string_view payload) {
  if (fd_ < 0) return;
  const std::size_t n = payload.size();
  const unsigned mask_bit = server_ ? 0 : 0x80;
  out_ += static_cast<char>(head);
  int length_bytes = 0;
  if (n < 126) {
    out_ += static_cast<char>(mask_bit | n);
  } else if (n < 65536) {
    out_ += static_cast<char>(mask_bit | 126);
    length_bytes = 2;
  } else {
    out_ += static_cast<char>(mask_bit | 127);
    length_bytes = 8;
  }
  for (int i = length_bytes - 1; i >= 0; i--) {
    out_ += static_cast<char>(static_cast<std::uint64_t>(n) >> (8 * i));
  }
  if (server_) {
    out_ += payload;
  } else {
    std::array<char, 4> key{};
    const std::uint32_t bits = random_u32();
    std::memcpy(key.data(), &bits, key.size());
    out_.append(key.data(), key.size());
    for (std::size_t i = 0; i < n; i++) out_ += static_cast<char>(payload[i] ^ key[i & 3]);
  }
  flush();
}

void WebSocket::upgrade() {
  const std::size_t end = in_.find("\r\n\r\n");
  if (end == std::string::npos) return;
  const std::string head = in_.substr(0, end + 4);
  in_.erase(0, end + 4);
  if (server_) {
    out_ +=
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: " +
        accept_key(head) + "\r\n\r\n";
    flush();
  } else if (head.compare(0, 12, "HTTP/1.1 101") != 0) {
    log(0, "the server refused the WebSocket: " + head.substr(0, head.find('\r')));
    closed_by_peer();
    return;
  }
  upgraded_ = true;
  if (on_open) on_open();
}

bool WebSocket::take_frame() {
  if (in_.size() < 2) return false;
  const std::uint8_t* p = bytes_of(in_);
  const std::uint8_t head = p[0];
  const bool masked = (p[1] & 0x80) != 0;
  std::uint64_t length = p[1] & 0x7f;
  std::size_t offset = 2;
  if (length == 126) {
    if (in_.size() < 4) return false;
    length = get16(p + 2);
    offset = 4;
  } else if (length == 127) {
    if (in_.size() < 10) return false;
    length = std::uint64_t{get32(p + 2)} << 32 | get32(p + 6);
    offset = 10;
  }
  const std::size_t key_at = offset;
  if (masked) offset += 4;
  if (in_.size() < offset || in_.size() - offset < length) return false;
  std::string payload = in_.substr(offset, length);
  if (masked) {
    for (std::size_t i = 0; i < payload.size(); i++) {
      payload[i] = static_cast<char>(payload[i] ^ in_[key_at + (i & 3)]);
    }
  }
  in_.erase(0, offset + length);
  const std::uint8_t opcode = head & 15;
  if (opcode == kOpcodeClose) {
    closed_by_peer();
  } else if (opcode == kOpcodePing) {
    send_frame(0x80 | kOpcodePong, payload);
  } else if (opcode != kOpcodePong) {
    message_ += payload;
    if ((head & 0x80) != 0) {
      std::string whole;
      whole.swap(message_);
      if (on_text) on_text(whole);
    }
  }
  return true;
}

}  // namespace parley::load
