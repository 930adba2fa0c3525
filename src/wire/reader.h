// Reads the members of one JSON object into values, and remembers the first that was wrong.
//
// A reading function asks for each member in turn and never checks: after a fault every further
// answer is a default, and the caller looks at problem() once. Optional members may be absent or
// null; unknown ones are never looked at.
#pragma once

#include <json-glib/json-glib.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"

namespace parley::wire {

// Thread-compatible. The object and `problem` must outlive the reader.
class Reader {
 public:
  // `path` stands before member names in problems: "settings." for example.
  Reader(JsonObject* object, std::string path, std::optional<std::string>* problem);

  [[nodiscard]] bool has(const char* name) const;  // present and not null

  [[nodiscard]] std::string text(const char* name);  // not empty
  [[nodiscard]] std::optional<std::string> optional_text(const char* name);
  [[nodiscard]] bool flag(const char* name, bool fallback);
  [[nodiscard]] std::optional<bool> optional_flag(const char* name);
  [[nodiscard]] std::int64_t number(const char* name, std::int64_t least, std::int64_t most);
  [[nodiscard]] std::optional<std::int64_t> optional_number(const char* name, std::int64_t least,
                                                            std::int64_t most);

  template <class IdType>
  [[nodiscard]] IdType id(const char* name) {
    return IdType(id_text(name));
  }
  template <class IdType>
  [[nodiscard]] std::optional<IdType> optional_id(const char* name) {
    if (!has(name)) return std::nullopt;
    return IdType(id_text(name));
  }
  // One id or an array of ids.
  template <class IdType>
  [[nodiscard]] std::vector<IdType> ids(const char* name) {
    std::vector<IdType> ids;
    for (std::string& text : id_texts(name)) ids.emplace_back(std::move(text));
    return ids;
  }
  // One of a closed list: `parse` turns a name into an optional value; `names` lists them.
  template <class Parse>
  [[nodiscard]] auto choice(const char* name, Parse parse, std::string_view names) {
    const auto text = optional_text(name);
    auto value = text ? parse(std::string_view(*text)) : std::nullopt;
    if (text && !value) refuse(name, names);
    return value;
  }

  // A nested object; absent: one without members.
  [[nodiscard]] Reader object(const char* name);
  // Strings of an array, and objects of an array.
  [[nodiscard]] std::vector<std::string> texts(const char* name);
  [[nodiscard]] std::vector<Reader> objects(const char* name);

  // "`name` must be `what`"; only the first counts.
  void refuse(const char* name, std::string_view what);

 private:
  [[nodiscard]] JsonNode* find(const char* name) const;
  [[nodiscard]] std::string id_text(const char* name);
  [[nodiscard]] std::vector<std::string> id_texts(const char* name);
  [[nodiscard]] JsonArray* array(const char* name, std::string_view what);

  JsonObject* object_;  // nullptr: no members
  std::string path_;
  std::optional<std::string>* problem_;
};

}  // namespace parley::wire
