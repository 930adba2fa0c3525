// The head comment of a pipeline file. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pipeline/description.h"
#include "pipeline/launch_text.h"

namespace parley::pipeline {

struct Head {
  std::string about;
  std::vector<Hook> hooks;
  std::vector<Parameter> parameters;
  std::vector<LaunchText::Mistake> mistakes;
};

// Of the whole file's text. Names are held against `launch`.
[[nodiscard]] Head read_head(std::string_view text, const LaunchText& launch);

}  // namespace parley::pipeline
