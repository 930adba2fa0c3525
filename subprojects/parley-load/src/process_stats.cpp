#include "process_stats.h"

#include <dirent.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <ctime>
#include <fstream>
#include <functional>
#include <memory>
#include <string>

namespace parley::load {
namespace {

double ticks_per_second() { return static_cast<double>(sysconf(_SC_CLK_TCK)); }

void each_entry(const std::string& folder, const std::function<void(const std::string&)>& visit) {
  DIR* opened = opendir(folder.c_str());
  if (opened == nullptr) return;
  while (const dirent* entry = readdir(opened)) {
    if (entry->d_name[0] != '.') visit(entry->d_name);
  }
  closedir(opened);
}

// Sum of the numbers behind lines that begin with one of `labels`.
long sum_of_lines(const std::string& path, const std::vector<std::string>& labels) {
  std::ifstream file(path);
  long sum = 0;
  for (std::string line; std::getline(file, line);) {
    for (const std::string& label : labels) {
      if (line.compare(0, label.size(), label) == 0) {
        sum += std::strtol(line.c_str() + label.size(), nullptr, 10);
      }
    }
  }
  return sum;
}

void add_times(const std::string& folder, ProcessStats& stats) {
  std::ifstream file(folder + "/stat");
  std::string text;
  std::getline(file, text);
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return;
  // Behind the name: state is field 3, utime 14, stime 15 (proc(5)).
  const char* p = text.c_str() + name_end + 2;
  for (int field = 3; field < 14; field++) {
    while (*p != ' ' && *p != '\0') p++;
    while (*p == ' ') p++;
  }
  char* end = nullptr;
  stats.user_s += std::strtod(p, &end) / ticks_per_second();
  stats.system_s += std::strtod(end, nullptr) / ticks_per_second();
}

void add_thread(const std::string& folder, ProcessStats& stats) {
  stats.threads++;
  double run_ns = 0;
  std::ifstream(folder + "/schedstat") >> run_ns;
  stats.scheduled_s += run_ns / 1e9;
  stats.context_switches +=
      sum_of_lines(folder + "/status", {"voluntary_ctxt_switches:", "nonvoluntary_ctxt_switches:"});
}

double thread_cpu_us() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_nsec) / 1e3;
}

double seconds(const timeval& t) {
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
}

}  // namespace

double ProcessStats::cpu_s(const ProcessStats& from, const ProcessStats& to) {
  const double ticks = to.user_s + to.system_s - from.user_s - from.system_s;
  const double scheduled = to.scheduled_s - from.scheduled_s;
  return scheduled > 0.5 * ticks ? scheduled : ticks;
}

ProcessStats read_process_stats(const std::vector<int>& pids) {
  ProcessStats stats;
  for (const int pid : pids) {
    const std::string folder = "/proc/" + std::to_string(pid);
    add_times(folder, stats);
    stats.rss_kib += sum_of_lines(folder + "/status", {"VmRSS:"});
    stats.pss_kib += sum_of_lines(folder + "/smaps_rollup", {"Pss:"});
    each_entry(folder + "/fd", [&](const std::string&) { stats.files++; });
    const std::string tasks = folder + "/task";
    each_entry(tasks, [&](const std::string& thread) {
      std::string own = tasks;
      own.append("/").append(thread);
      add_thread(own, stats);
    });
  }
  return stats;
}

MachineStats read_machine_stats() {
  std::ifstream file("/proc/stat");
  std::string name;
  std::array<double, 8> ticks{};  // user nice system idle iowait irq softirq steal
  file >> name;
  for (double& value : ticks) file >> value;
  const double busy = ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6];
  return {busy / ticks_per_second(), ticks[7] / ticks_per_second()};
}

double own_cpu_s() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double yardstick_us() {
  constexpr int kRounds = 4000;
  std::array<int, 2> pair{};
  if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair.data()) != 0) return 0;
  std::array<char, 1000> data{};
  std::uint64_t hash = 1469598103934665603;  // FNV-1a
  const double start = thread_cpu_us();
  for (std::size_t i = 0; i < kRounds; i++) {
    for (const char c : data) hash = (hash ^ static_cast<std::uint8_t>(c)) * 1099511628211U;
    data[i % data.size()] = static_cast<char>(hash);
    if (send(pair[0], data.data(), data.size(), 0) > 0 &&
        recv(pair[1], data.data(), data.size(), 0) < 0) {
      break;
    }
  }
  const double used = thread_cpu_us() - start;
  for (const int fd : pair) close(fd);
  return used / kRounds;
}

}  // namespace parley::load
