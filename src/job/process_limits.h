// What a job process takes from itself before it looks at anything that strangers have sent. Called
// once, on the main thread, before others start.
#pragma once

#include <string>
#include <vector>

#include "job/spec.h"

namespace parley::job {

// A process group of its own, no new rights by programs it starts, no core file, no debugger of the
// same user, bounded memory and descriptors, files that others cannot read, second in line for the
// processor and first for the kernel's out-of-memory killer. Returns what could not be had, a
// sentence each: none of it keeps a job from its work.
[[nodiscard]] std::vector<std::string> limit_process(const Limits& limits);

// The kernel ends the process after `seconds`, whatever hangs in it. Given again, from now on anew.
void end_hard_in(unsigned seconds);

}  // namespace parley::job
