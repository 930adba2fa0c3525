#include "base/ids.h"

#include <algorithm>

namespace parley::base {

bool is_valid_id(std::string_view text) {
  constexpr std::size_t kMaxBytes = 64;
  if (text.empty() || text.size() > kMaxBytes) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == ':' || c == '@' || c == '-';
  });
}

}  // namespace parley::base
