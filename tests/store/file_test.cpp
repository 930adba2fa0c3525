// Where the file is, whose it is, and in which state.
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "store_world.h"
#include "support/check_main.h"

using namespace parley;
using namespace parley::store;
using namespace parley::test;

namespace {

mode_t mode_of(const fs::path& path) {
  struct stat info {};
  ck_assert_msg(stat(path.c_str(), &info) == 0, "%s", path.c_str());
  return info.st_mode & 0777;
}

}  // namespace

START_TEST(files_are_private) {
  const Folder folder;
  umask(0);
  const std::string path = (folder.path() / "new" / "deep" / "parley.db").string();
  const auto store = open_store(path);
  ck_assert(submit(*store, {started("k")}).has_value());
  ck_assert_uint_eq(mode_of(folder.path() / "new"), 0700);
  ck_assert_uint_eq(mode_of(folder.path() / "new" / "deep"), 0700);
  for (const char* suffix : {"", "-wal", "-shm", ".lock"})
    ck_assert_uint_eq(mode_of(path + suffix), 0600);
}
END_TEST

START_TEST(a_second_opener_is_told_who_is_in_the_way) {
  const Folder folder;
  auto store = open_store(folder.file());
  const base::Error error = refusal(folder.file());
  ck_assert(error.code == base::Code::kConflict);
  assert_contains(error.message, folder.file() + " is in use by another process");
  ck_assert(submit(*store, {started("k")}).has_value());  // and is unharmed
  store.reset();
  open_store(folder.file());
}
END_TEST

START_TEST(a_newer_schema_is_refused_and_left_alone) {
  const Folder folder;
  open_store(folder.file());
  Outsider(folder.file()).run("PRAGMA user_version = 99");
  for (int i = 0; i < 2; ++i) {
    const base::Error error = refusal(folder.file());
    ck_assert(error.code == base::Code::kConflict);
    assert_contains(error.message,
                    folder.file() + " has schema version 99, and this version of Parley knows up");
  }
}
END_TEST

START_TEST(another_programs_database_is_refused_and_left_alone) {
  const Folder folder;
  Outsider(folder.file()).run("CREATE TABLE songs (title TEXT)");
  const base::Error error = refusal(folder.file());
  ck_assert(error.code == base::Code::kConflict);
  assert_contains(error.message, folder.file() + " is another program's database");
  Outsider(folder.file()).run("INSERT INTO songs VALUES ('x')");
}
END_TEST

START_TEST(a_corrupt_file_is_refused_with_its_path_and_left_alone) {
  const Folder folder;
  const std::string garbage(8192, 'x');
  std::ofstream(folder.file()) << garbage;
  const base::Error error = refusal(folder.file());
  ck_assert(error.code == base::Code::kUnavailable);
  assert_contains(error.message, folder.file());
  assert_contains(error.message, "not a database");
  ck_assert_uint_eq(fs::file_size(folder.file()), garbage.size());
}
END_TEST

