// The command line.
#pragma once

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"

namespace parley::app {

struct Options {
  std::string config;  // empty: the built-in defaults
  bool version = false;
  bool check_config = false;
  std::string check_pipelines;               // folder; empty: not
  std::string journal;                       // --journal; empty: as configured
  std::string replay;                        // "replay FILE"; empty: serve
  std::optional<std::string> token_profile;  // --print-token
  std::string token_user;                    // empty: the profile
  std::set<std::string> grants;
  std::chrono::seconds valid_for = std::chrono::hours(24);
};

// kInvalid: what is wrong with the arguments. --help prints and exits.
[[nodiscard]] base::Result<Options> parse_options(const std::vector<std::string>& arguments);

}  // namespace parley::app
