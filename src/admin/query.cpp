#include "admin/query.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <utility>
#include <vector>

namespace parley::admin {
namespace {

std::optional<int> hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

std::optional<std::string> decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    const auto high = i + 2 < text.size() ? hex(text[i + 1]) : std::nullopt;
    const auto low = i + 2 < text.size() ? hex(text[i + 2]) : std::nullopt;
    if (!high || !low) return std::nullopt;
    out += static_cast<char>(*high * 16 + *low);
    i += 2;
  }
  return out;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  }
  return parts;
}

// Trimmed and in small letters.
std::string plain(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

// 0, 0., 0.0, 0.00 or 0.000 (RFC 9110, 12.4.2).
bool is_zero_weight(const std::string& parameter) {
  return parameter.starts_with("q=0") && parameter.find_first_not_of("0.", 2) == std::string::npos;
}

}  // namespace

Query::Query(std::string_view text) {
  for (const std::string_view part : split(text, '&')) {
    if (part.empty()) continue;
    const std::size_t equals = part.find('=');
    auto name = decode(part.substr(0, equals));
    auto value =
        decode(equals == std::string_view::npos ? std::string_view{} : part.substr(equals + 1));
    if (!name || !value) {
      refuse("the query of the path is not percent-encoded");
    } else if (const auto [at, fresh] = values_.emplace(std::move(*name), std::move(*value));
               !fresh) {
      refuse("a parameter of the query is given twice");
    }
  }
}

void Query::refuse(std::string message) {
  if (!problem_) problem_ = std::move(message);
}

std::optional<std::string> Query::id_text(const char* name) {
  const auto found = values_.find(name);
  if (found == values_.end()) return std::nullopt;
  if (base::is_valid_id(found->second)) return found->second;
  refuse(fmt::format("`{}` must be an id: 1 to 64 characters of A-Z a-z 0-9 _ . : @ -", name));
  return std::nullopt;
}

std::size_t Query::limit(std::size_t fallback, std::size_t most) {
  const auto found = values_.find("limit");
  if (found == values_.end()) return fallback;
  const std::string& text = found->second;
  std::uint32_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem == std::errc() && end == text.data() + text.size() && value >= 1)
    return std::min<std::size_t>(value, most);
  refuse("`limit` must be a whole number from 1");
  return fallback;
}

bool accepts_json(std::string_view accept) {
  if (plain(accept).empty()) return true;
  const std::vector<std::string_view> ranges = split(accept, ',');
  return std::any_of(ranges.begin(), ranges.end(), [](std::string_view range) {
    const std::vector<std::string_view> parts = split(range, ';');
    if (parts.empty()) return false;
    const std::string type = plain(parts.front());
    const bool fits = type == "*/*" || type == "application/*" || type == "application/json";
    return fits && std::none_of(parts.begin() + 1, parts.end(), [](std::string_view parameter) {
             return is_zero_weight(plain(parameter));
           });
  });
}

bool is_json(std::string_view content_type) {
  return plain(content_type.substr(0, content_type.find(';'))) == "application/json";
}

}  // namespace parley::admin
