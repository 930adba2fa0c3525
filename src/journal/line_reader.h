// Reads values back from a JSON object, by their fields (fields.h). Whatever is read keeps what the
// machine is promised: ids are valid, enumerators exist, times are sane.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "journal/fields.h"
#include "journal/hidden.h"
#include "journal/json.h"
#include "journal/names.h"

namespace parley::journal {

// Thread-compatible. Remembers the first fault; all that is read after it is nonsense.
class LineReader {
 public:
  // `problem` and `hidden` must outlive it, `object` too.
  LineReader(const JsonObject& object, Hidden& hidden, std::optional<std::string>& problem)
      : object_(&object), hidden_(hidden), problem_(problem) {}

  template <class T>
  void operator()(std::string_view name, T& value) {
    const Json* found = find_member(*object_, name);
    if (found != nullptr)
      read(name, *found, value);
    else if (!defaults_)
      fault(name, "is missing");
  }
  template <class T>
  void operator()(std::string_view name, std::optional<T>& value) {
    if (find_member(*object_, name) != nullptr) (*this)(name, value.emplace());
  }
  void hide(std::string_view name, std::string& text) {
    std::string hidden;
    (*this)(name, hidden);
    if (problem_) return;
    if (auto restored = hidden_.restore(hidden))
      text = *std::move(restored);
    else
      fault(name, "is no '#LENGTH:DIGEST'");
  }
  void hide(std::string_view name, std::optional<std::string>& text) {
    if (find_member(*object_, name) != nullptr) hide(name, text.emplace());
  }
  void flag(std::string_view name, bool& value) {
    if (find_member(*object_, name) != nullptr) (*this)(name, value);
  }
  // An object whose members may be missing: they keep their values. For what grows with the years.
  template <class T>
  void with_defaults(std::string_view name, T& value) {
    const Json* found = find_member(*object_, name);
    if (found == nullptr) return fault(name, "is missing");
    defaults_ = true;
    read(name, *found, value);
    defaults_ = false;
  }
  // The member must be there and be one of the alternatives' tags; reads the object as that one.
  template <class Variant>
  void alternative(std::string_view name, Variant& value) {
    std::string tag;
    (*this)(name, tag);
    if (!problem_ && !read_tagged(tag, value)) fault(name, "is an unknown word");
  }

 private:
  // 2^53 microseconds are 285 years: far beyond any clock, and no sum of two overflows.
  static constexpr std::int64_t kMostNumber = std::int64_t{1} << 53;

  void fault(std::string_view name, std::string_view what) {
    if (!problem_) problem_ = fmt::format("'{}' {}", name, what);
  }
  template <class T>
  const T* get(std::string_view name, const Json& json, std::string_view what) {
    const T* value = std::get_if<T>(&json.value);
    if (value == nullptr) fault(name, what);
    return value;
  }

  void read(std::string_view name, const Json& json, bool& value) {
    if (const auto* flag = get<bool>(name, json, "is neither true nor false")) value = *flag;
  }
  template <std::integral T>
  void read(std::string_view name, const Json& json, T& value) {
    const auto* number = get<std::int64_t>(name, json, "is no whole number");
    if (number == nullptr) return;
    constexpr auto kMost =
        std::min<std::uint64_t>(std::numeric_limits<T>::max(), std::uint64_t{kMostNumber});
    if (*number < 0 || static_cast<std::uint64_t>(*number) > kMost)
      return fault(name, "is out of range");
    value = static_cast<T>(*number);
  }
  void read(std::string_view name, const Json& json, std::string& value) {
    if (const auto* text = get<std::string>(name, json, "is no string")) value = *text;
  }
  template <class E>
    requires std::is_enum_v<E>
  void read(std::string_view name, const Json& json, E& value) {
    std::string word;
    read(name, json, word);
    for (std::size_t i = 0; i < kWords<E>.size(); ++i)
      if (kWords<E>[i] == word) {
        value = static_cast<E>(i);
        return;
      }
    fault(name, "is an unknown word");
  }
  // Empty where the machine itself fills it in: the profile of a track that is the leg's own.
  template <class Tag>
  void read(std::string_view name, const Json& json, base::Id<Tag>& value) {
    std::string text;
    read(name, json, text);
    const bool may_be_empty = std::is_same_v<base::Id<Tag>, base::ProfileId> && text.empty();
    if (!may_be_empty && !base::is_valid_id(text)) return fault(name, "is no id");
    value = base::Id<Tag>(std::move(text));
  }
  template <class Tag>
  void read(std::string_view name, const Json& json, base::Number<Tag>& value) {
    read(name, json, value.value);
  }
  void read(std::string_view name, const Json& json, base::Duration& value) {
    std::int64_t count = 0;
    read(name, json, count);
    value = base::Duration(count);
  }
  template <class T>
  void read(std::string_view name, const Json& json, std::vector<T>& items) {
    const auto* array = get<JsonArray>(name, json, "is no list");
    if (array == nullptr) return;
    for (const Json& item : *array) read(name, item, items.emplace_back());
  }
  template <class... T>
  void read(std::string_view name, const Json& json, std::variant<T...>& value) {
    inside(name, json, [&] { alternative("type", value); });
  }
  template <class T>
    requires std::is_class_v<T>
  void read(std::string_view name, const Json& json, T& value) {
    inside(name, json, [&] { fields(*this, value); });
  }

  template <class Read>
  void inside(std::string_view name, const Json& json, Read read) {
    const auto* object = get<JsonObject>(name, json, "is no object");
    if (object == nullptr) return;
    const JsonObject* outer = std::exchange(object_, object);
    read();
    object_ = outer;
  }
  template <class... T>
  bool read_tagged(std::string_view tag, std::variant<T...>& value) {
    return (try_one<T>(tag, value) || ...);
  }
  template <class T, class Variant>
  bool try_one(std::string_view tag, Variant& value) {
    if (tag != kTag<T>) return false;
    fields(*this, value.template emplace<T>());
    return true;
  }

  const JsonObject* object_;
  Hidden& hidden_;
  std::optional<std::string>& problem_;
  bool defaults_ = false;
};

}  // namespace parley::journal
