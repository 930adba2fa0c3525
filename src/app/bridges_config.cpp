#include "app/bridges_config.h"

#include <fmt/format.h>

#include "app/config_values.h"
#include "app/key_file.h"

namespace parley::app {
namespace {

values::Complaint allow(const values::Place& place) {
  auto& patterns = place.config.bridges.targets.allow;
  patterns.clear();
  for (const std::string& item : split_list(place.value)) {
    const auto pattern = net::TargetPattern::parse(item);
    if (!pattern)
      return fmt::format(
          "contains '{}', which is no SCHEME://HOST[:PORT] such as rtmp://live.example, "
          "rtmps://*.example, srt://192.0.2.0/24:9000 or https://*",
          item);
    patterns.push_back(*pattern);
  }
  return std::nullopt;
}

}  // namespace

std::vector<values::KeySpec> bridge_keys() {
  return {
      {"bridges", "allow", allow},
      {"bridges", "private-addresses",
       values::boolean(PARLEY_CONFIG_MEMBER(bool, bridges.targets.private_addresses))},
      {"bridges", "source-folder",
       values::file(PARLEY_CONFIG_MEMBER(std::string, bridges.targets.source_folder), true)},
      {"bridges", "hls-folder",
       values::file(PARLEY_CONFIG_MEMBER(std::string, bridges.hls_folder), false)},
  };
}

}  // namespace parley::app
