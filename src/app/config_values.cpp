#include "app/config_values.h"

#include <glib.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "app/key_file.h"
#include "wrap/owned.h"

namespace parley::app::values {

std::optional<base::Duration> parse_duration(std::string_view text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto amount = whole_number<std::int32_t>(text.substr(0, digits));
  if (!amount) return std::nullopt;
  const std::string_view unit = text.substr(digits);
  if (unit == "ms") return std::chrono::milliseconds(*amount);
  if (unit == "s") return std::chrono::seconds(*amount);
  if (unit == "min") return std::chrono::minutes(*amount);
  if (unit == "h") return std::chrono::hours(*amount);
  return std::nullopt;
}

Apply boolean(const std::function<bool&(Config&)>& member) {
  return [=](const Place& place) -> Complaint {
    if (place.value != "true" && place.value != "false") return "is neither true nor false";
    member(place.config) = place.value == "true";
    return std::nullopt;
  };
}

std::string absolute(const std::string& folder, const std::string& path) {
  const wrap::Owned<char> full(g_canonicalize_filename(path.c_str(), folder.c_str()));
  return full.get();
}

Apply file(const std::function<std::string&(Config&)>& member, bool must_exist) {
  return [=](const Place& place) -> Complaint {
    if (place.value.empty()) return "is empty; name a file, or leave the key out";
    const std::string path = absolute(place.folder, place.value);
    if (must_exist && !g_file_test(path.c_str(), G_FILE_TEST_EXISTS))
      return fmt::format("does not exist (looked for {})", path);
    member(place.config) = path;
    return std::nullopt;
  };
}

Apply list(const std::function<std::vector<std::string>&(Config&)>& member,
           const std::function<bool(const std::string&)>& good, const std::string& what) {
  return [=](const Place& place) -> Complaint {
    auto items = split_list(place.value);
    for (const std::string& item : items)
      if (!good(item)) return fmt::format("contains '{}', which is not {}", item, what);
    member(place.config) = std::move(items);
    return std::nullopt;
  };
}

}  // namespace parley::app::values
