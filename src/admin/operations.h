// The table of what can be asked under which path.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "admin/api.h"
#include "admin/query.h"
#include "wire/reader.h"

namespace parley::admin {

// All that one operation may look at.
struct Asked {
  const Rules& rules;
  const auth::Claims& claims;
  base::Instant now;
  std::vector<std::string> names;  // of the path, in order; all of them valid ids
  Query& query;
  wire::Reader& body;  // without members where there is none
};

struct Operation {
  std::string_view method;
  // Segments behind kPrefix; "*" is an id.
  std::string_view path;
  bool has_body = false;
  Outcome (*perform)(Asked& asked) = nullptr;
  std::string_view grant = {};  // is enough in place of `admin`
};

// In any order.
[[nodiscard]] const std::vector<Operation>& operations();

// The ids where the stars stand; nullopt: another path.
[[nodiscard]] std::optional<std::vector<std::string>> match(std::string_view pattern,
                                                            std::string_view path);

}  // namespace parley::admin
