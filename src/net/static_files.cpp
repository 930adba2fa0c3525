#include "net/static_files.h"

#include <fcntl.h>
#include <glib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "net/handles.h"

namespace parley::net {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

bool is_plain_name(std::string_view name) {
  if (name.empty() || name.front() == '.') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

// Opens `relative` below `directory`, following no link on the way.
Descriptor open_below(const std::string& directory, std::string_view relative) {
  Descriptor at(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  while (at.get() >= 0) {
    const std::size_t slash = relative.find('/');
    const std::string name(relative.substr(0, slash));
    if (!is_plain_name(name)) return Descriptor(-1);
    const bool last = slash == std::string_view::npos;
    const int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | (last ? 0 : O_DIRECTORY);
    Descriptor next(::openat(at.get(), name.c_str(), flags));
    if (last) return next;
    at = std::move(next);
    relative.remove_prefix(slash + 1);
  }
  return Descriptor(-1);
}

base::Result<std::string> read_plain_file(const Descriptor& file) {
  struct stat info {};
  if (file.get() < 0 || fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode) ||
      static_cast<std::size_t>(info.st_size) > StaticFiles::kMaxFileBytes)
    return base::fail(base::Code::kNotFound, "There is no such file.");
  std::string body(static_cast<std::size_t>(info.st_size), '\0');
  std::size_t have = 0;
  while (have < body.size()) {
    const ssize_t n = ::read(file.get(), body.data() + have, body.size() - have);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    have += static_cast<std::size_t>(n);
  }
  body.resize(have);
  return body;
}

}  // namespace

std::string_view content_type_of(std::string_view file_name) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 16> kTypes = {{
      {".html", "text/html; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".mjs", "text/javascript; charset=utf-8"},
      {".ts", "text/plain; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".json", "application/json"},
      {".map", "application/json"},
      {".webmanifest", "application/manifest+json"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".jpg", "image/jpeg"},
      {".ico", "image/x-icon"},
      {".woff2", "font/woff2"},
      {".txt", "text/plain; charset=utf-8"},
      {".md", "text/plain; charset=utf-8"},
      {".wasm", "application/wasm"},
  }};
  for (const auto& [ending, type] : kTypes)
    if (file_name.ends_with(ending)) return type;
  return "application/octet-stream";
}

StaticFiles::StaticFiles(std::vector<Mount> mounts) : mounts_(std::move(mounts)) {
  std::sort(mounts_.begin(), mounts_.end(),
            [](const Mount& a, const Mount& b) { return a.prefix.size() > b.prefix.size(); });
}

base::Result<File> StaticFiles::find(std::string_view path) const {
  for (const Mount& mount : mounts_) {
    if (!path.starts_with(mount.prefix)) continue;
    std::string relative(path.substr(mount.prefix.size()));
    if (relative.empty() || relative.ends_with('/')) relative += "index.html";
    auto body = read_plain_file(open_below(mount.directory, relative));
    if (!body) return tl::unexpected(body.error());
    const Chars digest(g_compute_checksum_for_data(
        G_CHECKSUM_SHA256, reinterpret_cast<const guchar*>(body->data()), body->size()));
    return File{std::move(*body), std::string(content_type_of(relative)),
                "\"" + std::string(digest.get(), 32) + "\"", mount.any_origin};
  }
  return base::fail(base::Code::kNotFound, "There is no such file.");
}

}  // namespace parley::net
