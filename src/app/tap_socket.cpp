#include "app/tap_socket.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <glib.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace parley::app {
namespace {

// As the elements have it.
std::string runtime_folder() {
  const char* own = std::getenv("XDG_RUNTIME_DIR");
  return own != nullptr && *own == '/' ? std::string(own) + "/parley" : "/run/parley";
}

std::string usual_folder() {
  std::string folder = runtime_folder();
  if (g_mkdir_with_parents(folder.c_str(), 0700) == 0 && access(folder.c_str(), W_OK) == 0)
    return folder;
  // Without one, as when started by hand: nobody else may look into it either.
  return fmt::format("{}/parley-{}", g_get_user_runtime_dir(), getuid());
}

}  // namespace

base::Result<std::string> claim_tap_socket() {
  const std::string folder = usual_folder();
  if (g_mkdir_with_parents(folder.c_str(), 0700) != 0)
    return base::fail(base::Code::kUnavailable,
                      fmt::format("cannot make the folder {}: {}", folder, std::strerror(errno)));
  const std::string lock = folder + "/media.lock";
  const int fd = ::open(lock.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0)
    return base::fail(base::Code::kUnavailable,
                      fmt::format("cannot open {}: {}", lock, std::strerror(errno)));
  // The lock lives as long as the process does: the descriptor is kept on purpose.
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) return folder + "/media.sock";
  ::close(fd);
  return fmt::format("{}/media-{}.sock", folder, getpid());
}

}  // namespace parley::app
