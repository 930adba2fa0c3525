#include "pipeline/values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <vector>

namespace parley::pipeline {
namespace {

constexpr std::array<std::string_view, 5> kTypes{"uint", "int", "double", "bool", "string"};

template <class T>
std::optional<T> read(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::vector<std::string_view> choices(std::string_view range) {
  std::vector<std::string_view> all;
  while (true) {
    const std::size_t bar = range.find('|');
    all.push_back(range.substr(0, bar));
    if (bar == std::string_view::npos) return all;
    range.remove_prefix(bar + 1);
  }
}

bool is_number(const Parameter& parameter) {
  return parameter.type == "uint" || parameter.type == "int" || parameter.type == "double";
}

bool is_of_type(const std::string& type, std::string_view text) {
  if (type == "uint") return read<std::uint64_t>(text).has_value();
  if (type == "int") return read<std::int64_t>(text).has_value();
  if (type == "double") return read<double>(text).has_value();
  if (type == "bool") return text == "true" || text == "false";
  return true;
}

std::string kind(const std::string& type) {
  if (type == "uint") return "a whole number from 0";
  if (type == "int") return "a whole number";
  if (type == "double") return "a number";
  return "true or false";
}

template <class T>
bool within(std::string_view range, std::string_view text) {
  const std::size_t dots = range.find("..");
  const auto value = read<T>(text);
  const auto least = read<T>(range.substr(0, dots));
  const auto most = read<T>(range.substr(dots + 2));
  return value && least && most && *least <= *value && *value <= *most;
}

bool is_within(const Parameter& parameter, std::string_view text) {
  if (parameter.range == "-") return true;
  if (parameter.range.find("..") == std::string::npos || !is_number(parameter)) {
    const auto all = choices(parameter.range);
    return std::find(all.begin(), all.end(), text) != all.end();
  }
  if (parameter.type == "uint") return within<std::uint64_t>(parameter.range, text);
  if (parameter.type == "int") return within<std::int64_t>(parameter.range, text);
  return within<double>(parameter.range, text);
}

std::optional<std::string> check_range(const Parameter& parameter) {
  if (parameter.range == "-") return std::nullopt;
  const std::size_t dots = parameter.range.find("..");
  if (dots != std::string::npos && is_number(parameter)) {
    const std::string least = parameter.range.substr(0, dots);
    const std::string most = parameter.range.substr(dots + 2);
    if (!is_of_type(parameter.type, least) || !is_of_type(parameter.type, most) ||
        !is_within(parameter, least))
      return fmt::format("the range '{}' is not LEAST..MOST of type {}", parameter.range,
                         parameter.type);
    return std::nullopt;
  }
  for (const std::string_view choice : choices(parameter.range))
    if (choice.empty() || !is_of_type(parameter.type, choice))
      return fmt::format("the range '{}' is neither LEAST..MOST, nor A|B|C of type {}, nor -",
                         parameter.range, parameter.type);
  return std::nullopt;
}

}  // namespace

std::optional<std::string> check_parameter(const Parameter& parameter) {
  if (std::find(kTypes.begin(), kTypes.end(), parameter.type) == kTypes.end())
    return fmt::format("the type '{}' is none of {}", parameter.type, fmt::join(kTypes, ", "));
  if (auto wrong = check_range(parameter)) return wrong;
  if (parameter.value == "-") return std::nullopt;
  if (const auto wrong = check_value(parameter, parameter.value))
    return fmt::format("the default '{}' {}", parameter.value, *wrong);
  return std::nullopt;
}

std::optional<std::string> check_value(const Parameter& parameter, const std::string& value) {
  if (!is_of_type(parameter.type, value)) return "is not " + kind(parameter.type);
  if (is_within(parameter, value)) return std::nullopt;
  const std::string unit = parameter.unit == "-" ? "" : " " + parameter.unit;
  return fmt::format("is not in {}{}", parameter.range, unit);
}

}  // namespace parley::pipeline
