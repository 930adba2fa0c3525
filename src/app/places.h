// Where Parley's own files are: beside what is installed, or in the tree it was built in. Any
// thread.
#pragma once

#include <string>
#include <vector>

namespace parley::app {

// parley-job; empty: it is in neither place.
[[nodiscard]] std::string job_program();
// With GStreamer's plugin of ours.
[[nodiscard]] std::string plugin_folder();
// With *.pipeline files: `own` before ours; empty: there is none.
[[nodiscard]] std::vector<std::string> pipeline_folders(const std::string& own);

}  // namespace parley::app
