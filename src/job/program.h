// parley-job's command line. Main thread only.
#pragma once

#include <string>
#include <vector>

namespace parley::job {

// Exit codes, which sysexits.h has too.
inline constexpr int kDone = 0;
inline constexpr int kWorkFailed = 1;  // and a report says how
inline constexpr int kBadUsage = 64;   // or a spec that cannot be read

// `arguments` without the program's name. Returns the exit code.
int run(const std::vector<std::string>& arguments);

}  // namespace parley::job
