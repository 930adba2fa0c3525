// What parley-job does when it is called by hand.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace parley::job {

struct Subcommand {
  std::string_view name;
  std::string_view form;   // "verify [--json] FILE|FOLDER"
  std::string_view about;  // a line of the usage
  // Returns the exit code. GStreamer is not initialised yet.
  int (*run)(const std::vector<std::string>& arguments);
};

[[nodiscard]] std::span<const Subcommand> subcommands();

}  // namespace parley::job
