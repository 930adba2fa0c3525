// The database's place on disk: private to the server's user, and held by one process at a time.
#pragma once

#include <string>

#include "base/result.h"

namespace parley::store {

// Two servers on one file would end each other's live calls at start. SQLite's own locks do not
// help, as they are held only while it writes. Thread-compatible.
class FileLock {
 public:
  // Takes `path`.lock; kConflict when another process has it.
  [[nodiscard]] static base::Result<FileLock> take(const std::string& path);
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&&) = delete;
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_;
};

// Makes what is missing of the folders (0700) and the file (0600; SQLite gives the same to its
// companions). What exists is left as it is.
[[nodiscard]] base::Result<void> make_private(const std::string& path);

}  // namespace parley::store
