#include "journal/json.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

namespace parley::journal {
namespace {

constexpr int kMaxDepth = 16;

// Reads from the front of a text. After a fault nothing more is read.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  base::Result<Json> whole() {
    Json value = any(1);
    if (!problem_ && at_ != text_.size()) fault("the end of the line");
    if (problem_) return base::fail(base::Code::kInvalid, *problem_);
    return value;
  }

 private:
  void fault(std::string_view expected) {
    if (!problem_) problem_ = fmt::format("{} is expected at character {}", expected, at_ + 1);
  }
  [[nodiscard]] char next() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(std::string_view token) {
    if (problem_ || !text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }
  void need(std::string_view token) {
    if (!take(token)) fault(fmt::format("'{}'", token));
  }

  Json any(int depth) {
    if (depth > kMaxDepth) fault("less nesting");
    if (problem_) return {};
    if (next() == '{') return {object(depth)};
    if (next() == '[') return {array(depth)};
    if (next() == '"') return {string()};
    if (take("null")) return {nullptr};
    if (take("true")) return {true};
    if (take("false")) return {false};
    return {number()};
  }

  JsonObject object(int depth) {
    JsonObject members;
    need("{");
    while (!problem_ && next() != '}') {
      if (!members.empty()) need(",");
      std::string name = string();
      if (find_member(members, name) != nullptr) fault("another member");
      need(":");
      members.push_back({std::move(name), any(depth + 1)});
    }
    need("}");
    return members;
  }

  JsonArray array(int depth) {
    JsonArray items;
    need("[");
    while (!problem_ && next() != ']') {
      if (!items.empty()) need(",");
      items.push_back(any(depth + 1));
    }
    need("]");
    return items;
  }

  std::int64_t number() {
    std::int64_t value = 0;
    const std::string_view rest = text_.substr(at_);
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
    if (error != std::errc())
      fault("a value");
    else
      at_ += static_cast<std::size_t>(end - rest.data());
    return value;
  }

  // Bytes beyond ASCII stand as they are.
  std::string string() {
    std::string value;
    need("\"");
    while (!problem_ && next() != '"') {
      if (static_cast<unsigned char>(next()) < 0x20) {
        fault("the end of a string");
      } else if (take("\\")) {
        value += escaped();
      } else {
        value += text_[at_++];
      }
    }
    need("\"");
    return value;
  }

  char escaped() {
    if (take("\"")) return '"';
    if (take("\\")) return '\\';
    if (take("u00") && at_ + 2 <= text_.size()) {
      unsigned code = 0;
      const char* digits = text_.data() + at_;
      const auto [end, error] = std::from_chars(digits, digits + 2, code, 16);
      if (error == std::errc() && end == digits + 2) {
        at_ += 2;
        return static_cast<char>(code);
      }
    }
    fault("an escape that journals have");
    return '\0';
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::optional<std::string> problem_;
};

}  // namespace

base::Result<Json> parse_json(std::string_view text) { return Parser(text).whole(); }

const Json* find_member(const JsonObject& object, std::string_view name) {
  for (const auto& [key, value] : object)
    if (key == name) return &value;
  return nullptr;
}

void write_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      out += "\\u00";
      out += kDigits[static_cast<unsigned char>(c) >> 4];
      out += kDigits[static_cast<unsigned char>(c) & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

}  // namespace parley::journal
