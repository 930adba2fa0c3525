// WebSocket frames (RFC 6455, 5) of the server's side: bytes in, whole messages out, and back.
//
// Ours, because libsoup 3.2.3 bounds a single frame only, never the message its fragments add up
// to, closes without a close frame where we owe the peer a 1009, and queues pongs without end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace parley::net {

// RFC 6455, 7.4.1, and 1013 of IANA's registry.
enum CloseCode : std::uint16_t {
  kCloseNormal = 1000,
  kCloseGoingAway = 1001,
  kCloseProtocolError = 1002,
  kCloseUnsupported = 1003,
  kCloseNoStatus = 1005,
  kCloseAbnormal = 1006,
  kCloseBadText = 1007,
  kClosePolicy = 1008,
  kCloseTooBig = 1009,
  kCloseTryLater = 1013,
};

struct TextMessage {
  std::string text;  // valid UTF-8
};
struct Ping {
  std::string payload;
};
struct Pong {};
struct PeerClose {
  std::uint16_t code = kCloseNoStatus;
};
// The peer broke the protocol or a limit: close with this code. Nothing follows it.
struct Violation {
  std::uint16_t code = kCloseProtocolError;
  std::string_view reason;
};
using Incoming = std::variant<TextMessage, Ping, Pong, PeerClose, Violation>;

// Not thread-safe. Holds at most one message of `max_message_bytes`.
class FrameDecoder {
 public:
  // Our choice: a browser sends a message in one frame; more pieces than this are an attack.
  static constexpr std::size_t kMaxFragments = 256;

  explicit FrameDecoder(std::size_t max_message_bytes) : max_message_bytes_(max_message_bytes) {}

  // Takes any piece of the byte stream; appends what it completes. After a Violation or a
  // PeerClose everything is ignored.
  void feed(std::span<const std::uint8_t> bytes, std::vector<Incoming>& out);

 private:
  [[nodiscard]] bool need_more_header() const;
  void begin_frame(std::vector<Incoming>& out);
  void end_frame(std::vector<Incoming>& out);
  void end_control(std::vector<Incoming>& out);
  void violate(std::uint16_t code, std::string_view reason, std::vector<Incoming>& out);

  const std::size_t max_message_bytes_;
  bool over_ = false;
  // The frame being read.
  std::uint8_t header_[14] = {};  // 2 + 8 (length) + 4 (mask): RFC 6455, 5.2
  std::size_t header_bytes_ = 0;
  bool in_payload_ = false;
  bool final_ = false;
  std::uint8_t opcode_ = 0;
  std::uint64_t payload_bytes_ = 0;
  std::uint64_t payload_read_ = 0;
  std::uint8_t mask_[4] = {};
  std::string control_;
  // The message its fragments add up to.
  bool in_message_ = false;
  std::size_t fragments_ = 0;
  std::string message_;
};

// One unmasked, unfragmented frame.
[[nodiscard]] std::string text_frame(std::string_view text);
[[nodiscard]] std::string ping_frame();
[[nodiscard]] std::string pong_frame(std::string_view payload);
[[nodiscard]] std::string close_frame(std::uint16_t code, std::string_view reason);

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
[[nodiscard]] bool is_utf8(std::string_view text);

}  // namespace parley::net
