// Disks that refuse: full, failing, held by another process; and a store that is asked too much.
#include <sched.h>
#include <sys/mount.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "faulty_disk.h"
#include "store_world.h"
#include "support/check_main.h"

using namespace parley;
using namespace parley::store;
using namespace parley::test;

namespace {

// Notes what the store says of itself: "-reason" and "+".
struct Said {
  std::vector<Readiness> all;
  StoreOptions options(std::size_t waiting = 4096, std::size_t lookups = 1024) {
    return {waiting, lookups, [this](const Readiness& now) { all.push_back(now); }};
  }
  void wait(std::size_t times) const {
    iterate_until([&] { return all.size() >= times; });
    ck_assert_uint_eq(all.size(), times);
  }
};

std::string code_of(const base::Result<void>& result) {
  if (result) return "stored";
  return result.error().code == base::Code::kUnavailable ? "unavailable" : result.error().message;
}

std::string integrity(const std::string& path) {
  return Outsider(path).rows("PRAGMA integrity_check");
}

// A text and a decision about a call while the disk refuses, then until it works again.
void refuse_and_recover(int write, int sync, const char* reason) {
  ck_assert(use_faulty_disk());
  const Folder folder;
  Said said;
  auto store = open_store(folder.file(), 1000, said.options());
  stored(*store, {text("t", "t", {"a"}), started("k")});

  faults.write = write;
  faults.sync = sync;
  auto refused = submit(*store, {text("lost", "t")});
  same(code_of(refused), "unavailable");
  assert_contains(refused.error().message, folder.file() + ": " + reason);
  said.wait(1);
  ck_assert(!said.all[0].accepting && !store->stats().accepting);
  assert_contains(said.all[0].why, reason);
  // From now on texts are not even tried, while calls are.
  const std::uint64_t failures = store->stats().failures;
  same(code_of(submit(*store, {text("too", "t")})), "unavailable");
  same(code_of(submit(*store, {ended("k")})), "unavailable");
  ck_assert_uint_eq(store->stats().failures, failures + 2);
  ck_assert(!found(*store, "k").ended);  // reading goes on

  faults.write = SQLITE_OK;
  faults.sync = SQLITE_OK;
  said.wait(2);  // nobody submits anything: it tries by itself
  ck_assert(said.all[1].accepting && store->stats().accepting);
  stored(*store, {text("new", "t"), ended("k")});
  const auto page = sound(await<Page<StoredItem>>(
      [&](auto done) { store->read_history({}, base::ChainId("t"), {}, 50, done); }));
  ck_assert_uint_eq(page.items.size(), 2);
  same(std::get<StoredText>(page.items[1]).id.str(), "new");
  store.reset();
  same(integrity(folder.file()), "ok\n");
}

}  // namespace

START_TEST(a_disk_without_room_refuses_texts_and_recovers_by_itself) {
  refuse_and_recover(SQLITE_FULL, SQLITE_OK, "database or disk is full");
}
END_TEST

START_TEST(a_disk_that_has_become_read_only_refuses_texts_and_recovers_by_itself) {
  refuse_and_recover(SQLITE_IOERR_WRITE, SQLITE_OK, "disk I/O error");
}
END_TEST

START_TEST(what_could_not_be_synced_is_not_called_stored) {
  refuse_and_recover(SQLITE_OK, SQLITE_IOERR_FSYNC, "disk I/O error");
}
END_TEST

START_TEST(a_commit_that_works_again_ends_the_refusal_before_any_probe) {
  ck_assert(use_faulty_disk());
  const Folder folder;
  Said said;
  const auto store = open_store(folder.file(), 1000, said.options());
  stored(*store, {started("k")});
  faults.write = SQLITE_FULL;
  same(code_of(submit(*store, {ended("k")})), "unavailable");
  faults.write = SQLITE_OK;
  stored(*store, {ended("k")});
  said.wait(2);
  ck_assert(said.all[1].accepting);
}
END_TEST

// It is tried about once a second, however much is asked meanwhile.
START_TEST(a_disk_that_refuses_is_not_tried_in_a_busy_loop) {
  ck_assert(use_faulty_disk());
  const Folder folder;
  Said said;
  const auto store = open_store(folder.file(), 1000, said.options());
  faults.write = SQLITE_FULL;
  same(code_of(submit(*store, {started("k")})), "unavailable");
  const long before = faults.writes;
  for (int i = 0; i < 2000; ++i) assert_code(find(*store, "k"), base::Code::kNotFound);
  // A write is tried a few times by a commit and its clean-up; each look-up would make thousands.
  ck_assert_int_lt(faults.writes - before, 200);
  faults.write = SQLITE_OK;
  said.wait(2);
}
END_TEST

