#include "app/hls_folders.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <glib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "wrap/owned.h"

namespace parley::app {
namespace {

constexpr const char* kPrefix = "hls-";

base::Result<std::string> root_folder(std::string root) {
  if (root.empty()) {
    const wrap::Owned<char> usual(g_build_filename(g_get_user_runtime_dir(), "parley", nullptr));
    root = usual.get();
  }
  if (g_mkdir_with_parents(root.c_str(), 0700) != 0)
    return base::fail(base::Code::kUnavailable,
                      fmt::format("cannot make the folder {}: {}", root, std::strerror(errno)));
  return root;
}

int lock(const std::string& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
  ::close(fd);
  return -1;
}

// A folder whose lock can be had belongs to nobody who lives.
void remove_left_behind(const std::string& root) {
  std::error_code ignored;
  std::filesystem::directory_iterator entries(root, ignored);
  if (ignored) return;
  for (const auto& entry : entries) {
    if (!entry.path().filename().string().starts_with(kPrefix)) continue;
    const int fd = lock(entry.path());
    if (fd < 0) continue;
    std::filesystem::remove_all(entry.path(), ignored);
    ::close(fd);
  }
}

// One that StaticFiles finds, and no other.
bool names_a_folder(const std::string& id) {
  return !id.empty() && id.front() != '.' && std::all_of(id.begin(), id.end(), [](char c) {
    return g_ascii_isalnum(c) || c == '_' || c == '-' || c == '.';
  });
}

}  // namespace

base::Result<std::unique_ptr<HlsFolders>> HlsFolders::create(std::string root) {
  const auto there = root_folder(std::move(root));
  if (!there) return tl::unexpected(there.error());
  remove_left_behind(*there);
  std::string folder = *there + "/" + kPrefix + "XXXXXX";
  const int held = g_mkdtemp_full(folder.data(), 0700) != nullptr ? lock(folder) : -1;
  if (held < 0)
    return base::fail(
        base::Code::kUnavailable,
        fmt::format("cannot make a folder for HLS in {}: {}", *there, std::strerror(errno)));
  return std::unique_ptr<HlsFolders>(new HlsFolders(std::move(folder), held));
}

HlsFolders::~HlsFolders() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
  ::close(lock_);
}

base::Result<std::string> HlsFolders::open(const base::JobId& bridge) const {
  if (!names_a_folder(bridge.str()))
    return base::fail(base::Code::kInvalid, "The bridge's id names no folder.");
  std::string folder = folder_ + "/" + bridge.str();
  if (::mkdir(folder.c_str(), 0700) != 0)
    return base::fail(errno == EEXIST ? base::Code::kConflict : base::Code::kUnavailable,
                      fmt::format("cannot make a folder for the bridge: {}", std::strerror(errno)));
  return folder;
}

void HlsFolders::close(const base::JobId& bridge) const {
  if (!names_a_folder(bridge.str())) return;
  std::error_code ignored;
  std::filesystem::remove_all(folder_ + "/" + bridge.str(), ignored);
}

std::string HlsFolders::watch_path(const base::JobId& bridge) {
  return "/hls/" + bridge.str() + "/index.m3u8";
}

net::Mount HlsFolders::mount() const { return {"/hls/", folder_, /*any_origin=*/true}; }

}  // namespace parley::app
