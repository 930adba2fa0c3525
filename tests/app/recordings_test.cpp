// Recordings at the server: what is too old goes, whatever cannot; which files can be opened; and
// where none can begin.
#include "app/recordings.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "../store/store_world.h"

using namespace parley;
using namespace parley::test;
using base::JobId;

namespace {

constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::int64_t kNowMs = 20'000 * kDayMs;  // 2024-10-04

struct World {
  Folder folder;
  std::unique_ptr<store::Store> store = open_store(folder.file(), kNowMs);
  std::int64_t now_ms = kNowMs;
  app::Recordings recordings{{.now =
                                  [this] {
                                    return base::Instant{base::TimePoint(), at(now_ms)};
                                  },
                              .store = store.get()},
                             {.folder = (folder.path() / "recordings").string(),
                              .retention_days = 30,
                              .free_mb = 0,
                              .free_percent = 0,
                              .stop_mb = 0,
                              .sweep_every = std::chrono::milliseconds(20),
                              .job_program = "/nowhere"}};

  // One that was over `days` ago, with a file.
  void add(const std::string& id, int days) {
    const std::int64_t ms = now_ms - days * kDayMs;
    submit({store::RecordingBegan{JobId(id), base::CallId("k"), "tracks", "webm", "notify", "a",
                                  at(ms - 1000)},
            store::RecordingPart{.recording = JobId(id),
                                 .file = "001-01-opus-0001.webm",
                                 .owner = "a",
                                 .source = "mic",
                                 .codec = "opus",
                                 .closed = true,
                                 .gaps = "[]"},
            store::RecordingOver{JobId(id), "ended", "", at(ms)}});
    const fs::path path = place(id, ms - 1000).path();
    fs::create_directories(path);
    std::ofstream(path / "001-01-opus-0001.webm") << id;
  }
  [[nodiscard]] app::RecordingPlace place(const std::string& id, std::int64_t began_ms) const {
    return app::RecordingPlace::of((folder.path() / "recordings").string(), JobId(id),
                                   at(began_ms));
  }
  void submit(std::vector<store::Record> records) {
    std::optional<base::Result<void>> done;
    store->submit(std::move(records), [&](const base::Result<void>& result) { done = result; });
    iterate_until([&] { return done.has_value(); });
    ck_assert(done->has_value());
  }
  [[nodiscard]] std::size_t listed() const {
    std::optional<std::size_t> count;
    store->list_recordings({}, {}, 1000, [&](const auto& page) { count = page->items.size(); });
    iterate_until([&] { return count.has_value(); });
    return *count;
  }
  [[nodiscard]] base::Result<job::Record> prepared(const std::string& id) {
    std::optional<base::Result<job::Record>> record;
    recordings.prepare(JobId(id), job::Layout::kTracks, job::Container::kWebm, at(now_ms),
                       [&](base::Result<job::Record> made) { record = std::move(made); });
    iterate_until([&] { return record.has_value(); });
    return *record;
  }
};

}  // namespace

START_TEST(what_is_too_old_goes_whatever_cannot_and_again_each_time) {
  World w;
  // The oldest of all cannot be deleted: its day leads to itself.
  const auto stuck = w.place("stuck", w.now_ms - 90 * kDayMs - 1000);
  w.add("stuck", 90);
  const fs::path day = fs::path(stuck.path()).parent_path();
  fs::rename(day, day.string() + "-away");
  fs::create_directory_symlink(day.filename(), day);
  for (int i = 0; i < 230; ++i) w.add("old" + std::to_string(i), 31);
  w.add("young", 29);
  ck_assert_uint_eq(w.listed(), 232);
  w.recordings.start();
  iterate_until([&] { return w.listed() == 2; });
  ck_assert(!fs::exists(w.place("old0", w.now_ms - 31 * kDayMs - 1000).path()));
  ck_assert(fs::exists(w.place("young", w.now_ms - 29 * kDayMs - 1000).path()));
  // What is in the way is gone, and a day or two: by the timer.
  fs::remove(day);
  fs::rename(day.string() + "-away", day);
  w.now_ms += 2 * kDayMs;
  iterate_until([&] { return w.listed() == 0; });
  ck_assert(!fs::exists(stuck.path()));
}
END_TEST

