// What /proc tells about the server, the machine and ourselves.
#pragma once

#include <cstdint>
#include <vector>

namespace parley::load {

struct ProcessStats {  // sums over the processes
  double user_s = 0;
  double system_s = 0;
  double scheduled_s = 0;  // run time of all present threads by the scheduler: exact
  long rss_kib = 0;
  long pss_kib = 0;
  int threads = 0;
  int files = 0;
  long context_switches = 0;

  // CPU time between two readings. The scheduler's figure, unless threads that ended took theirs
  // with them; then the tick-based one.
  [[nodiscard]] static double cpu_s(const ProcessStats& from, const ProcessStats& to);
};
[[nodiscard]] ProcessStats read_process_stats(const std::vector<int>& pids);

struct MachineStats {
  double busy_s = 0;
  double stolen_s = 0;  // by the hypervisor
};
[[nodiscard]] MachineStats read_machine_stats();

[[nodiscard]] double own_cpu_s();

// CPU time in µs of a fixed piece of arithmetic and system calls: how fast the core is right now.
[[nodiscard]] double yardstick_us();

}  // namespace parley::load
