// Percentiles and the JSON they are told in.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "json.h"

namespace parley::load {

// -1 without values.
template <class Number>
[[nodiscard]] double percentile(std::vector<Number> values, double share) {
  if (values.empty()) return -1;
  const auto index = std::min(values.size() - 1,
                              static_cast<std::size_t>(share * static_cast<double>(values.size())));
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(index);
  std::nth_element(values.begin(), at, values.end());
  return static_cast<double>(*at);
}

[[nodiscard]] inline Json spread(const std::vector<double>& values) {
  return {{"p50", percentile(values, 0.5)},
          {"p95", percentile(values, 0.95)},
          {"max", percentile(values, 1)}};
}

// False, with the reason logged, when the file cannot be written.
[[nodiscard]] bool write_json(const std::string& path, const Json& value);

}  // namespace parley::load
