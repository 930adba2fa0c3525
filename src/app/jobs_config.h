// The groups [pipelines] and [jobs].
#pragma once

#include <vector>

#include "app/config_values.h"

namespace parley::app {

[[nodiscard]] std::vector<values::KeySpec> job_keys();

}  // namespace parley::app
