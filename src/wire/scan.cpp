#include "wire/scan.h"

#include <fmt/format.h>
#include <glib.h>

#include <array>
#include <optional>
#include <string>

namespace parley::wire {
namespace {

constexpr std::uint16_t kPolicyViolation = 1008;  // RFC 6455, 7.4.1
constexpr std::uint16_t kMessageTooBig = 1009;    // RFC 6455, 7.4.1

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::optional<unsigned> hex_digit(char c) {
  if (is_digit(c)) return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

// Each step reads one token and sets what may come next; false: fault_ says why not.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  tl::expected<int, FrameError> run() {
    skip_space();
    if (peek() != '{') return fault("The frame must be one JSON object.");
    while (next_ != Next::kEnd) {
      skip_space();
      if (!step()) return tl::unexpected(fault_);
    }
    return members_;
  }

 private:
  enum class Next { kValue, kFirstKey, kKey, kFirstItem, kAfterValue, kEnd };

  bool step() {
    switch (next_) {
      case Next::kValue:
        return value();
      case Next::kFirstKey:
        return peek() == '}' ? close() : key();
      case Next::kKey:
        return key();
      case Next::kFirstItem:
        return peek() == ']' ? close() : count() && value();
      case Next::kAfterValue:
        return after_value();
      case Next::kEnd:
        break;
    }
    return true;
  }

  bool value() {
    switch (peek()) {
      case '{':
      case '[':
        return open();
      case '"':
        next_ = Next::kAfterValue;
        return string();
      case 't':
        return literal("true");
      case 'f':
        return literal("false");
      case 'n':
        return literal("null");
      default:
        next_ = Next::kAfterValue;
        return number();
    }
  }

  bool open() {
    if (depth_ == kMaxDepth)
      return refuse(fmt::format("The frame nests deeper than {} levels.", kMaxDepth),
                    kPolicyViolation);
    const bool object = peek() == '{';
    in_object_[static_cast<std::size_t>(depth_++)] = object;
    next_ = object ? Next::kFirstKey : Next::kFirstItem;
    ++at_;
    return true;
  }

  bool close() {
    --depth_;
    next_ = Next::kAfterValue;
    ++at_;
    return true;
  }

  bool key() {
    if (peek() != '"') return malformed();
    if (!string()) return false;
    skip_space();
    if (peek() != ':') return malformed();
    ++at_;
    next_ = Next::kValue;
    return count();
  }

  bool after_value() {
    if (depth_ == 0) {
      if (at_ < text_.size()) return malformed();
      next_ = Next::kEnd;
      return true;
    }
    const bool object = in_object_[static_cast<std::size_t>(depth_ - 1)];
    if (peek() == (object ? '}' : ']')) return close();
    if (peek() != ',') return malformed();
    ++at_;
    next_ = object ? Next::kKey : Next::kValue;
    return object || count();
  }

  bool count() {
    if (++members_ <= kMaxMembers) return true;
    return refuse(fmt::format("The frame has more than {} members.", kMaxMembers),
                  kPolicyViolation);
  }

  bool literal(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return malformed();
    at_ += word.size();
    next_ = Next::kAfterValue;
    return true;
  }

  // RFC 8259, 7. The bytes above 0x7f are known to be UTF-8.
  bool string() {
    ++at_;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '"') return true;
      if (static_cast<unsigned char>(c) < 0x20)
        return refuse("A string holds a control character; write it as an escape.");
      if (c == '\\' && !escape()) return false;
    }
    return malformed();
  }

  bool escape() {
    const char c = peek();
    ++at_;
    if (c == 'u') return unicode_escape();
    return c != '\0' && std::string_view("\"\\/bfnrt").find(c) != std::string_view::npos
               ? true
               : malformed();
  }

  bool unicode_escape() {
    const auto first = hex4();
    if (!first) return malformed();
    if (*first == 0) return refuse("A string must not hold a NUL.");
    const bool high = *first >= 0xd800 && *first < 0xdc00;
    const bool low = *first >= 0xdc00 && *first < 0xe000;
    if (!high && !low) return true;
    if (high && text_.substr(at_).starts_with("\\u")) {
      at_ += 2;
      const auto second = hex4();
      if (second && *second >= 0xdc00 && *second < 0xe000) return true;
    }
    return refuse("A string holds half of a surrogate pair.");
  }

  std::optional<unsigned> hex4() {
    unsigned value = 0;
    for (int i = 0; i < 4; ++i) {
      const auto digit = hex_digit(peek());
      if (!digit) return std::nullopt;
      value = value * 16 + *digit;
      ++at_;
    }
    return value;
  }

  // RFC 8259, 6, with bounds: what has more digits than a double holds exactly is nobody's number.
  bool number() {
    constexpr std::size_t kMaxWholeDigits = 16;
    constexpr std::size_t kMaxCharacters = 32;
    const std::size_t start = at_;
    if (peek() == '-') ++at_;
    const bool zero = peek() == '0';
    const std::size_t whole = digits();
    if (whole == 0 || (zero && whole > 1)) return malformed();
    if (peek() == '.') {
      ++at_;
      if (digits() == 0) return malformed();
    }
    if (peek() == 'e' || peek() == 'E') {
      ++at_;
      if (peek() == '+' || peek() == '-') ++at_;
      if (digits() == 0) return malformed();
    }
    if (whole > kMaxWholeDigits || at_ - start > kMaxCharacters)
      return refuse(
          fmt::format("A number has more than {} digits before the point, or more than "
                      "{} characters.",
                      kMaxWholeDigits, kMaxCharacters));
    return true;
  }

  std::size_t digits() {
    const std::size_t start = at_;
    while (is_digit(peek())) ++at_;
    return at_ - start;
  }

  void skip_space() {
    while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r') ++at_;
  }

  // NUL at the end; there is none inside, the UTF-8 check has made sure of that.
  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  tl::unexpected<FrameError> fault(std::string message) {
    refuse(std::move(message));
    return tl::unexpected(fault_);
  }
  bool refuse(std::string message, std::optional<std::uint16_t> close_code = std::nullopt) {
    fault_.message = std::move(message);
    fault_.close_code = close_code;
    return false;
  }
  bool malformed() { return refuse(fmt::format("The frame is not JSON: see byte {}.", at_ + 1)); }

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
  int members_ = 0;
  std::array<bool, kMaxDepth> in_object_{};
  Next next_ = Next::kValue;
  FrameError fault_;
};

}  // namespace

tl::expected<int, FrameError> scan(std::string_view frame) {
  FrameError error;
  if (frame.size() > kMaxFrameBytes) {
    error.code = call::ErrorCode::kTooLarge;
    error.message =
        fmt::format("The frame has {} bytes; at most {} are taken.", frame.size(), kMaxFrameBytes);
    error.close_code = kMessageTooBig;
    return tl::unexpected(error);
  }
  // Refuses NUL as well.
  if (g_utf8_validate_len(frame.data(), frame.size(), nullptr) == FALSE) {
    error.message = "The frame must be UTF-8 text without NUL.";
    return tl::unexpected(error);
  }
  return Scanner(frame).run();
}

}  // namespace parley::wire
