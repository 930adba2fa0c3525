// What Description and Instance share: a file's content, which never changes.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "pipeline/description.h"
#include "pipeline/launch_text.h"

namespace parley::pipeline {

struct Content {
  std::string path;
  std::string about;
  LaunchText launch;
  std::vector<Hook> hooks;
  std::vector<Parameter> parameters;
};

// `value` becomes the parameter's property of an element in `bin`. What is wrong, as a sentence.
[[nodiscard]] base::Result<void> apply(GstElement* bin, const Parameter& parameter,
                                       const std::string& value);
// Whether the element and its property are there and are what the parameter says.
[[nodiscard]] base::Result<void> check_target(GstElement* bin, const Parameter& parameter);

}  // namespace parley::pipeline
