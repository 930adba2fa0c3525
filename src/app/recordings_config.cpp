#include "app/recordings_config.h"

#include <cstdint>

namespace parley::app {

using namespace values;

std::vector<KeySpec> recording_keys() {
  const auto spec = [](const char* key, Apply apply) {
    return KeySpec{"recordings", key, std::move(apply)};
  };
#define MEMBER(type, name) PARLEY_CONFIG_MEMBER(type, recordings.name)
  return {
      spec("folder", file(MEMBER(std::string, folder), false)),
      spec("retention-days",
           number<std::uint32_t>(MEMBER(std::uint32_t, retention_days), 0, 36'500)),
      spec("part-seconds", number<std::uint32_t>(MEMBER(std::uint32_t, part_seconds), 1, 3600)),
      spec("free-mb", number<std::uint64_t>(MEMBER(std::uint64_t, free_mb), 0, 1'000'000'000)),
      spec("stop-mb", number<std::uint64_t>(MEMBER(std::uint64_t, stop_mb), 0, 1'000'000'000)),
      spec("free-percent", number<std::uint32_t>(MEMBER(std::uint32_t, free_percent), 0, 99)),
  };
#undef MEMBER
}

}  // namespace parley::app
