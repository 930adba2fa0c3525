#include "store/store.h"

#include <fcntl.h>
#include <glib.h>
#include <sched.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "support/check_main.h"

namespace {

using namespace parley;
using namespace parley::store;
namespace fs = std::filesystem;

// A folder of this test, gone with it.
class Folder {
 public:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "parley-store-XXXXXX").string();
    ck_assert(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::string file(const char* name = "parley.db") const {
    return (path_ / name).string();
  }
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// A second connection to the same file, as a backup or an operator would have.
class Outsider {
 public:
  explicit Outsider(const std::string& path) {
    ck_assert_int_eq(sqlite3_open(path.c_str(), &db_), SQLITE_OK);
  }
  ~Outsider() { sqlite3_close(db_); }
  Outsider(const Outsider&) = delete;
  Outsider& operator=(const Outsider&) = delete;
  void run(const char* sql) const {
    ck_assert_msg(sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) == SQLITE_OK, "%s: %s", sql,
                  sqlite3_errmsg(db_));
  }

 private:
  sqlite3* db_ = nullptr;
};

base::WallTime at(std::int64_t ms) { return base::WallTime(std::chrono::milliseconds(ms)); }

std::unique_ptr<Store> open_store(const std::string& path, std::int64_t now_ms = 1000) {
  auto opened = Store::open(path, at(now_ms));
  ck_assert_msg(opened.has_value(), "%s", opened ? "" : opened.error().message.c_str());
  return std::move(*opened);
}

base::Error refusal(const std::string& path) {
  auto opened = Store::open(path, at(1000));
  ck_assert(!opened.has_value());
  return std::move(opened.error());
}

void assert_contains(const std::string& text, const std::string& part) {
  ck_assert_msg(text.find(part) != std::string::npos, "\"%s\" lacks \"%s\"", text.c_str(),
                part.c_str());
}

CallStarted started(const std::string& id) {
  return {base::CallId(id),
          base::ChainId("chain-" + id),
          base::ProfileId("a"),
          {base::ProfileId("c"), base::ProfileId("b")},
          true,
          false,
          at(100)};
}
CallEnded ended(const std::string& id) {
  return {base::CallId(id),
          "completed",
          2500,
          {{base::ProfileId("a"), "completed"},
           {base::ProfileId("b"), "missed"},
           {base::ProfileId("c"), "completed"}},
          at(3000)};
}

template <class Condition>
void iterate_until(Condition condition) {
  while (!condition()) g_main_context_iteration(nullptr, TRUE);
}

base::Result<void> submit(Store& store, std::vector<Record> records) {
  std::optional<base::Result<void>> result;
  store.submit(std::move(records), [&result](base::Result<void> r) { result = std::move(r); });
  iterate_until([&result] { return result.has_value(); });
  return result.value_or(tl::unexpected(base::Error{}));
}

base::Result<StoredCall> find(Store& store, const std::string& id) {
  std::optional<base::Result<StoredCall>> result;
  store.find_call(base::CallId(id),
                  [&result](base::Result<StoredCall> r) { result = std::move(r); });
  iterate_until([&result] { return result.has_value(); });
  return result.value_or(tl::unexpected(base::Error{}));
}

StoredCall found(Store& store, const std::string& id) {
  auto call = find(store, id);
  ck_assert_msg(call.has_value(), "%s", call ? "" : call.error().message.c_str());
  return std::move(*call);
}

// "-": none.
void assert_outcome(const StoredCall& call, std::size_t position, const char* outcome) {
  const std::string is = call.participants.at(position).outcome.value_or("-");
  ck_assert_str_eq(is.c_str(), outcome);
}

// Runs `work` in a child that then dies without any clean-up, as by SIGKILL.
template <class Work>
void in_process_that_dies(Work work) {
  const pid_t child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0) {
    work();
    _exit(7);
  }
  int status = 0;
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

mode_t mode_of(const fs::path& path) {
  struct stat info {};
  ck_assert_msg(stat(path.c_str(), &info) == 0, "%s", path.c_str());
  return info.st_mode & 0777;
}

}  // namespace

