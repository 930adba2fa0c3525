// One line of a journal as a tree. The subset of JSON that journals consist of, read strictly: no
// fractions, no member given twice. Without a library, so that replaying is as pure as the machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace parley::journal {

struct Json;
using JsonArray = std::vector<Json>;
using JsonObject = std::vector<std::pair<std::string, Json>>;

struct Json {
  std::variant<std::nullptr_t, bool, std::int64_t, std::string, JsonArray, JsonObject> value;
};

// kInvalid: what is wrong, and at which character.
[[nodiscard]] base::Result<Json> parse_json(std::string_view text);

// nullptr: it has no such member.
[[nodiscard]] const Json* find_member(const JsonObject& object, std::string_view name);

void write_json_string(std::string& out, std::string_view text);

}  // namespace parley::journal
