// What a page costs: the same however long the chain is and however many chains there are.
#include <sqlite3.h>

#include <map>
#include <string>
#include <vector>

#include "store_world.h"
#include "support/check_main.h"

using namespace parley;
using namespace parley::store;
using namespace parley::test;

namespace {

// What the statements of this process did since reset().
struct Work {
  long steps = 0;       // of SQLite's machine
  long scanned = 0;     // rows of full scans
  std::string scanner;  // a statement that did one
};
Work work;

int note(unsigned, void*, void* statement, void*) noexcept {
  auto* s = static_cast<sqlite3_stmt*>(statement);
  work.steps += sqlite3_stmt_status(s, SQLITE_STMTSTATUS_VM_STEP, 1);
  if (const int scanned = sqlite3_stmt_status(s, SQLITE_STMTSTATUS_FULLSCAN_STEP, 1); scanned > 0) {
    work.scanned += scanned;
    work.scanner = sqlite3_sql(s);
  }
  return 0;
}

int watch(sqlite3* db, const char**, const sqlite3_api_routines*) {
  return sqlite3_trace_v2(db, SQLITE_TRACE_PROFILE, note, nullptr);
}

// Every connection of this process from now on.
void watch_all() {
  ck_assert_int_eq(sqlite3_auto_extension(reinterpret_cast<void (*)()>(watch)), SQLITE_OK);
}

// `chains` of a and b, and in each a call and so many texts.
void fill(Store& store, const std::string& prefix, int chains, int texts) {
  std::vector<Record> records;
  for (int c = 0; c < chains; ++c) {
    const std::string chain = prefix + std::to_string(c);
    records.emplace_back(started(chain));
    records.emplace_back(ended(chain));
    for (int t = 0; t < texts; ++t)
      records.emplace_back(text(chain + "-" + std::to_string(t), chain));
  }
  stored(store, std::move(records));
}

// Steps of a page in the middle of the chain.
long cost_of_history(Store& store, const std::string& chain, const std::string& before) {
  work = {};
  const auto page = sound(await<Page<StoredItem>>([&](auto done) {
    store.read_history(profiles({"b"}), base::ChainId(chain), before, 10, done);
  }));
  ck_assert_uint_eq(page.items.size(), 10);
  ck_assert(page.more);
  return work.steps;
}

long cost_of_list(Store& store, const std::string& before) {
  work = {};
  const auto page = sound(await<Page<ChainSummary>>([&](auto done) {
    store.list_chains(profiles({"a", "b"}), base::ChainId(before), 10, done);
  }));
  ck_assert_uint_eq(page.items.size(), 10);
  ck_assert(page.more);
  return work.steps;
}

void assert_no_scan() {
  ck_assert_msg(work.scanned == 0, "%ld rows scanned by %s", work.scanned, work.scanner.c_str());
}

}  // namespace

START_TEST(a_page_of_history_costs_the_same_in_a_long_chain) {
  watch_all();
  const Folder folder;
  const auto store = open_store(folder.file());
  fill(*store, "short", 1, 40);
  fill(*store, "long", 1, 4000);
  const long few = cost_of_history(*store, "short0", "short0-20");
  assert_no_scan();
  const long many = cost_of_history(*store, "long0", "long0-2000");
  assert_no_scan();
  ck_assert_int_gt(few, 0);
  ck_assert_msg(many <= few + few / 10, "%ld steps instead of %ld", many, few);
}
END_TEST

START_TEST(a_page_of_chains_costs_the_same_among_many) {
  watch_all();
  const Folder folder;
  const auto store = open_store(folder.file());
  fill(*store, "few", 40, 1);
  const long few = cost_of_list(*store, "few20");
  assert_no_scan();
  fill(*store, "many", 2000, 1);
  const long many = cost_of_list(*store, "many1000");
  assert_no_scan();
  ck_assert_int_gt(few, 0);
  ck_assert_msg(many <= few + few / 10, "%ld steps instead of %ld", many, few);
}
END_TEST

START_TEST(opening_costs_the_same_for_a_file_with_many_calls) {
  watch_all();
  const Folder folder;
  const auto cost = [&folder] {
    work = {};
    open_store(folder.file());
    return work.steps;
  };
  cost();  // makes the tables
  const long empty = cost();
  {
    const auto store = open_store(folder.file());
    fill(*store, "k", 1000, 3);
  }
  const long filled = cost();
  ck_assert_int_gt(empty, 0);
  ck_assert_msg(filled <= empty + empty / 10, "%ld steps instead of %ld", filled, empty);
}
END_TEST

START_TEST(a_due_message_costs_the_same_among_many_put_off) {
  watch_all();
  const Folder folder;
  const auto store = open_store(folder.file());
  stored(*store, {Outgoing{"due", "x", at(10)}});
  const auto cost = [&store] {
    work = {};
    ck_assert_uint_eq(sound(await<std::vector<DueOutgoing>>([&](auto done) {
                        store->due_outgoing(at(100), 10, done);
                      })).size(),
                      1);
    assert_no_scan();
    return work.steps;
  };
  const long few = cost();
  std::vector<Record> records;
  for (int i = 0; i < 2000; ++i) records.emplace_back(Outgoing{std::to_string(i), "x", at(10000)});
  stored(*store, std::move(records));
  const long many = cost();
  ck_assert_msg(many <= few + few / 10, "%ld steps instead of %ld", many, few);
}
END_TEST

int main() {
  return parley::test::run("store paging", {a_page_of_history_costs_the_same_in_a_long_chain,
                                            a_page_of_chains_costs_the_same_among_many,
                                            opening_costs_the_same_for_a_file_with_many_calls,
                                            a_due_message_costs_the_same_among_many_put_off});
}
