// Types and ranges of parameters, as a pipeline file's head says them. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "pipeline/description.h"

namespace parley::pipeline {

// What is wrong with the parameter's own line; nullopt: nothing.
[[nodiscard]] std::optional<std::string> check_parameter(const Parameter& parameter);

// What is wrong with `value`, as the end of a sentence: "is not …"; nullopt: nothing.
[[nodiscard]] std::optional<std::string> check_value(const Parameter& parameter,
                                                     const std::string& value);

}  // namespace parley::pipeline
