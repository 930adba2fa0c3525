#include "auth/compact_json.h"

namespace parley::auth {
namespace {

bool take(std::string_view& rest, std::string_view token) {
  if (!rest.starts_with(token)) return false;
  rest.remove_prefix(token.size());
  return true;
}

std::optional<std::string> take_string(std::string_view& rest) {
  if (!take(rest, "\"")) return std::nullopt;
  const std::size_t end = rest.find('"');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view text = rest.substr(0, end);
  if (text.find('\\') != std::string_view::npos) return std::nullopt;
  rest.remove_prefix(end + 1);
  return std::string(text);
}

std::optional<bool> take_bool(std::string_view& rest) {
  if (take(rest, "true")) return true;
  if (take(rest, "false")) return false;
  return std::nullopt;
}

// Items between `open` and `close`, separated by commas; `item` reads one and says whether it
// could.
template <class Item>
bool read_items(std::string_view json, std::string_view open, std::string_view close, Item item) {
  if (!take(json, open)) return false;
  if (take(json, close)) return json.empty();
  do {
    if (!item(json)) return false;
  } while (take(json, ","));
  return take(json, close) && json.empty();
}

}  // namespace

std::optional<std::vector<std::string>> read_string_list(std::string_view json) {
  std::vector<std::string> list;
  const bool ok = read_items(json, "[", "]", [&list](std::string_view& rest) {
    auto text = take_string(rest);
    if (text) list.push_back(std::move(*text));
    return text.has_value();
  });
  if (!ok) return std::nullopt;
  return list;
}

std::optional<std::string> read_string(std::string_view json) {
  auto text = take_string(json);
  if (!json.empty()) return std::nullopt;
  return text;
}

std::optional<std::vector<std::pair<std::string, bool>>> read_flags(std::string_view json) {
  std::vector<std::pair<std::string, bool>> flags;
  const bool ok = read_items(json, "{", "}", [&flags](std::string_view& rest) {
    auto name = take_string(rest);
    if (!name || !take(rest, ":")) return false;
    const auto value = take_bool(rest);
    if (value) flags.emplace_back(std::move(*name), *value);
    return value.has_value();
  });
  if (!ok) return std::nullopt;
  return flags;
}

}  // namespace parley::auth
