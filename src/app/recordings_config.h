// The group [recordings]: where recordings are kept, and for how long.
#pragma once

#include <vector>

#include "app/config_values.h"

namespace parley::app {

[[nodiscard]] std::vector<values::KeySpec> recording_keys();

}  // namespace parley::app
