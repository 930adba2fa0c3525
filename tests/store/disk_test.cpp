// Disks that refuse: full, read-only, held by another process.
#include <sched.h>
#include <sys/mount.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "store_world.h"
#include "support/check_main.h"

using namespace parley;
using namespace parley::store;
using namespace parley::test;

START_TEST(a_writer_that_does_not_let_go_makes_it_unavailable_for_a_while) {
  const Folder folder;
  const auto store = open_store(folder.file());
  const Outsider outsider(folder.file());
  outsider.run("BEGIN IMMEDIATE");
  const auto locked = submit(*store, {started("k")});
  ck_assert(!locked && locked.error().code == base::Code::kUnavailable);
  assert_contains(locked.error().message, folder.file() + ": database is locked");
  outsider.run("COMMIT");
  ck_assert(submit(*store, {started("k")}).has_value());
}
END_TEST

START_TEST(a_full_disk_refuses_and_recovers_when_there_is_room) {
  const Folder folder;
  if (unshare(CLONE_NEWNS) != 0 ||
      mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      mount("tmpfs", folder.path().c_str(), "tmpfs", 0, "size=1m") != 0) {
    std::fprintf(stderr, "skipped: a full disk needs the right to mount a tmpfs (%s)\n",
                 std::strerror(errno));
    return;
  }
  const auto store = open_store(folder.file());
  ck_assert(submit(*store, {started("before")}).has_value());
  {
    std::ofstream filler(folder.file("filler"));
    while (filler << std::string(4096, 'x') << std::flush) {
    }
  }
  base::Result<void> result;
  for (int i = 0; i < 100 && result; ++i) {
    std::vector<Record> records;  // the log has room left in its last block for a few
    records.reserve(50);
    for (int j = 0; j < 50; ++j) records.emplace_back(started(std::to_string(i * 50 + j)));
    result = submit(*store, std::move(records));
  }
  ck_assert(!result && result.error().code == base::Code::kUnavailable);
  assert_contains(result.error().message, folder.file() + ": database or disk is full");
  ck_assert(found(*store, "before").started == at(100));
  fs::remove(folder.file("filler"));
  ck_assert(submit(*store, {started("after")}).has_value());
  ck_assert_int_eq(umount2(folder.path().c_str(), MNT_DETACH), 0);
}
END_TEST

int main() {
  return parley::test::run("store disk",
                           {a_writer_that_does_not_let_go_makes_it_unavailable_for_a_while,
                            a_full_disk_refuses_and_recovers_when_there_is_room});
}
