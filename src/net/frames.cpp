#include "net/frames.h"

#include <algorithm>

namespace parley::net {
namespace {

constexpr std::uint8_t kContinuation = 0x0;
constexpr std::uint8_t kText = 0x1;
constexpr std::uint8_t kBinary = 0x2;
constexpr std::uint8_t kClose = 0x8;
constexpr std::uint8_t kPing = 0x9;
constexpr std::uint8_t kPong = 0xA;
constexpr std::size_t kMaxControlBytes = 125;  // RFC 6455, 5.5

bool is_control(std::uint8_t opcode) { return (opcode & 0x8) != 0; }

std::string frame(std::uint8_t opcode, std::string_view payload) {
  std::string out;
  out.reserve(payload.size() + 10);
  out.push_back(static_cast<char>(0x80 | opcode));
  const std::uint64_t n = payload.size();
  const auto push = [&](int bytes) {
    for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>((n >> (8 * i)) & 0xff));
  };
  if (n < 126) {
    push(1);
  } else if (n < 65536) {
    out.push_back(126);
    push(2);
  } else {
    out.push_back(127);
    push(8);
  }
  out.append(payload);
  return out;
}

// RFC 6455, 7.4: what a peer may put into a close frame.
bool may_be_sent(std::uint16_t code) {
  if (code >= 3000 && code <= 4999) return true;
  return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}

}  // namespace

bool FrameDecoder::need_more_header() const {
  if (header_bytes_ < 2) return true;
  const std::uint8_t length = header_[1] & 0x7f;
  const std::size_t extended = length == 126 ? 2 : length == 127 ? 8 : 0;
  return header_bytes_ < 2 + extended + 4;
}

void FrameDecoder::violate(std::uint16_t code, std::string_view reason,
                           std::vector<Incoming>& out) {
  over_ = true;
  message_ = std::string();
  out.emplace_back(Violation{code, reason});
}

void FrameDecoder::begin_frame(std::vector<Incoming>& out) {
  final_ = (header_[0] & 0x80) != 0;
  opcode_ = header_[0] & 0x0f;
  const std::uint8_t length = header_[1] & 0x7f;
  const std::size_t extended = length == 126 ? 2 : length == 127 ? 8 : 0;
  payload_bytes_ = extended == 0 ? length : 0;
  for (std::size_t i = 0; i < extended; ++i) payload_bytes_ = payload_bytes_ << 8 | header_[2 + i];
  std::copy_n(header_ + 2 + extended, 4, mask_);
  payload_read_ = 0;
  header_bytes_ = 0;
  in_payload_ = true;

  if ((header_[0] & 0x70) != 0)
    return violate(kCloseProtocolError, "a reserved bit is set; no extension was agreed on", out);
  if ((header_[1] & 0x80) == 0)
    return violate(kCloseProtocolError, "frames of a client must be masked", out);
  if (is_control(opcode_)) {
    if (opcode_ > kPong) return violate(kCloseProtocolError, "unknown kind of frame", out);
    if (!final_ || payload_bytes_ > kMaxControlBytes)
      return violate(kCloseProtocolError, "a control frame is at most 125 bytes, in one piece",
                     out);
    control_.clear();
    return;
  }
  if (opcode_ == kBinary) return violate(kCloseUnsupported, "only text frames are understood", out);
  if (opcode_ > kBinary) return violate(kCloseProtocolError, "unknown kind of frame", out);
  if ((opcode_ == kContinuation) != in_message_)
    return violate(kCloseProtocolError, "a fragment out of order", out);
  in_message_ = true;
  if (payload_bytes_ > max_message_bytes_ - message_.size())
    return violate(kCloseTooBig, "the message is too large", out);
  if (++fragments_ > kMaxFragments)
    return violate(kClosePolicy, "the message is in too many fragments", out);
}

void FrameDecoder::end_control(std::vector<Incoming>& out) {
  if (opcode_ == kPing) {
    out.emplace_back(Ping{control_});
  } else if (opcode_ == kPong) {
    out.emplace_back(Pong{});
  } else if (control_.empty()) {
    over_ = true;
    out.emplace_back(PeerClose{});
  } else {
    const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(control_[i]); };
    const auto code = control_.size() < 2 ? 0 : static_cast<std::uint16_t>((at(0) << 8) | at(1));
    if (!may_be_sent(static_cast<std::uint16_t>(code)) ||
        !is_utf8(std::string_view(control_).substr(2)))
      return violate(kCloseProtocolError, "the close frame is malformed", out);
    over_ = true;
    out.emplace_back(PeerClose{static_cast<std::uint16_t>(code)});
  }
}

void FrameDecoder::end_frame(std::vector<Incoming>& out) {
  in_payload_ = false;
  if (is_control(opcode_)) return end_control(out);
  if (!final_) return;
  in_message_ = false;
  fragments_ = 0;
  if (!is_utf8(message_)) return violate(kCloseBadText, "the text is not valid UTF-8", out);
  out.emplace_back(TextMessage{std::move(message_)});
  message_ = std::string();
}

void FrameDecoder::feed(std::span<const std::uint8_t> bytes, std::vector<Incoming>& out) {
  std::size_t i = 0;
  while (!over_) {
    if (!in_payload_) {
      while (need_more_header() && i < bytes.size()) header_[header_bytes_++] = bytes[i++];
      if (need_more_header()) return;
      begin_frame(out);
      continue;
    }
    const std::size_t n = static_cast<std::size_t>(
        std::min<std::uint64_t>(bytes.size() - i, payload_bytes_ - payload_read_));
    std::string& into = is_control(opcode_) ? control_ : message_;
    for (std::size_t k = 0; k < n; ++k, ++i, ++payload_read_)
      into.push_back(static_cast<char>(bytes[i] ^ mask_[payload_read_ & 3]));
    if (payload_read_ < payload_bytes_) return;
    end_frame(out);
  }
}

std::string text_frame(std::string_view text) { return frame(kText, text); }
std::string ping_frame() { return frame(kPing, {}); }
std::string pong_frame(std::string_view payload) { return frame(kPong, payload); }

std::string close_frame(std::uint16_t code, std::string_view reason) {
  if (code == kCloseNoStatus || code == kCloseAbnormal) return frame(kClose, {});
  std::string payload;
  payload.push_back(static_cast<char>(code >> 8));
  payload.push_back(static_cast<char>(code & 0xff));
  payload.append(reason.substr(0, kMaxControlBytes - 2));
  return frame(kClose, payload);
}

bool is_utf8(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  for (std::size_t i = 0; i < text.size();) {
    const std::uint8_t lead = at(i);
    if (lead < 0x80) {
      ++i;
      continue;
    }
    const std::size_t more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (lead < 0xc2 || lead > 0xf4 || i + more >= text.size()) return false;
    // The second byte has a narrower range after these four (RFC 3629, 4).
    const std::uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    const std::uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (at(i + 1) < low || at(i + 1) > high) return false;
    for (std::size_t k = 2; k <= more; ++k)
      if ((at(i + k) & 0xc0) != 0x80) return false;
    i += more + 1;
  }
  return true;
}

}  // namespace parley::net
