#include "net/static_files.h"

#include <fcntl.h>
#include <glib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <iterator>
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

// A file that changed this shortly before it was read may change once more within what the file
// system's clock can tell apart (a tick of the kernel, or a second): it is read again next time.
constexpr std::int64_t kAtRestNs = 2'000'000'000;

std::int64_t nanoseconds(const timespec& time) {
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

std::string read_whole(const Descriptor& file, std::size_t size_bytes) {
  std::string body(size_bytes, '\0');
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
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 22> kTypes = {{
      {".html", "text/html; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".mjs", "text/javascript; charset=utf-8"},
      {".d.ts", "text/plain; charset=utf-8"},
      {".ts", "video/mp2t"},
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
      {".m3u8", "application/vnd.apple.mpegurl"},
      {".m4s", "video/iso.segment"},
      {".mp4", "video/mp4"},
      {".webm", "video/webm"},
      {".mkv", "video/x-matroska"},
  }};
  for (const auto& [ending, type] : kTypes)
    if (file_name.ends_with(ending)) return type;
  return "application/octet-stream";
}

StaticFiles::StaticFiles(std::vector<Mount> mounts) : mounts_(std::move(mounts)) {
  std::sort(mounts_.begin(), mounts_.end(),
            [](const Mount& a, const Mount& b) { return a.prefix.size() > b.prefix.size(); });
}

base::Result<std::shared_ptr<const File>> StaticFiles::find(std::string_view path) {
  for (const Mount& mount : mounts_) {
    if (!path.starts_with(mount.prefix)) continue;
    std::string relative(path.substr(mount.prefix.size()));
    if (relative.empty() || relative.ends_with('/')) relative += "index.html";
    const Descriptor opened = open_below(mount.directory, relative);
    struct stat info {};
    if (opened.get() < 0 || fstat(opened.get(), &info) != 0 || !S_ISREG(info.st_mode) ||
        static_cast<std::size_t>(info.st_size) > kMaxFileBytes)
      break;
    Kept kept{mount.directory + "/" + relative,
              {info.st_dev, info.st_ino, info.st_size, nanoseconds(info.st_mtim),
               nanoseconds(info.st_ctim)},
              nullptr};
    const auto before = by_name_.find(kept.name);
    if (before != by_name_.end()) {
      if (before->second->version == kept.version) {
        kept_.splice(kept_.begin(), kept_, before->second);
        return kept_.front().file;
      }
      drop(before->second);
    }
    ++reads_;
    std::string body = read_whole(opened, static_cast<std::size_t>(info.st_size));
    const Chars digest(g_compute_checksum_for_data(
        G_CHECKSUM_SHA256, reinterpret_cast<const guchar*>(body.data()), body.size()));
    kept.file = std::make_shared<const File>(
        File{std::move(body), std::string(content_type_of(relative)),
             "\"" + std::string(digest.get(), 32) + "\"", mount.any_origin});
    auto file = kept.file;
    if (g_get_real_time() * 1000 - kept.version.changed_ns > kAtRestNs) keep(std::move(kept));
    return file;
  }
  return base::fail(base::Code::kNotFound, "There is no such file.");
}

void StaticFiles::keep(Kept kept) {
  kept_bytes_ += kept.file->body.size();
  kept_.push_front(std::move(kept));
  by_name_[kept_.front().name] = kept_.begin();
  while (kept_bytes_ > kMaxKeptBytes) drop(std::prev(kept_.end()));
}

void StaticFiles::drop(KeptFiles::iterator kept) {
  kept_bytes_ -= kept->file->body.size();
  by_name_.erase(kept->name);
  kept_.erase(kept);
}

}  // namespace parley::net
