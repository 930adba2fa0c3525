// One line of a journal as a tree. The subset of JSON that journals consist of, read strictly: no
// fractions, no member given twice. Without a library, so that replaying is as pure as the machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace parley::journal {

struct Json;
struct JsonMember;
using JsonArray = std::vector<Json>;
using JsonObject = std::vector<JsonMember>;

struct Json {
  std::variant<std::nullptr_t, bool, std::int64_t, std::string, JsonArray, JsonObject> value;
};

// No std::pair: clang wants to see the whole of a pair where a Json is declared.
struct JsonMember {
  std::string name;
  Json value;
};

// kInvalid: what is wrong, and at which character.
[[nodiscard]] base::Result<Json> parse_json(std::string_view text);

// nullptr: it has no such member.
[[nodiscard]] const Json* find_member(const JsonObject& object, std::string_view name);

void write_json_string(std::string& out, std::string_view text);

}  // namespace parley::journal
