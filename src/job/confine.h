// Has the kernel (Landlock, Linux 5.13) hold this process to a list of paths, for ever, with all
// threads and programs it starts from then on. What is open stays open; what has a path of its own
// to it, such as connecting to a Unix socket, is not restricted by any version there is.
//
// To be called once, while there is one thread.
#pragma once

#include <vector>

#include "base/result.h"
#include "job/sandbox_rules.h"

namespace parley::job {

// The version of Landlock that this kernel has; 0: none.
[[nodiscard]] int landlock_version();

// From here on no file may be opened but by these rules, no program started, nothing traced or
// signalled and no abstract socket reached outside (the last two from version 6 on: Linux 6.12).
// kUnavailable: why not; then the process is as free as before.
[[nodiscard]] base::Result<void> confine(const std::vector<PathRule>& rules);

}  // namespace parley::job
