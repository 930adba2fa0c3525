#include "job/process_limits.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

namespace parley::job {
namespace {

constexpr int kNice = 5;                                    // our choice: behind forwarding
constexpr std::string_view kOomScore = "500";               // of 1000; our choice: before parleyd
constexpr std::size_t kThreadStackBytes = 2 * 1024 * 1024;  // measured enough for x264 and libav
constexpr mode_t kUmask = 027;

class Limiter {
 public:
  void limit(const char* name, decltype(RLIMIT_DATA) which, rlim_t most) {
    rlimit now{};
    if (getrlimit(which, &now) != 0) return check(name, -1);
    const rlim_t value = std::min(most, now.rlim_max);
    const rlimit wanted{value, value};
    check(name, setrlimit(which, &wanted));
  }
  void check(const char* name, int result) {
    if (result != 0) failed_.push_back(fmt::format("{}: {}", name, std::strerror(errno)));
  }
  std::vector<std::string> failed_;
};

int write_oom_score() {
  const int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  const bool written = write(fd, kOomScore.data(), kOomScore.size()) > 0;
  close(fd);
  return written ? 0 : -1;
}

}  // namespace

std::vector<std::string> limit_process(const Limits& limits) {
  Limiter self;
  umask(kUmask);
  // Whoever started it may have made it the leader of one already.
  if (getpgrp() != getpid()) self.check("process group", setpgid(0, 0));
  // Before /proc/self becomes root's.
  self.check("out-of-memory score", write_oom_score());
  self.check("no new rights", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  self.check("not dumpable", prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
  self.limit("core file", RLIMIT_CORE, 0);
  self.limit("memory", RLIMIT_DATA, limits.memory_bytes);
  self.limit("open files", RLIMIT_NOFILE, limits.open_files);
  errno = 0;
  self.check("priority", nice(kNice) == -1 && errno != 0 ? -1 : 0);
  // RLIMIT_DATA counts a stack as large as it may grow; 8 MiB for each of a hundred threads would
  // take most of it.
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kThreadStackBytes);
  errno = pthread_setattr_default_np(&attributes);
  self.check("stacks of threads", errno == 0 ? 0 : -1);
  pthread_attr_destroy(&attributes);
  // A reader that is gone is an error of a write, not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  return self.failed_;
}

void end_hard_in(unsigned seconds) { alarm(seconds); }

}  // namespace parley::job
