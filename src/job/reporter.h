// Writes reports to a file descriptor, as fast as its reader takes them and no faster: the job is
// never kept waiting. Main thread only.
#pragma once

#include <glib.h>

#include <chrono>
#include <cstddef>
#include <deque>
#include <string>

#include "job/spec.h"

namespace parley::job {

class Reporter {
 public:
  // `fd` is not closed, and keeps its flags: it may be a terminal that others write to.
  explicit Reporter(int fd) : fd_(fd) {}
  ~Reporter();
  Reporter(const Reporter&) = delete;
  Reporter& operator=(const Reporter&) = delete;

  // When nobody reads, what a later report makes up for is left out: progress, and how far a part
  // that is still open has come.
  void report(const Report& report);
  // Waits for the reader, at most so long.
  void flush(std::chrono::milliseconds limit);
  [[nodiscard]] std::size_t waiting() const { return lines_.size(); }

 private:
  static gboolean on_writable(gint fd, GIOCondition condition, gpointer self) noexcept;
  void write_some();
  void drop_news();

  struct Line {
    std::string text;
    bool news = false;  // made up for by a later one
  };
  const int fd_;
  std::deque<Line> lines_;
  std::size_t written_ = 0;  // of the first line
  guint source_ = 0;
  bool broken_ = false;  // nobody will ever read
};

}  // namespace parley::job
