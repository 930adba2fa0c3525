#include "store/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

namespace parley::store {
namespace {

using base::Code;
using base::fail;
using base::Result;

constexpr mode_t kPrivateFile = 0600;
constexpr mode_t kPrivateFolder = 0700;

tl::unexpected<base::Error> refuse(const std::string& path, const char* what, int error) {
  return fail(Code::kUnavailable,
              fmt::format("{}: {}: {}", path, what, std::system_category().message(error)));
}

Result<void> make_folders(const std::filesystem::path& folder) {
  std::filesystem::path sofar;
  for (const auto& part : folder) {
    sofar /= part;
    if (mkdir(sofar.c_str(), kPrivateFolder) == 0 || errno == EEXIST) continue;
    const int error = errno;
    // A folder on the way may exist and yet not be ours to write in.
    struct stat info {};
    if (stat(sofar.c_str(), &info) != 0 || !S_ISDIR(info.st_mode))
      return refuse(sofar.string(), "cannot make the folder", error);
  }
  return {};
}

}  // namespace

FileLock::FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FileLock::~FileLock() {
  if (fd_ >= 0) close(fd_);
}

Result<FileLock> FileLock::take(const std::string& path) {
  const std::string name = path + ".lock";
  const int fd = open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kPrivateFile);
  if (fd < 0) return refuse(name, "cannot open", errno);
  FileLock lock(fd);
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno != EWOULDBLOCK) return refuse(name, "cannot lock", errno);
  return fail(Code::kConflict,
              fmt::format("{} is in use by another process; stop it or name another file.", path));
}

Result<void> make_private(const std::string& path) {
  if (auto made = make_folders(std::filesystem::path(path).parent_path()); !made) return made;
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kPrivateFile);
  if (fd < 0) return refuse(path, "cannot open", errno);
  close(fd);
  return {};
}

}  // namespace parley::store
