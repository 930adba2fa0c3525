// Reads the few shapes of claim that are not one plain value, from the text libjwt hands out.
//
// libjwt gives such a claim as JSON without white space, written by its own JSON library, so the
// text is well-formed; what is read here are lists of plain strings and flat objects of booleans.
// Strings that need an escape are refused: no id, grant or audience of ours has one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parley::auth {

// `["a","b"]`; nullopt for anything else.
[[nodiscard]] std::optional<std::vector<std::string>> read_string_list(std::string_view json);

// `"a"`; nullopt for anything else.
[[nodiscard]] std::optional<std::string> read_string(std::string_view json);

// `{"a":true,"b":false}`; nullopt for anything else.
[[nodiscard]] std::optional<std::vector<std::pair<std::string, bool>>> read_flags(
    std::string_view json);

}  // namespace parley::auth