START_TEST(keeps_a_call_from_start_to_end) {
  const Folder folder;
  const auto store = open_store(folder.file());
  ck_assert(submit(*store, {started("k")}).has_value());
  StoredCall call = found(*store, "k");
  ck_assert_str_eq(call.chain.str().c_str(), "chain-k");
  ck_assert(call.started == at(100) && !call.ended && !call.reason);
  ck_assert_uint_eq(call.participants.size(), 3);
  ck_assert_str_eq(call.participants[0].profile.str().c_str(), "a");
  ck_assert(call.participants[0].initiator && !call.participants[1].initiator);
  ck_assert_str_eq(call.participants[1].profile.str().c_str(), "c");
  ck_assert_str_eq(call.participants[2].profile.str().c_str(), "b");

  ck_assert(submit(*store,
                   {ParticipantLeft{base::CallId("k"), base::ProfileId("c"), "rejected", at(200)}})
                .has_value());
  call = found(*store, "k");
  assert_outcome(call, 1, "rejected");

  ck_assert(submit(*store, {CallAccepted{base::CallId("k"), base::ProfileId("c"),
                                         base::ConnectionId("c3"), at(500)}})
                .has_value());
  call = found(*store, "k");
  assert_outcome(call, 1, "-");  // withdrawn by the accept

  ck_assert(submit(*store, {ended("k")}).has_value());
  call = found(*store, "k");
  ck_assert(call.ended == at(3000) && call.reason == "completed");
  ck_assert_int_eq(call.duration_ms, 2500);
  assert_outcome(call, 0, "completed");
  assert_outcome(call, 1, "completed");
  assert_outcome(call, 2, "missed");
}
END_TEST

START_TEST(survives_a_clean_close_and_keeps_what_was_only_submitted) {
  const Folder folder;
  {
    const auto store = open_store(folder.file());
    store->submit({started("k"), ended("k")}, [](const base::Result<void>&) {
      ck_abort_msg("an answer after the store has gone");
    });
  }
  const auto store = open_store(folder.file());
  ck_assert(found(*store, "k").reason == "completed");
}
END_TEST

START_TEST(unknown_calls_are_not_found) {
  const Folder folder;
  const auto store = open_store(folder.file());
  const auto call = find(*store, "k");
  ck_assert(!call && call.error().code == base::Code::kNotFound);
}
END_TEST

START_TEST(answers_in_order_of_submission_on_the_openers_context) {
  const Folder folder;
  GMainContext* context = g_main_context_new();
  g_main_context_push_thread_default(context);
  auto store = open_store(folder.file());
  g_main_context_pop_thread_default(context);
  const GThread* const opener = g_thread_self();
  std::vector<int> order;
  for (int i = 0; i < 200; ++i) {
    const auto note = [&order, i, opener](const auto& result) {
      ck_assert(result.has_value());
      ck_assert(g_thread_self() == opener);
      order.push_back(i);
    };
    if (i % 3 == 2)
      store->find_call(base::CallId("k" + std::to_string(i - 1)), note);
    else
      store->submit({started("k" + std::to_string(i))}, note);
  }
  while (order.size() < 200) g_main_context_iteration(context, TRUE);
  for (int i = 0; i < 200; ++i) ck_assert_int_eq(order[static_cast<std::size_t>(i)], i);
  store.reset();
  g_main_context_unref(context);
}
END_TEST

// An outsider's write lock holds the first group up, so that the rest is queued behind it.
START_TEST(commits_what_is_queued_in_one_transaction) {
  const Folder folder;
  const auto store = open_store(folder.file());
  const std::uint64_t before = store->stats().commits;
  const Outsider outsider(folder.file());
  outsider.run("BEGIN IMMEDIATE");
  int answered = 0;
  for (int i = 0; i < 500; ++i)
    store->submit({started("k" + std::to_string(i)), ended("k" + std::to_string(i))},
                  [&answered](const base::Result<void>& result) {
                    ck_assert(result.has_value());
                    ++answered;
                  });
  outsider.run("COMMIT");
  iterate_until([&answered] { return answered == 500; });
  const StoreStats stats = store->stats();
  ck_assert_uint_ge(stats.commits - before, 1);
  ck_assert_uint_le(stats.commits - before, 2);
  ck_assert_uint_eq(stats.records, 1000);
  ck_assert_uint_eq(stats.failures, 0);
  ck_assert_uint_eq(stats.waiting, 0);
}
END_TEST

START_TEST(one_bad_submission_refuses_only_itself_and_all_of_itself) {
  const Folder folder;
  const auto store = open_store(folder.file());
  const Outsider outsider(folder.file());
  outsider.run("BEGIN IMMEDIATE");
  std::vector<std::string> results;
  const auto note = [&results](const base::Result<void>& result) {
    results.push_back(result ? "stored" : result.error().message);
  };
  store->submit({started("good1")}, note);
  store->submit({started("bad"), started("good1")}, note);  // the second of them is taken
  store->submit({started("good2")}, note);
  store->submit(
      {CallAccepted{base::CallId("good2"), base::ProfileId("zoe"), base::ConnectionId("c"), at(1)}},
      note);
  store->submit({ended("never")}, note);
  store->submit({ended("good2")}, note);
  outsider.run("COMMIT");
  iterate_until([&results] { return results.size() == 6; });
  ck_assert_str_eq(results[0].c_str(), "stored");
  assert_contains(results[1], "UNIQUE constraint failed");
  ck_assert_str_eq(results[2].c_str(), "stored");
  assert_contains(results[3], "no participant zoe");
  assert_contains(results[4], "never is not stored as live");
  ck_assert_str_eq(results[5].c_str(), "stored");
  ck_assert(found(*store, "good2").ended.has_value());
  ck_assert(!find(*store, "bad").has_value());
  ck_assert_uint_eq(store->stats().failures, 3);
}
END_TEST

