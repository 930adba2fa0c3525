// Writes one JSON object, member by member.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "wire/json.h"

namespace parley::wire {

// Thread-compatible. Members stand in the order in which they were written.
class Writer {
 public:
  Writer();                           // begins the object
  explicit Writer(const char* type);  // ... with its `type`

  void text(const char* name, const std::string& value);  // what JSON cannot hold is replaced
  void name(const char* name, std::string_view value);    // one of our own stable names
  void flag(const char* name, bool value);
  void number(const char* name, std::int64_t value);
  void null(const char* name);
  template <class Tag>
  void id(const char* name, const base::Id<Tag>& value) {
    member(name);
    json_builder_add_string_value(builder_.get(), value.str().c_str());
  }
  template <class OptionalId>
  void optional_id(const char* name, const OptionalId& value) {
    if (value) id(name, *value);
  }
  template <class Ids>
  void ids(const char* name, const Ids& values) {
    array(name, values, [this](const auto& value) { item(value.str()); });
  }
  template <class Fill>
  void object(const char* name, Fill fill) {
    member(name);
    nested(fill);
  }
  // `each` writes one item: with item(), or nested() for an object.
  template <class Items, class Each>
  void array(const char* name, const Items& items, Each each) {
    member(name);
    json_builder_begin_array(builder_.get());
    for (const auto& value : items) each(value);
    json_builder_end_array(builder_.get());
  }
  void item(const std::string& value);
  template <class Fill>
  void nested(Fill fill) {
    json_builder_begin_object(builder_.get());
    fill();
    json_builder_end_object(builder_.get());
  }

  [[nodiscard]] std::string finish();  // ends the object; nothing may be written after

 private:
  void member(const char* name) { json_builder_set_member_name(builder_.get(), name); }
  OwnedBuilder builder_;
};

}  // namespace parley::wire
