// Reads of JSON that came from a server: whatever is missing or of another type reads as empty.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace parley::load {

using Json = nlohmann::json;

// An object; empty when `text` is none.
[[nodiscard]] inline Json parse_json(const std::string& text) {
  Json value = Json::parse(text, nullptr, false);
  return value.is_object() ? value : Json::object();
}
[[nodiscard]] inline const Json& member(const Json& object, const char* name) {
  static const Json kNothing;
  if (!object.is_object()) return kNothing;
  const auto it = object.find(name);
  return it == object.end() ? kNothing : *it;
}
[[nodiscard]] inline std::string text_of(const Json& object, const char* name) {
  const Json& value = member(object, name);
  return value.is_string() ? value.get<std::string>() : std::string();
}
[[nodiscard]] inline std::uint64_t number_of(const Json& object, const char* name) {
  const Json& value = member(object, name);
  return value.is_number_unsigned() ? value.get<std::uint64_t>() : 0;
}
[[nodiscard]] inline bool flag_of(const Json& object, const char* name, bool otherwise = false) {
  const Json& value = member(object, name);
  return value.is_boolean() ? value.get<bool>() : otherwise;
}

}  // namespace parley::load
