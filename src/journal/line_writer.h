// Writes values as members of a JSON object, by their fields (fields.h).
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "journal/effect_fields.h"
#include "journal/hidden.h"
#include "journal/json.h"
#include "journal/names.h"

namespace parley::journal {

// Thread-compatible. `out` and `hidden` must outlive it.
class LineWriter {
 public:
  LineWriter(std::string& out, const Hidden& hidden) : out_(out), hidden_(hidden) {}

  template <class T>
  void operator()(std::string_view name, const T& value) {
    key(name);
    write(value);
  }
  template <class T>
  void operator()(std::string_view name, const std::optional<T>& value) {
    if (value) (*this)(name, *value);
  }
  void hide(std::string_view name, const std::string& text) { (*this)(name, hidden_.name(text)); }
  void hide(std::string_view name, const std::optional<std::string>& text) {
    if (text) hide(name, *text);
  }
  // Written only when it is set: journals of earlier versions do not have it.
  void flag(std::string_view name, bool value) {
    if (value) (*this)(name, value);
  }
  // The members of `value` as members of this object.
  template <class T>
  void members(const T& value) {
    fields(*this, value);
  }
  void open() {
    out_ += '{';
    first_ = true;
  }
  void close() {
    out_ += '}';
    first_ = false;
  }

 private:
  void key(std::string_view name) {
    if (!first_) out_ += ',';
    first_ = false;
    out_ += '"';
    out_ += name;
    out_ += "\":";
  }

  void write(bool value) { out_ += value ? "true" : "false"; }
  template <std::integral T>
  void write(T value) {
    out_ += std::to_string(value);
  }
  void write(const std::string& value) { write_json_string(out_, value); }
  void write(std::string_view value) { write_json_string(out_, value); }
  template <class E>
    requires std::is_enum_v<E>
  void write(E value) {
    write(kWords<E>.at(static_cast<std::size_t>(value)));
  }
  template <class Tag>
  void write(const base::Id<Tag>& value) {
    write(value.str());
  }
  template <class Tag>
  void write(base::Number<Tag> value) {
    write(value.value);
  }
  void write(base::Duration value) { write(value.count()); }
  void write(base::WallTime value) { write(value.time_since_epoch().count()); }
  template <class T>
  void write(const std::vector<T>& items) {
    out_ += '[';
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out_ += ',';
      write(items[i]);
    }
    out_ += ']';
  }
  template <class K, class T>
  void write(const std::map<K, T>& entries) {
    open();
    for (const auto& [name, value] : entries) {
      key(name.str());
      write(value);
    }
    close();
  }
  template <class... T>
  void write(const std::variant<T...>& value) {
    std::visit(
        [this]<class One>(const One& one) {
          static_assert(!kTag<One>.empty());
          open();
          (*this)("type", kTag<One>);
          members(one);
          close();
        },
        value);
  }
  template <class T>
    requires std::is_class_v<T>
  void write(const T& value) {
    open();
    members(value);
    close();
  }

  std::string& out_;
  const Hidden& hidden_;
  bool first_ = true;
};

}  // namespace parley::journal
