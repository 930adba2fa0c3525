// The group [bridges]: where calls may be sent to and fetched from.
#pragma once

#include <vector>

#include "app/config_values.h"

namespace parley::app {

[[nodiscard]] std::vector<values::KeySpec> bridge_keys();

}  // namespace parley::app
