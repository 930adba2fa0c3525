#include "app/recording_files.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <gio/gio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

namespace parley::app {
namespace {

namespace fs = std::filesystem;
using base::Code;
using base::fail;
using base::Result;

constexpr mode_t kFolderMode = 0750;
constexpr std::uint64_t kMiB = 1024ULL * 1024;

// One level; there already: good.
Result<void> make_folder(const std::string& path) {
  if (::mkdir(path.c_str(), kFolderMode) == 0 || errno == EEXIST) return {};
  return fail(Code::kUnavailable,
              fmt::format("The folder of the recording cannot be made: {}.", std::strerror(errno)));
}

Result<void> check_room(const std::string& root, const DiskRoom& needed) {
  struct statvfs disk {};
  if (statvfs(root.c_str(), &disk) != 0)
    return fail(Code::kUnavailable, fmt::format("The folder of the recordings cannot be read: {}.",
                                                std::strerror(errno)));
  const std::uint64_t free_mb = std::uint64_t{disk.f_bavail} * disk.f_frsize / kMiB;
  const std::uint64_t all_mb = std::uint64_t{disk.f_blocks} * disk.f_frsize / kMiB;
  const std::uint64_t needed_mb = std::max(needed.free_mb, all_mb * needed.free_percent / 100);
  if (free_mb >= needed_mb) return {};
  return fail(Code::kUnavailable,
              fmt::format("The disk of the recordings has {} MiB left, and a recording does not "
                          "begin with less than {} MiB.",
                          free_mb, needed_mb));
}

// As job::PartSeries names them: 002-01-opus-0003.webm, call-vp8-opus-0001.webm.
bool is_part_name(std::string_view name) {
  const std::size_t point = name.find('.');
  if (point == 0 || point == std::string_view::npos) return false;
  const std::string_view ending = name.substr(point);
  return (ending == ".webm" || ending == ".mkv" || ending == ".mp4") &&
         std::all_of(name.begin(), name.begin() + static_cast<std::ptrdiff_t>(point), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

std::shared_ptr<const net::OpenFile> open_in(int folder, const std::string& name, int flags) {
  // A pipe that somebody has put there must not be waited for.
  const int fd =
      ::openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | flags);
  return fd < 0 ? nullptr : std::make_shared<const net::OpenFile>(fd);
}

}  // namespace

void off_main(std::function<std::function<void()>()> work) {
  struct Errand {
    std::function<std::function<void()>()> work;
    std::function<void()> then;
  };
  GTask* task = g_task_new(
      nullptr, nullptr,
      [](GObject*, GAsyncResult* result, gpointer) {
        const auto* errand = static_cast<Errand*>(g_task_get_task_data(G_TASK(result)));
        if (errand->then) errand->then();
      },
      nullptr);
  g_task_set_task_data(task, new Errand{std::move(work), {}},
                       [](gpointer errand) { delete static_cast<Errand*>(errand); });
  g_task_run_in_thread(task, [](GTask* running, gpointer, gpointer data, GCancellable*) {
    auto* errand = static_cast<Errand*>(data);
    errand->then = errand->work();
    g_task_return_boolean(running, TRUE);
  });
  g_object_unref(task);
}

// Names that only the server makes: a day, and the recording's id.
RecordingPlace RecordingPlace::of(const std::string& root, const base::JobId& recording,
                                  base::WallTime began) {
  const auto day = std::chrono::floor<std::chrono::seconds>(began);
  return {root, fmt::format("{:%Y-%m-%d}", fmt::gmtime(std::chrono::system_clock::to_time_t(day))),
          recording.str()};
}

Result<void> make_recording_folder(const RecordingPlace& place, const DiskRoom& needed) {
  if (g_mkdir_with_parents(place.root.c_str(), kFolderMode) != 0)
    return fail(Code::kUnavailable, fmt::format("The folder of the recordings cannot be made: {}.",
                                                std::strerror(errno)));
  if (auto room = check_room(place.root, needed); !room) return room;
  if (auto made = make_folder(place.root + "/" + place.day); !made) return made;
  return make_folder(place.path());
}

Result<void> delete_recording_folder(const RecordingPlace& place) {
  std::error_code error;
  fs::remove_all(place.path(), error);  // gone already: no error
  if (!error) return {};
  return fail(Code::kUnavailable,
              fmt::format("The files of the recording cannot be deleted: {}.", error.message()));
}

Result<OpenRecordingFile> open_recording_file(const RecordingPlace& place,
                                              const std::string& file) {
  const auto none = [] { return fail(Code::kNotFound, "The recording has no such file."); };
  if (!is_part_name(file) || place.name.starts_with('.')) return none();
  const auto root = std::make_shared<const net::OpenFile>(
      ::open(place.root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (root->get() < 0) return none();
  const auto day = open_in(root->get(), place.day, O_DIRECTORY);
  const auto folder = day ? open_in(day->get(), place.name, O_DIRECTORY) : nullptr;
  OpenRecordingFile opened;
  opened.file = folder ? open_in(folder->get(), file, 0) : nullptr;
  struct stat status {};
  if (!opened.file || fstat(opened.file->get(), &status) != 0 || !S_ISREG(status.st_mode))
    return none();
  opened.size = static_cast<std::uint64_t>(status.st_size);
  opened.etag = fmt::format("\"{:x}-{:x}-{:x}.{:x}\"", status.st_ino, status.st_size,
                            status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
  return opened;
}

}  // namespace parley::app
