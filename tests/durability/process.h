// The real parleyd as a child: started on a folder that outlives it, killed, started again.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace parley::test {

// What a program says until it ends, and its exit status.
[[nodiscard]] std::string output_of(const std::vector<std::string>& arguments, int& status);

// One thread. Dies with the test, whatever becomes of that.
class Parleyd {
 public:
  // `settings`: more lines of the configuration. `store`: the database's path.
  Parleyd(std::string folder, const std::string& store, const std::string& settings);
  ~Parleyd();
  Parleyd(const Parleyd&) = delete;
  Parleyd& operator=(const Parleyd&) = delete;

  // Until it listens; false when it ended instead. What it said stands in log().
  [[nodiscard]] bool start();
  // SIGKILL, and waits until it is gone.
  void kill();
  // SIGTERM; its exit status.
  int stop();

  [[nodiscard]] std::string token(const std::string& profile) const;
  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  // For poll(): readable when it has logged something, which drain() takes.
  [[nodiscard]] int log_fd() const { return log_fd_; }
  void drain();
  [[nodiscard]] const std::string& log() const { return log_; }

 private:
  [[nodiscard]] int wait();

  const std::string folder_;
  pid_t pid_ = -1;
  int log_fd_ = -1;
  int port_ = 0;
  std::string log_;
};

// A folder of this test, gone with it.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace parley::test
