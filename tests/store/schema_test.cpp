// Files of earlier versions, and along which indexes pages are read.
#include <sqlite3.h>

#include <string>
#include <vector>

#include "store_world.h"
#include "support/check_main.h"

using namespace parley;
using namespace parley::store;
using namespace parley::test;

namespace {

// A file as version 1 of the schema left it, statement for statement.
constexpr const char* kVersion1 = R"(
  PRAGMA journal_mode = WAL;
  CREATE TABLE calls (
    id TEXT NOT NULL PRIMARY KEY,
    chain TEXT NOT NULL,
    audio INTEGER NOT NULL,
    video INTEGER NOT NULL,
    started_ms INTEGER NOT NULL,
    ended_ms INTEGER,
    reason TEXT,
    duration_ms INTEGER NOT NULL DEFAULT 0
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX calls_of_chain ON calls (chain, started_ms);
  CREATE INDEX calls_without_end ON calls (id) WHERE ended_ms IS NULL;
  CREATE TABLE participants (
    call TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
    profile TEXT NOT NULL,
    position INTEGER NOT NULL,
    initiator INTEGER NOT NULL,
    accepted_ms INTEGER,
    connection TEXT,
    outcome TEXT,
    left_ms INTEGER,
    PRIMARY KEY (call, profile)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX calls_of_profile ON participants (profile);
  PRAGMA application_id = 1348563564;
  PRAGMA user_version = 1;

  INSERT INTO calls VALUES ('z-first', 'z-first', 1, 0, 100, 900, 'completed', 700),
                           ('a-later', 'z-first', 1, 1, 100, 950, 'missed', 0),
                           ('alone',   'alone',   0, 1,  50,  60, 'cancelled', 0),
                           ('live',    'live',    1, 1, 500, NULL, NULL, 0),
                           ('lost-2',  'lost-1',  1, 1, 300, 400, 'completed', 5);
  INSERT INTO participants VALUES
    ('z-first', 'a', 0, 1, 200, 'c1', 'completed', 900),
    ('z-first', 'b', 1, 0, 210, 'c2', 'completed', 900),
    ('a-later', 'b', 0, 1, NULL, NULL, 'missed', 950),
    ('a-later', 'a', 1, 0, NULL, NULL, 'missed', 940),
    ('a-later', 'd', 2, 0, NULL, NULL, 'rejected', 930),
    ('alone',   'b', 0, 1, NULL, NULL, 'cancelled', 60),
    ('alone',   'c', 1, 0, NULL, NULL, 'cancelled', 60),
    ('live',    'a', 0, 1, 510, 'c1', NULL, NULL),
    ('live',    'c', 1, 0, NULL, NULL, NULL, NULL),
    ('lost-2',  'b', 0, 1, NULL, NULL, 'completed', 400),
    ('lost-2',  'e', 1, 0, NULL, NULL, 'completed', 400);
)";

std::string shape(const std::string& path) {
  return Outsider(path).rows("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name");
}

// A call in one line: "chain audio/video started ended reason duration profile:outcome …".
std::string line(const StoredCall& call) {
  std::string text = call.chain.str() + " " + std::to_string(call.audio) +
                     std::to_string(call.video) + " " +
                     std::to_string(call.started.time_since_epoch().count()) + " " +
                     (call.ended ? std::to_string(call.ended->time_since_epoch().count()) : "-") +
                     " " + call.reason.value_or("-") + " " + std::to_string(call.duration_ms);
  for (const StoredParticipant& one : call.participants)
    text += " " + one.profile.str() + (one.initiator ? "*" : "") + ":" + one.outcome.value_or("-");
  return text;
}

std::string history(Store& store, const char* chain) {
  const auto page = sound(await<Page<StoredItem>>(
      [&](auto done) { store.read_history({}, base::ChainId(chain), {}, 50, done); }));
  std::string all;
  for (const StoredItem& item : page.items)
    all += (all.empty() ? "" : " ") + std::get<StoredCall>(item).call.str();
  return all;
}

std::string members(Store& store, const char* chain) {
  const auto known =
      sound(await<StoredChain>([&](auto done) { store.find_chain(base::ChainId(chain), done); }));
  std::string all;
  for (const base::ProfileId& one : known.members) all += (all.empty() ? "" : " ") + one.str();
  return all;
}

}  // namespace

START_TEST(a_file_of_version_1_keeps_its_calls_and_gets_chains_with_members) {
  const Folder folder;
  Outsider(folder.file()).run(kVersion1);
  {
    const auto store = open_store(folder.file(), 7000);
    same(line(found(*store, "z-first")),
         "z-first 10 100 900 completed 700 a*:completed b:completed");
    same(line(found(*store, "a-later")),
         "z-first 11 100 950 missed 0 b*:missed a:missed d:rejected");
    same(line(found(*store, "alone")), "alone 01 50 60 cancelled 0 b*:cancelled c:cancelled");
    same(line(found(*store, "live")), "live 11 500 7000 failed 0 a*:failed c:failed");
    same(line(found(*store, "lost-2")), "lost-1 11 300 400 completed 5 b*:completed e:completed");
    ck_assert_int_eq(store->opening().failed_calls, 1);
    // The founder first, though the later one has the smaller id and the same time.
    same(history(*store, "z-first"), "z-first a-later");
    same(members(*store, "z-first"), "a b");
    same(history(*store, "lost-1"), "lost-2");  // whose founder was never stored
    same(members(*store, "lost-1"), "b e");
    const auto chains = sound(await<Page<ChainSummary>>(
        [&](auto done) { store->list_chains(profiles({"b"}), {}, 50, done); }));
    std::string order;
    for (const ChainSummary& one : chains.items) order += one.chain.chain.str() + " ";
    same(order, "lost-1 z-first alone ");
    // And it goes on.
    stored(*store, {text("t", "z-first"), started("new")});
    assert_code(submit(*store, {started("alone")}), base::Code::kConflict);
  }
  const Outsider outsider(folder.file());
  same(outsider.rows("PRAGMA user_version"), "3\n");
  same(outsider.rows("PRAGMA integrity_check"), "ok\n");
  same(outsider.rows("PRAGMA foreign_key_check"), "");
  same(outsider.rows("SELECT accepted_ms, connection, left_ms FROM participants JOIN items"
                     " ON seq = call WHERE id = 'z-first' AND profile = 'b'"),
       "210|c2|900\n");
}
END_TEST

START_TEST(a_file_brought_up_to_date_has_the_shape_of_a_new_one) {
  const Folder folder;
  Outsider(folder.file("old.db")).run(kVersion1);
  open_store(folder.file("old.db"));
  open_store(folder.file("new.db"));
  same(shape(folder.file("old.db")), shape(folder.file("new.db")));
}
END_TEST

START_TEST(a_migration_that_fails_leaves_the_file_as_it_was) {
  const Folder folder;
  {
    const Outsider outsider(folder.file());
    outsider.run(kVersion1);
    outsider.run("CREATE TABLE texts (mine TEXT)");  // in the way of the last step
  }
  const std::string before = shape(folder.file());
  assert_contains(refusal(folder.file()).message, "texts already exists");
  same(shape(folder.file()), before);
  same(Outsider(folder.file()).rows("SELECT count(*) FROM calls"), "5\n");
}
END_TEST

int main() {
  return parley::test::run("store schema",
                           {a_file_of_version_1_keeps_its_calls_and_gets_chains_with_members,
                            a_file_brought_up_to_date_has_the_shape_of_a_new_one,
                            a_migration_that_fails_leaves_the_file_as_it_was});
}