START_TEST(only_the_plain_files_of_a_recording_are_opened) {
  const Folder folder;
  const app::RecordingPlace place{folder.path().string(), "2026-03-01", "r"};
  const fs::path path = place.path();
  fs::create_directories(path);
  std::ofstream(folder.path() / "secret.webm") << "not to be had";
  std::ofstream(path / "001-01-vp8-0001.webm") << "0123456789";
  const auto code = [&place](const std::string& name) {
    const auto opened = app::open_recording_file(place, name);
    return opened ? std::string("open") : std::string(opened.error().message);
  };
  const auto opened = app::open_recording_file(place, "001-01-vp8-0001.webm");
  ck_assert(opened.has_value() && opened->size == 10 && opened->etag.size() > 8);
  // What was opened stays what it is, whatever becomes of its name.
  fs::remove(path / "001-01-vp8-0001.webm");
  fs::create_symlink(folder.path() / "secret.webm", path / "001-01-vp8-0001.webm");
  char first = 0;
  ck_assert(::pread(opened->file->get(), &first, 1, 0) == 1 && first == '0');
  const std::string none = "The recording has no such file.";
  same(code("001-01-vp8-0001.webm"), none);
  ck_assert_int_eq(mkfifo((path / "002-01-vp8-0001.webm").c_str(), 0600), 0);
  same(code("002-01-vp8-0001.webm"), none);
  fs::create_directory(path / "003-01-vp8-0001.webm");
  same(code("003-01-vp8-0001.webm"), none);
  for (const char* name : {"../../secret.webm", "..", ".webm", "x.txt", "a/b.webm", "A.webm", ""})
    same(code(name), none);
  // Nor by a folder that leads elsewhere.
  fs::create_directory(folder.path() / "else");
  std::ofstream(folder.path() / "else" / "001-01-vp8-0001.webm") << "another";
  fs::create_symlink("../else", folder.path() / "2026-03-01" / "s");
  ck_assert(!app::open_recording_file({place.root, place.day, "s"}, "001-01-vp8-0001.webm"));
  ck_assert(!app::open_recording_file({place.root, place.day, ".."}, "001-01-vp8-0001.webm"));
}
END_TEST

START_TEST(a_recording_that_cannot_begin_says_why_and_leaves_nothing_behind) {
  World w;
  const auto good = w.prepared("r1");
  ck_assert(good.has_value() && fs::is_directory(good->folder));
  ck_assert_uint_eq(w.recordings.running(), 1);
  // A job that never started, too, is over.
  w.recordings.report(JobId("r1"), job::StateReport{job::State::kFailed, ""});
  ck_assert_uint_eq(w.recordings.running(), 0);
  // A plain file where the folder of the day should be.
  w.now_ms += kDayMs;
  std::ofstream(fs::path(w.place("r2", w.now_ms).path()).parent_path()) << "in the way";
  const auto bad = w.prepared("r2");
  ck_assert(!bad.has_value());
  same(bad.error().message, "The folder of the recording cannot be made: Not a directory.");
  ck_assert_uint_eq(w.recordings.running(), 0);
  // Given up before the disk has answered: nobody is told, and nothing runs.
  w.recordings.prepare(JobId("r3"), job::Layout::kTracks, job::Container::kWebm, at(kNowMs),
                       [](const auto&) { ck_abort_msg("told of what was given up"); });
  w.recordings.report(JobId("r3"), job::StateReport{job::State::kEnded, ""});
  const fs::path path = w.place("r3", kNowMs).path();
  iterate_until([&] { return fs::exists(path); });
  ck_assert(w.prepared("r4").error().code == base::Code::kUnavailable);  // behind it
  ck_assert_uint_eq(w.recordings.running(), 0);
  // Less room than there should be.
  const auto full = app::make_recording_folder(w.place("r5", kNowMs), {1'000'000'000, 0});
  ck_assert(!full.has_value());
  assert_contains(full.error().message, "does not begin with less than 1000000000 MiB");
}
END_TEST

int main() {
  return parley::test::run("app recordings",
                           {what_is_too_old_goes_whatever_cannot_and_again_each_time,
                            only_the_plain_files_of_a_recording_are_opened,
                            a_recording_that_cannot_begin_says_why_and_leaves_nothing_behind});
}