START_TEST(damaged_pages_are_reported_not_trusted) {
  const Folder folder;
  {
    const auto store = open_store(folder.file());
    for (int i = 0; i < 300; ++i)
      store->submit({started("k" + std::to_string(i)), ended("k" + std::to_string(i))}, {});
  }
  {
    std::fstream file(folder.file(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096);  // the second page; the header and the schema stay whole
    file << std::string(fs::file_size(folder.file()) - 4096, '\xff');
  }
  auto opened = Store::open(folder.file(), at(1));
  const base::Error error = opened ? find(**opened, "k1").error() : std::move(opened.error());
  ck_assert(error.code == base::Code::kUnavailable);
  assert_contains(error.message, folder.file());
  assert_contains(error.message, "malformed");
}
END_TEST

START_TEST(a_backup_taken_while_it_writes_is_whole) {
  const Folder folder;
  const auto store = open_store(folder.file());
  stored(*store, {text("before", "before", {"a"})});
  int answered = 0;
  for (int i = 0; i < 2000; ++i)
    store->submit({started("k" + std::to_string(i)), ended("k" + std::to_string(i))},
                  [&answered](const base::Result<void>& result) {
                    ck_assert(result.has_value());
                    ++answered;
                  });
  Outsider(folder.file()).run("VACUUM INTO '" + folder.file("backup.db") + "'");
  iterate_until([&answered] { return answered == 2000; });
  same(Outsider(folder.file("backup.db")).rows("PRAGMA integrity_check"), "ok\n");
  const auto copy = open_store(folder.file("backup.db"));
  const auto page = sound(await<Page<StoredItem>>(
      [&](auto done) { copy->read_history({}, base::ChainId("before"), {}, 50, done); }));
  ck_assert_uint_eq(page.items.size(), 1);
  ck_assert_int_eq(copy->opening().failed_calls, 0);  // of each call start and end, or neither
}
END_TEST

// After an unclean end every page is read before anything is trusted.
START_TEST(a_damaged_file_is_refused_after_an_unclean_end_with_what_to_do) {
  const Folder folder;
  {
    const auto store = open_store(folder.file());
    for (int i = 0; i < 300; ++i)
      store->submit({started("k" + std::to_string(i)), ended("k" + std::to_string(i))}, {});
  }
  constexpr std::streamoff kPage = 4096;
  const auto size = static_cast<std::streamoff>(fs::file_size(folder.file()));
  {
    std::fstream file(folder.file(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(size - 2 * kPage);  // far behind what opening it reads
    file << std::string(kPage, '\xff');
  }
  // After a clean end nobody looks: reading the whole file would cost every start.
  ck_assert(!open_store(folder.file())->opening().unclean);
  std::ofstream(folder.file("parley.db-wal")) << std::string(32, 'x');
  const base::Error error = refusal(folder.file());
  ck_assert(error.code == base::Code::kUnavailable);
  assert_contains(error.message, folder.file() + " is damaged (");
  assert_contains(error.message, "put a backup in its place, or what `sqlite3 " + folder.file() +
                                     " .recover` can save of it");
  ck_assert_int_eq(static_cast<std::streamoff>(fs::file_size(folder.file())), size);
}
END_TEST

START_TEST(a_file_that_may_not_be_written_is_reported) {
  const Folder folder;
  open_store(folder.file());
  if (unshare(CLONE_NEWNS) != 0 ||
      mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      mount(folder.path().c_str(), folder.path().c_str(), nullptr, MS_BIND, nullptr) != 0 ||
      mount(nullptr, folder.path().c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) !=
          0) {
    std::fprintf(stderr, "skipped: a read-only disk needs the right to mount (%s)\n",
                 std::strerror(errno));
    return;
  }
  const base::Error error = refusal(folder.file());
  ck_assert_int_eq(umount2(folder.path().c_str(), MNT_DETACH), 0);
  ck_assert(error.code == base::Code::kUnavailable);
  assert_contains(error.message, folder.file() + ": cannot open: Read-only file system");
}
END_TEST

START_TEST(a_folder_that_may_not_be_written_is_reported) {
  const Folder folder;
  const fs::path closed = folder.path() / "closed";
  ck_assert_int_eq(mkdir(closed.c_str(), 0555), 0);
  ck_assert_int_eq(chmod(folder.path().c_str(), 0755), 0);
  constexpr uid_t kNobody = 65534;
  const bool root = geteuid() == 0;
  if (root) ck_assert_int_eq(seteuid(kNobody), 0);  // root may write everywhere
  const base::Error file = refusal((closed / "parley.db").string());
  const base::Error deep = refusal((closed / "new" / "parley.db").string());
  if (root) ck_assert_int_eq(seteuid(0), 0);
  ck_assert(file.code == base::Code::kUnavailable);
  assert_contains(file.message, (closed / "parley.db").string() + ": cannot open: Permission");
  ck_assert(deep.code == base::Code::kUnavailable);
  assert_contains(deep.message, (closed / "new").string() + ": cannot make the folder: Permission");
}
END_TEST

START_TEST(a_folder_in_the_place_of_the_file_is_reported) {
  const Folder folder;
  const base::Error error = refusal(folder.path().string());
  ck_assert(error.code == base::Code::kUnavailable);
  assert_contains(error.message, folder.path().string() + ": cannot open");
}
END_TEST

int main() {
  return parley::test::run(
      "store file",
      {files_are_private, a_second_opener_is_told_who_is_in_the_way,
       a_backup_taken_while_it_writes_is_whole, a_newer_schema_is_refused_and_left_alone,
       another_programs_database_is_refused_and_left_alone,
       a_corrupt_file_is_refused_with_its_path_and_left_alone,
       damaged_pages_are_reported_not_trusted,
       a_damaged_file_is_refused_after_an_unclean_end_with_what_to_do,
       a_file_that_may_not_be_written_is_reported, a_folder_that_may_not_be_written_is_reported,
       a_folder_in_the_place_of_the_file_is_reported});
}
