// How the value behind a key is read: the kinds there are, for the files that list keys.
#pragma once

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/config.h"
#include "base/time.h"

namespace parley::app::values {

// What is wrong with a value, as the end of a sentence; nullopt: nothing, and it is set.
using Complaint = std::optional<std::string>;
struct Place {
  Config& config;
  const std::string& value;
  const std::string& folder;  // of the file
};
using Apply = std::function<Complaint(const Place&)>;

struct KeySpec {
  std::string group;
  std::string key;
  Apply apply;
};

// A getter of a member, for the functions below.
#define PARLEY_CONFIG_MEMBER(type, path) \
  std::function<type&(Config&)>([](Config& config) -> type& { return config.path; })

template <class T>
std::optional<T> whole_number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

template <class T>
Apply number(const std::function<T&(Config&)>& member, T least, T most) {
  return [=](const Place& place) -> Complaint {
    const auto value = whole_number<T>(place.value);
    if (!value || *value < least || *value > most)
      return fmt::format("is not a whole number from {} to {}", least, most);
    member(place.config) = *value;
    return std::nullopt;
  };
}

[[nodiscard]] std::optional<base::Duration> parse_duration(std::string_view text);

template <class D>
Apply duration(const std::function<D&(Config&)>& member) {
  return [=](const Place& place) -> Complaint {
    const auto value = parse_duration(place.value);
    if (!value || *value < std::chrono::milliseconds(1) || *value > std::chrono::hours(24 * 7))
      return "is not a time from 1ms to 168h, such as 500ms, 15s, 2min or 24h";
    member(place.config) = std::chrono::duration_cast<D>(*value);
    return std::nullopt;
  };
}

template <class T>
Apply one_of(const std::function<T&(Config&)>& member, const std::map<std::string, T>& names) {
  return [=](const Place& place) -> Complaint {
    const auto found = names.find(place.value);
    if (found == names.end()) {
      std::string known;
      for (const auto& [name, value] : names) known += (known.empty() ? "" : ", ") + name;
      return "is none of " + known;
    }
    member(place.config) = found->second;
    return std::nullopt;
  };
}

[[nodiscard]] Apply boolean(const std::function<bool&(Config&)>& member);
[[nodiscard]] std::string absolute(const std::string& folder, const std::string& path);
// A path, relative to the file's folder.
[[nodiscard]] Apply file(const std::function<std::string&(Config&)>& member, bool must_exist);
[[nodiscard]] Apply list(const std::function<std::vector<std::string>&(Config&)>& member,
                         const std::function<bool(const std::string&)>& good,
                         const std::string& what);

}  // namespace parley::app::values
