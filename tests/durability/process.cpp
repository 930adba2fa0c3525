#include "process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

namespace parley::test {
namespace {

// Its standard output and error, or one of them, go to `out`.
pid_t spawn(const std::vector<std::string>& arguments, int out, bool errors) {
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const pid_t child = fork();
  if (child != 0) return child;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  dup2(out, errors ? STDERR_FILENO : STDOUT_FILENO);
  execv(argv[0], argv.data());
  _exit(127);
}

}  // namespace

std::string output_of(const std::vector<std::string>& arguments, int& status) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return {};
  const pid_t child = spawn(arguments, ends[1], false);
  ::close(ends[1]);
  std::string text;
  char buffer[4096];
  for (ssize_t n = 0; (n = read(ends[0], buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(n));
  ::close(ends[0]);
  waitpid(child, &status, 0);
  return text;
}

Parleyd::Parleyd(std::string folder, const std::string& store, const std::string& settings)
    : folder_(std::move(folder)) {
  std::ofstream(folder_ + "/secret") << std::string(40, 's');
  std::ofstream(folder_ + "/parleyd.conf")
      << "[http]\nlisten = 127.0.0.1\nport = 0\n[media]\nudp-port = 0\nlisten = 127.0.0.1\n"
      << "[store]\npath = " << store
      << "\n[key \"k\"]\nalgorithm = HS256\nsecret-file = secret\n"
      // The load is one address and few users.
      << "[limits]\nmessages-per-second = 100000\nmessage-burst = 100000\n"
         // Nobody answers the offers of media.
         "media-timeout = 10min\nsend-queue-messages = 100000\nsend-queue-bytes = "
         "100000000\nconnections-per-user = 1000\n"
      << settings;
}

Parleyd::~Parleyd() { kill(); }

bool Parleyd::start() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  log_.clear();
  port_ = 0;
  pid_ = spawn({PARLEYD, "--config", folder_ + "/parleyd.conf"}, ends[1], true);
  ::close(ends[1]);
  log_fd_ = ends[0];
  const std::string says = "localhost:";
  while (log_.find(says) == std::string::npos || log_.back() != '\n') {
    char buffer[4096];
    const ssize_t n = read(log_fd_, buffer, sizeof buffer);
    if (n <= 0) {
      (void)wait();
      return false;
    }
    log_.append(buffer, static_cast<std::size_t>(n));
  }
  port_ = std::atoi(log_.c_str() + log_.find(says) + says.size());
  fcntl(log_fd_, F_SETFL, O_NONBLOCK);
  return true;
}

void Parleyd::drain() {
  char buffer[4096];
  for (ssize_t n = 0; (n = read(log_fd_, buffer, sizeof buffer)) > 0;)
    log_.append(buffer, static_cast<std::size_t>(n));
}

int Parleyd::wait() {
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  drain();
  ::close(log_fd_);
  log_fd_ = -1;
  return status;
}

void Parleyd::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  (void)wait();
}

int Parleyd::stop() {
  ::kill(pid_, SIGTERM);
  const int status = wait();
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::string Parleyd::token(const std::string& profile) const {
  int status = 0;
  const std::string text = output_of({PARLEYD, "--config", folder_ + "/parleyd.conf",
                                      "--print-token", profile, "--valid-for", "24h"},
                                     status);
  return text.substr(0, text.find('\n'));
}

Folder::Folder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "parley-test-XXXXXX").string();
  if (mkdtemp(pattern.data()) != nullptr) path_ = pattern;
}

Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace parley::test