// What is to be forgotten or put off must not be sent again because the disk was full.
START_TEST(the_outbox_catches_up_when_the_disk_works_again) {
  ck_assert(use_faulty_disk());
  const Folder folder;
  Said said;
  const auto store = open_store(folder.file(), 1000, said.options());
  stored(*store, {Outgoing{"done", "x", at(10)}, Outgoing{"later", "y", at(20)},
                  Outgoing{"now", "z", at(30)}});
  const auto due = [&store](std::int64_t now) {
    return await<std::vector<DueOutgoing>>(
        [&](auto done) { store->due_outgoing(at(now), 10, done); });
  };
  ck_assert_uint_eq(sound(due(100)).size(), 3);
  faults.write = SQLITE_FULL;
  store->forget_outgoing("done");
  store->put_off_outgoing("later", at(5000));
  said.wait(1);
  assert_code(due(100), base::Code::kUnavailable);
  faults.write = SQLITE_OK;
  said.wait(2);
  const auto left = sound(due(100));
  ck_assert_uint_eq(left.size(), 1);
  same(left[0].message.id, "now");
  ck_assert_uint_eq(sound(due(5000)).size(), 2);
}
END_TEST

// An outsider's write lock holds the store up, so that everything else waits.
START_TEST(texts_are_refused_at_once_while_the_queue_is_full) {
  const Folder folder;
  Said said;
  const auto store = open_store(folder.file(), 1000, said.options(10));
  stored(*store, {text("t", "t", {"a"})});
  const Outsider outsider(folder.file());
  outsider.run("BEGIN IMMEDIATE");
  int calls = 0;
  const auto count = [&calls](const base::Result<void>& result) {
    ck_assert(result.has_value());
    ++calls;
  };
  store->submit({started("first")}, count);
  iterate_until([&] { return store->stats().waiting == 0; });  // it has been taken up, and waits
  for (int i = 0; i < 10; ++i) store->submit({started("k" + std::to_string(i))}, count);
  ck_assert(!store->stats().accepting);
  const auto refused = submit(*store, {text("u", "t")});
  same(code_of(refused), "unavailable");
  assert_contains(refused.error().message, "10 submissions wait for the disk");
  ck_assert_int_eq(calls, 0);           // it did not wait for them
  store->submit({ended("k0")}, count);  // a call goes on
  said.wait(1);
  ck_assert(!said.all[0].accepting);
  outsider.run("COMMIT");
  iterate_until([&calls] { return calls == 12; });
  said.wait(2);
  ck_assert(said.all[1].accepting && store->stats().accepting);
  stored(*store, {text("u", "t")});
}
END_TEST

START_TEST(look_ups_beyond_what_may_wait_are_refused) {
  const Folder folder;
  Said said;
  const auto store = open_store(folder.file(), 1000, said.options(10, 3));
  const Outsider outsider(folder.file());
  outsider.run("BEGIN IMMEDIATE");
  store->submit({started("k")}, {});
  iterate_until([&] { return store->stats().waiting == 0; });
  std::string answers;
  for (int i = 0; i < 5; ++i)
    store->find_call(base::CallId("k"), [&answers](const base::Result<StoredCall>& result) {
      answers += result ? "found " : code_of(tl::unexpected(result.error())) + " ";
    });
  iterate_until([&answers] { return !answers.empty(); });
  same(answers, "unavailable unavailable ");
  outsider.run("COMMIT");
  iterate_until([&answers] { return answers.ends_with("found found found "); });
}
END_TEST

START_TEST(a_writer_that_does_not_let_go_makes_it_unavailable_for_a_while) {
  const Folder folder;
  const auto store = open_store(folder.file());
  const Outsider outsider(folder.file());
  outsider.run("BEGIN IMMEDIATE");
  const auto locked = submit(*store, {started("k")});
  assert_code(locked, base::Code::kUnavailable);
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
  Said said;
  auto store = open_store(folder.file(), 1000, said.options());
  stored(*store, {started("before"), text("t", "t", {"a"})});
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
  said.wait(1);
  same(code_of(submit(*store, {text("lost", "t")})), "unavailable");
  ck_assert(found(*store, "before").started == at(100));
  fs::remove(folder.file("filler"));
  said.wait(2);
  ck_assert(said.all[1].accepting);
  stored(*store, {started("after"), text("new", "t")});
  store.reset();
  same(integrity(folder.file()), "ok\n");
  ck_assert_int_eq(umount2(folder.path().c_str(), MNT_DETACH), 0);
}
END_TEST

int main() {
  return parley::test::run(
      "store disk",
      {a_disk_without_room_refuses_texts_and_recovers_by_itself,
       a_disk_that_has_become_read_only_refuses_texts_and_recovers_by_itself,
       what_could_not_be_synced_is_not_called_stored,
       a_commit_that_works_again_ends_the_refusal_before_any_probe,
       a_disk_that_refuses_is_not_tried_in_a_busy_loop,
       the_outbox_catches_up_when_the_disk_works_again,
       texts_are_refused_at_once_while_the_queue_is_full, look_ups_beyond_what_may_wait_are_refused,
       a_writer_that_does_not_let_go_makes_it_unavailable_for_a_while,
       a_full_disk_refuses_and_recovers_when_there_is_room});
}
