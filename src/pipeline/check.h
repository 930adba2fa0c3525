// Tries a pipeline file: reads it, makes it, sets its parameters to the ends of their ranges, and
// runs it to the end of test input. Its own sources and sinks that reach out of the process are
// replaced: nothing is fetched, sent or overwritten.
//
// Any thread, one file at a time; GStreamer is initialised. Runs no main loop.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace parley::pipeline {

struct CheckOptions {
  std::chrono::milliseconds limit{10'000};  // to the end of the input
  std::string ours;  // folder; a file of the same name in it says which hooks there must be
};

struct CheckResult {
  std::vector<std::string> complaints;  // "FILE:LINE: …"; none: it is good
  std::string story;                    // what was tried, for people
};

[[nodiscard]] CheckResult check_file(const std::string& path, const CheckOptions& options);

}  // namespace parley::pipeline
