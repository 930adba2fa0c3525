#include "app/recordings.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <gio/gio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "app/log.h"
#include "app/secrets.h"
#include "app/verify_child.h"
#include "wrap/owned.h"

namespace parley::app {
namespace {

namespace fs = std::filesystem;
using base::Code;
using base::fail;
using base::Result;

constexpr std::chrono::hours kSweep{1};
constexpr std::chrono::seconds kTicketLife{3600};
constexpr std::size_t kSweepAtOnce = 100;
constexpr mode_t kFolderMode = 0750;
constexpr std::uint64_t kMiB = 1024ULL * 1024;

// One level; there already: good.
Result<void> make_folder(const std::string& path) {
  if (::mkdir(path.c_str(), kFolderMode) == 0 || errno == EEXIST) return {};
  return fail(Code::kUnavailable,
              fmt::format("The folder of the recording cannot be made: {}.", std::strerror(errno)));
}

// Deletes on a thread of GLib's: a large file takes a disk its time.
struct Deletion {
  std::string folder;
  std::function<void(Result<void>)> done;
};
void delete_folder(const std::string& folder, std::function<void(Result<void>)> done) {
  GTask* task = g_task_new(
      nullptr, nullptr,
      [](GObject*, GAsyncResult* result, gpointer) {
        auto* deletion = static_cast<Deletion*>(g_task_get_task_data(G_TASK(result)));
        const gssize code = g_task_propagate_int(G_TASK(result), nullptr);
        if (code == 0) return deletion->done({});
        deletion->done(fail(Code::kUnavailable,
                            fmt::format("The files of the recording cannot be deleted: {}.",
                                        std::strerror(static_cast<int>(code)))));
      },
      nullptr);
  g_task_set_task_data(task, new Deletion{folder, std::move(done)},
                       [](gpointer deletion) { delete static_cast<Deletion*>(deletion); });
  g_task_run_in_thread(task, [](GTask* running, gpointer, gpointer data, GCancellable*) {
    std::error_code error;
    fs::remove_all(static_cast<Deletion*>(data)->folder, error);  // gone already: no error
    g_task_return_int(running, error.value());
  });
  g_object_unref(task);
}

}  // namespace

std::string gaps_json(const std::vector<job::Part::Gap>& gaps) {
  std::string text = "[";
  for (const job::Part::Gap& gap : gaps) {
    // The words of `why` are ours.
    text += fmt::format(R"({}{{"startMs":{},"durationMs":{},"why":"{}"}})",
                        text.size() > 1 ? "," : "", gap.start_ms, gap.duration_ms,
                        gap.why == "muted" || gap.why == "lost" ? gap.why : "absent");
  }
  return text + "]";
}

Recordings::Recordings(RecordingPorts ports, RecordingSettings settings)
    : ports_(std::move(ports)),
      settings_(std::move(settings)),
      ticket_secret_(random_secret()),
      self_(std::make_shared<Recordings*>(this)) {}

Recordings::~Recordings() { *self_ = nullptr; }

void Recordings::start() {
  ports_.store->stale_recordings(
      [self = self_](const Result<std::vector<store::StoredRecording>>& stale) {
        if (*self == nullptr) return;
        if (!stale) return log_warning("Open recordings cannot be read: {}", stale.error().message);
        (*self)->take_stale(*stale);
      });
  if (settings_.retention_days == 0) return;
  sweeper_ = std::make_unique<wrap::RepeatingTimer>(
      nullptr, std::chrono::duration_cast<std::chrono::milliseconds>(kSweep), [this] { sweep(); });
  sweep();
}

// ---- a recording that runs ------------------------------------------------------------------

// Names that only the server makes: a day, and the recording's id.
std::string Recordings::folder_of(const base::JobId& recording, base::WallTime began) const {
  const auto day = std::chrono::floor<std::chrono::seconds>(began);
  return fmt::format("{}/{:%Y-%m-%d}/{}", settings_.folder,
                     fmt::gmtime(std::chrono::system_clock::to_time_t(day)), recording.str());
}

Result<void> Recordings::check_room() const {
  struct statvfs disk {};
  if (statvfs(settings_.folder.c_str(), &disk) != 0)
    return fail(Code::kUnavailable, fmt::format("The folder of the recordings cannot be read: {}.",
                                                std::strerror(errno)));
  const std::uint64_t free_mb = std::uint64_t{disk.f_bavail} * disk.f_frsize / kMiB;
  const std::uint64_t all_mb = std::uint64_t{disk.f_blocks} * disk.f_frsize / kMiB;
  const std::uint64_t needed_mb =
      std::max(settings_.free_mb, all_mb * settings_.free_percent / 100);
  if (free_mb >= needed_mb) return {};
  return fail(Code::kUnavailable,
              fmt::format("The disk of the recordings has {} MiB left, and a recording does not "
                          "begin with less than {} MiB ('free-mb' and 'free-percent' in "
                          "[recordings]).",
                          free_mb, needed_mb));
}

Result<job::Record> Recordings::prepare(const base::JobId& recording, job::Layout layout,
                                        job::Container container, base::WallTime began) {
  if (settings_.folder.empty())
    return fail(Code::kUnavailable, "This server has no folder for recordings.");
  // Never two points: an id is of characters that a path may hold, but for these.
  if (recording.str().starts_with('.'))
    return fail(Code::kInternal, "The id of a recording begins with a point.");
  if (g_mkdir_with_parents(settings_.folder.c_str(), kFolderMode) != 0)
    return fail(Code::kUnavailable, fmt::format("The folder of the recordings cannot be made: {}.",
                                                std::strerror(errno)));
  if (auto room = check_room(); !room) return tl::unexpected(room.error());
  job::Record record;
  record.folder = folder_of(recording, began);
  record.layout = layout;
  record.container = container;
  record.part_ms = std::int64_t{settings_.part_seconds} * 1000;
  for (const std::string& folder : {fs::path(record.folder).parent_path().string(), record.folder})
    if (auto made = make_folder(folder); !made) return tl::unexpected(made.error());
  live_[recording].folder = record.folder;
  return record;
}

void Recordings::report(const base::JobId& job, const job::Report& report) {
  const auto live = live_.find(job);
  if (live == live_.end()) return;
  std::visit([&](const auto& what) { take(job, live->second, what); }, report);
}

void Recordings::take(const base::JobId& job, Live& live, const job::Part& part) {
  store::RecordingPart record{.recording = job,
                              .file = part.file,
                              .owner = part.owner,
                              .source = part.source ? std::string(base::name_of(*part.source)) : "",
                              .codec = part.codec,
                              .start_ms = part.start_ms,
                              .duration_ms = part.duration_ms,
                              .bytes = part.bytes,
                              .closed = part.closed,
                              .recovered = false,
                              .gaps = gaps_json(part.gaps)};
  if (part.closed)
    live.open.erase(part.file);
  else
    live.open[part.file] = record;
  submit({std::move(record)}, "a part of a recording");
}

void Recordings::take(const base::JobId& job, Live& live, const job::Progress& progress) {
  live.bytes = progress.bytes;
  if (!progress.offset_ms) return;
  // Not for a microsecond's sake.
  if (live.measured && std::abs(*progress.offset_ms - live.offset_ms) < 0.5) return;
  live.measured = true;
  live.offset_ms = *progress.offset_ms;
  submit({store::RecordingMeasured{job, live.offset_ms}}, "the offset of a recording");
}

void Recordings::take(const base::JobId& job, Live& live, const job::StateReport& state) {
  if (state.state != job::State::kEnded && state.state != job::State::kFailed) return;
  if (state.state == job::State::kFailed)
    log_warning("Recording {} has failed: {}", job.str(), state.message);
  std::vector<store::RecordingPart> open;
  open.reserve(live.open.size());
  for (auto& [file, part] : live.open) open.push_back(std::move(part));
  bytes_ += live.bytes;
  if (!open.empty()) recover(live.folder, std::move(open));
  live_.erase(job);
}

void Recordings::submit(std::vector<store::Record> records, const char* what) {
  ports_.store->submit(std::move(records), [what](const Result<void>& stored) {
    if (!stored) log_warning("The store did not take {}: {}", what, stored.error().message);
  });
}

// ---- what was left open ---------------------------------------------------------------------

void Recordings::take_stale(const std::vector<store::StoredRecording>& stale) {
  for (const store::StoredRecording& one : stale) {
    const base::JobId& id = one.began.recording;
    if (live_.contains(id)) continue;  // begun since
    std::vector<store::RecordingPart> open;
    for (const store::RecordingPart& part : one.parts)
      if (!part.closed) open.push_back(part);
    if (!one.over) {
      log_warning("Recording {} was cut off by the end of the server.", id.str());
      submit({store::RecordingOver{id, "failed", "the server stopped", ports_.now().wall}},
             "the end of a recording");
    }
    if (!open.empty()) recover(folder_of(id, one.began.at), std::move(open));
  }
}

// They play up to what was written; a look at them says how much that is. Where nobody can look,
// they are closed with what is known.
void Recordings::recover(const std::string& folder, std::vector<store::RecordingPart> parts) {
  verify_in_child(
      settings_.job_program, folder,
      [self = self_, parts = std::move(parts)](const Result<std::vector<Measured>>& found) mutable {
        if (*self == nullptr) return;
        if (!found)
          log_warning("Parts of recording {} cannot be measured: {}", parts[0].recording.str(),
                      found.error().message);
        std::vector<store::Record> records;
        for (store::RecordingPart& part : parts) {
          part.closed = true;
          part.recovered = true;
          for (const Measured& file : found.value_or(std::vector<Measured>{})) {
            if (file.file != part.file) continue;
            part.start_ms = file.plays ? file.start_ms : part.start_ms;
            part.duration_ms = file.plays ? file.duration_ms : 0;
            part.bytes = file.bytes;
          }
          records.emplace_back(std::move(part));
        }
        (*self)->submit(std::move(records), "recovered parts of a recording");
      });
}

// ---- the end of recordings ------------------------------------------------------------------

void Recordings::sweep() {
  const auto keep = std::chrono::hours(24) * settings_.retention_days;
  ports_.store->expired_recordings(
      ports_.now().wall - keep, kSweepAtOnce,
      [self = self_](const Result<std::vector<store::StoredRecording>>& expired) {
        if (*self == nullptr || !expired) return;
        for (const store::StoredRecording& one : *expired) {
          const base::JobId id = one.began.recording;
          (*self)->remove(id, [id](const Result<void>& removed) {
            if (removed)
              log_info("Recording {} was old enough, and is deleted.", id.str());
            else
              log_warning("Recording {} is too old and cannot be deleted: {}", id.str(),
                          removed.error().message);
          });
        }
      });
}

// The row goes last: while it is there, what is left of the files can be found.
void Recordings::remove(const base::JobId& recording,
                        const std::function<void(Result<void>)>& done) {
  ports_.store->find_recording(
      recording, {}, [self = self_, recording, done](const Result<store::StoredRecording>& found) {
        if (*self == nullptr) return;
        if (!found) return done(tl::unexpected(found.error()));
        if (!found->over || (*self)->live_.contains(recording))
          return done(fail(Code::kConflict, "The recording still runs; stop it first."));
        delete_folder((*self)->folder_of(recording, found->began.at),
                      [self, recording, done](const Result<void>& gone) {
                        if (*self == nullptr) return;
                        if (!gone) return done(gone);
                        (*self)->ports_.store->submit({store::RecordingDeleted{recording}}, done);
                      });
      });
}

void Recordings::find(const base::JobId& recording, store::RecordingFilter filter,
                      std::function<void(Result<store::StoredRecording>)> done) const {
  ports_.store->find_recording(recording, std::move(filter), std::move(done));
}

void Recordings::list(store::RecordingFilter filter, std::optional<base::JobId> before,
                      std::size_t limit,
                      std::function<void(Result<store::Page<store::StoredRecording>>)> done) const {
  ports_.store->list_recordings(std::move(filter), std::move(before), limit, std::move(done));
}

// ---- tickets: UNIX-SECONDS.HMAC -------------------------------------------------------------

std::string Recordings::sign(const base::JobId& recording, const std::string& file,
                             const std::string& until) const {
  const std::string text = recording.str() + "/" + file + "/" + until;
  const wrap::Owned<char> mac(g_compute_hmac_for_string(
      G_CHECKSUM_SHA256, reinterpret_cast<const guchar*>(ticket_secret_.data()),
      ticket_secret_.size(), text.data(), static_cast<gssize>(text.size())));
  return until + "." + mac.get();
}

std::string Recordings::ticket(const base::JobId& recording, const std::string& file) const {
  const auto until = std::chrono::floor<std::chrono::seconds>(ports_.now().wall) + kTicketLife;
  return sign(recording, file, std::to_string(until.time_since_epoch().count()));
}

bool Recordings::good_ticket(const base::JobId& recording, const std::string& file,
                             const std::string& ticket) const {
  const std::string until = ticket.substr(0, ticket.find('.'));
  const std::string right = sign(recording, file, until);
  if (ticket.size() != right.size()) return false;
  // Takes as long whichever character is wrong.
  unsigned different = 0;
  for (std::size_t i = 0; i < right.size(); ++i)
    different |= static_cast<unsigned char>(ticket[i]) ^ static_cast<unsigned char>(right[i]);
  const auto now = std::chrono::floor<std::chrono::seconds>(ports_.now().wall);
  return different == 0 &&
         g_ascii_strtoll(until.c_str(), nullptr, 10) >= now.time_since_epoch().count();
}

Result<std::string> Recordings::path_of(const store::StoredRecording& recording,
                                        const std::string& file) const {
  for (const store::RecordingPart& part : recording.parts)
    if (part.file == file && file.find('/') == std::string::npos && !file.starts_with('.'))
      return folder_of(recording.began.recording, recording.began.at) + "/" + file;
  return fail(Code::kNotFound, "The recording has no such file.");
}

}  // namespace parley::app
