// What stands behind the '?' of a path, by name; and the lists that headers are.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"

namespace parley::admin {

// A value. Remembers the first thing that was wrong, like wire::Reader.
class Query {
 public:
  // Names and values are percent-decoded, and '+' is a space. One that is given twice is wrong.
  explicit Query(std::string_view text);

  template <class IdType>
  [[nodiscard]] std::optional<IdType> id(const char* name) {
    const auto text = id_text(name);
    if (!text) return std::nullopt;
    return IdType(*text);
  }
  // From 1; `fallback` where it is missing, and no more than `most`.
  [[nodiscard]] std::size_t limit(std::size_t fallback, std::size_t most);

  [[nodiscard]] const std::optional<std::string>& problem() const { return problem_; }

 private:
  [[nodiscard]] std::optional<std::string> id_text(const char* name);
  void refuse(std::string message);

  std::map<std::string, std::string, std::less<>> values_;
  std::optional<std::string> problem_;
};

// Whether a client that says this in Accept (RFC 9110, 12.5.1) takes JSON.
[[nodiscard]] bool accepts_json(std::string_view accept);
// Whether a Content-Type is JSON; parameters such as charset=utf-8 change nothing.
[[nodiscard]] bool is_json(std::string_view content_type);

}  // namespace parley::admin