START_TEST(a_call_ends_once) {
  const Folder folder;
  const auto store = open_store(folder.file());
  ck_assert(submit(*store, {started("k"), ended("k")}).has_value());
  CallEnded again = ended("k");
  again.reason = "failed";
  const auto second = submit(*store, {again});
  ck_assert(!second && second.error().code == base::Code::kConflict);
  ck_assert(found(*store, "k").reason == "completed");
}
END_TEST

// The id may be used again by a client that does not know of the call: after a restart, say.
START_TEST(an_ended_call_keeps_its_outcomes) {
  const Folder folder;
  const auto store = open_store(folder.file());
  const base::CallId call("k");
  const base::ProfileId b("b");
  ck_assert(submit(*store, {started("k"), ended("k")}).has_value());
  ck_assert(!submit(*store, {started("k")}).has_value());
  ck_assert(
      !submit(*store, {CallAccepted{call, b, base::ConnectionId("c"), at(4000)}}).has_value());
  ck_assert(!submit(*store, {ParticipantLeft{call, b, "rejected", at(5000)}}).has_value());
  assert_outcome(found(*store, "k"), 2, "missed");
}
END_TEST

START_TEST(what_was_answered_survives_sudden_death_and_live_calls_end_as_failed) {
  const Folder folder;
  in_process_that_dies([&folder] {
    const auto store = open_store(folder.file());
    ck_assert(submit(*store, {started("over"), ended("over")}).has_value());
    ck_assert(submit(*store, {started("live"),
                              CallAccepted{base::CallId("live"), base::ProfileId("b"),
                                           base::ConnectionId("c4"), at(400)},
                              ParticipantLeft{base::CallId("live"), base::ProfileId("c"),
                                              "rejected", at(500)}})
                  .has_value());
    _exit(7);  // before the store's destructor can tidy up
  });
  ck_assert(fs::file_size(folder.file("parley.db-wal")) > 0);
  const auto store = open_store(folder.file(), 9000);
  ck_assert(found(*store, "over").reason == "completed");
  const StoredCall call = found(*store, "live");
  ck_assert(call.ended == at(9000) && call.reason == "failed");
  ck_assert_int_eq(call.duration_ms, 0);
  assert_outcome(call, 0, "failed");
  assert_outcome(call, 1, "rejected");  // was over for this one before
  assert_outcome(call, 2, "failed");
}
END_TEST

// What lies on the disk at the very moment of the answer, as after a power cut.
START_TEST(a_copy_taken_at_the_answer_holds_the_call) {
  const Folder folder;
  const Folder copy;
  const auto store = open_store(folder.file());
  ck_assert(submit(*store, {started("k"), ended("k")}).has_value());
  fs::copy_file(folder.file(), copy.file());
  fs::copy_file(folder.file("parley.db-wal"), copy.file("parley.db-wal"));
  const auto second = open_store(copy.file());
  ck_assert(found(*second, "k").reason == "completed");
}
END_TEST

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
  return parley::test::run("store",
                           {keeps_a_call_from_start_to_end,
                            survives_a_clean_close_and_keeps_what_was_only_submitted,
                            unknown_calls_are_not_found,
                            answers_in_order_of_submission_on_the_openers_context,
                            commits_what_is_queued_in_one_transaction,
                            one_bad_submission_refuses_only_itself_and_all_of_itself,
                            a_call_ends_once,
                            an_ended_call_keeps_its_outcomes,
                            what_was_answered_survives_sudden_death_and_live_calls_end_as_failed,
                            a_copy_taken_at_the_answer_holds_the_call,
                            files_are_private,
                            a_second_opener_is_told_who_is_in_the_way,
                            a_newer_schema_is_refused_and_left_alone,
                            another_programs_database_is_refused_and_left_alone,
                            a_corrupt_file_is_refused_with_its_path_and_left_alone,
                            damaged_pages_are_reported_not_trusted,
                            a_folder_that_may_not_be_written_is_reported,
                            a_folder_in_the_place_of_the_file_is_reported,
                            a_writer_that_does_not_let_go_makes_it_unavailable_for_a_while,
                            a_full_disk_refuses_and_recovers_when_there_is_room});
}
