// What no single key of a configuration can tell: whether its keys go together.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/config.h"
#include "app/key_file.h"
#include "base/result.h"

namespace parley::app {

// The kid of a group [key "kid"]; [key] is for tokens without one. nullopt: another group.
[[nodiscard]] std::optional<std::string> kid_of(std::string_view group);

// Adds what is wrong, each with its line; fits defaults to what was set.
void check_together(const KeyFile& file, Config& config, std::vector<base::Error>& mistakes);

}  // namespace parley::app
