// parleyd --check-pipelines FOLDER. Main thread, before anything else runs.
#pragma once

#include <string>

namespace parley::app {

// Tries every *.pipeline file of the folder, says on standard output how each fares and what is
// wrong with it, file and line. Returns the exit code: 0 all are good, 1 some are not, 66 (as
// sysexits.h has it) there is no such folder or nothing in it.
[[nodiscard]] int check_pipelines(const std::string& folder);

}  // namespace parley::app
