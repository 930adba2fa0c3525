#include "store/schema.h"

#include <fmt/format.h>

#include <array>
#include <cstdint>

namespace parley::store {
namespace {

using base::Code;
using base::fail;
using base::Result;

// Marks the file as ours in its header ("Parl"), for `file` and against mix-ups.
constexpr std::int64_t kApplicationId = 0x5061726c;

// Times are Unix milliseconds. A participant's position 0 is the initiator, then the receivers in
// the order of `to`.
constexpr const char* kFirst =
    R"(CREATE TABLE calls (
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
       CREATE INDEX calls_of_profile ON participants (profile);)";

// Calls, texts and chains share one space of ids and one order: `items`. A chain is named by the
// item that founded it, the one whose `chain` is its own number; one that is neither in `calls` nor
// in `texts` only lends its name to a chain. `members.newest` is the chain's last item, so that an
// index has a profile's chains in the order of their news. Participants invited later follow the
// first ones in `position`; they are no members.
constexpr const char* kOneOrder =
    R"(DROP INDEX calls_of_profile;
       DROP INDEX calls_without_end;
       DROP INDEX calls_of_chain;
       ALTER TABLE calls RENAME TO old_calls;
       ALTER TABLE participants RENAME TO old_participants;

       CREATE TABLE items (
         seq INTEGER PRIMARY KEY,
         id TEXT NOT NULL UNIQUE,
         chain INTEGER NOT NULL REFERENCES items (seq),
         at_ms INTEGER NOT NULL
       ) STRICT;
       CREATE INDEX items_of_chain ON items (chain);
       CREATE TABLE members (
         chain INTEGER NOT NULL REFERENCES items (seq),
         profile TEXT NOT NULL,
         position INTEGER NOT NULL,
         newest INTEGER NOT NULL,
         PRIMARY KEY (chain, profile)
       ) STRICT, WITHOUT ROWID;
       CREATE INDEX chains_of_profile ON members (profile, newest);
       CREATE TABLE texts (
         item INTEGER PRIMARY KEY REFERENCES items (seq),
         author TEXT NOT NULL,
         body TEXT NOT NULL
       ) STRICT;
       CREATE TABLE calls (
         item INTEGER PRIMARY KEY REFERENCES items (seq),
         audio INTEGER NOT NULL,
         video INTEGER NOT NULL,
         ended_ms INTEGER,
         reason TEXT,
         duration_ms INTEGER NOT NULL DEFAULT 0
       ) STRICT;
       CREATE INDEX calls_without_end ON calls (item) WHERE ended_ms IS NULL;
       CREATE TABLE participants (
         call INTEGER NOT NULL REFERENCES calls (item),
         profile TEXT NOT NULL,
         position INTEGER NOT NULL,
         accepted_ms INTEGER,
         connection TEXT,
         outcome TEXT,
         left_ms INTEGER,
         PRIMARY KEY (call, profile)
       ) STRICT, WITHOUT ROWID;
       CREATE TABLE outgoing (
         seq INTEGER PRIMARY KEY,
         id TEXT NOT NULL UNIQUE,
         body TEXT NOT NULL,
         at_ms INTEGER NOT NULL,
         due_ms INTEGER NOT NULL,
         attempts INTEGER NOT NULL DEFAULT 0
       ) STRICT;
       CREATE INDEX outgoing_by_due ON outgoing (due_ms);

       -- What was, in the order of its beginning; where that is equal, the founder first.
       CREATE TABLE old_items (
         seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, chain TEXT NOT NULL, at_ms INTEGER NOT NULL
       ) STRICT;
       INSERT INTO old_items (id, chain, at_ms)
         SELECT id, chain, at_ms FROM (
           SELECT id, chain, started_ms AS at_ms, id <> chain AS later FROM old_calls
           UNION ALL
           SELECT chain, chain, min(started_ms), 0 FROM old_calls
             WHERE chain NOT IN (SELECT id FROM old_calls) GROUP BY chain)
         ORDER BY at_ms, later, id;
       INSERT INTO items (seq, id, chain, at_ms)
         SELECT o.seq, o.id, f.seq, o.at_ms FROM old_items o JOIN old_items f ON f.id = o.chain;
       INSERT INTO calls (item, audio, video, ended_ms, reason, duration_ms)
         SELECT o.seq, c.audio, c.video, c.ended_ms, c.reason, c.duration_ms
         FROM old_items o JOIN old_calls c USING (id);
       INSERT INTO participants
         SELECT o.seq, p.profile, p.position, p.accepted_ms, p.connection, p.outcome, p.left_ms
         FROM old_items o JOIN old_participants p ON p.call = o.id;
       INSERT INTO members (chain, profile, position, newest)
         SELECT f.seq, p.profile, p.position, (SELECT max(seq) FROM items WHERE chain = f.seq)
         FROM old_items f JOIN old_participants p
           ON p.call = (SELECT c.id FROM old_calls c WHERE c.chain = f.id
                        ORDER BY c.id <> c.chain, c.started_ms, c.id LIMIT 1)
         WHERE f.chain = f.id;
       DROP TABLE old_items;
       DROP TABLE old_participants;
       DROP TABLE old_calls;)";

// Recordings name their call by its id: one may run in a call that the disk refused to store.
// `over_ms` NULL: it runs. `by_whom` is a profile.
constexpr const char* kRecordings =
    R"(CREATE TABLE recordings (
         seq INTEGER PRIMARY KEY,
         id TEXT NOT NULL UNIQUE,
         call TEXT NOT NULL,
         layout TEXT NOT NULL,
         format TEXT NOT NULL,
         policy TEXT NOT NULL,
         by_whom TEXT NOT NULL,
         began_ms INTEGER NOT NULL,
         state TEXT NOT NULL DEFAULT 'running',
         message TEXT NOT NULL DEFAULT '',
         offset_us INTEGER,
         over_ms INTEGER
       ) STRICT;
       CREATE INDEX recordings_of_call ON recordings (call);
       CREATE INDEX recordings_by_end ON recordings (over_ms);
       CREATE TABLE recording_parts (
         recording INTEGER NOT NULL REFERENCES recordings (seq) ON DELETE CASCADE,
         file TEXT NOT NULL,
         owner TEXT NOT NULL,
         source TEXT NOT NULL,
         codec TEXT NOT NULL,
         start_ms INTEGER NOT NULL,
         duration_ms INTEGER NOT NULL,
         bytes INTEGER NOT NULL,
         closed INTEGER NOT NULL,
         recovered INTEGER NOT NULL,
         gaps TEXT NOT NULL,
         PRIMARY KEY (recording, file)
       ) STRICT, WITHOUT ROWID;
       CREATE INDEX open_recording_parts ON recording_parts (recording) WHERE closed = 0;)";

// Step n leads from version n to n + 1, and is never changed once released: a later one corrects
// it.
constexpr std::array kSteps = {kFirst, kOneOrder, kRecordings};

Result<void> run_step(Database& database, std::size_t version) {
  const std::string sql = fmt::format(
      "BEGIN IMMEDIATE; {} PRAGMA application_id = {}; PRAGMA user_version = {}; COMMIT;",
      kSteps.at(version), kApplicationId, version + 1);
  auto ran = database.run(sql.c_str());
  if (!ran) database.roll_back();
  return ran;
}

Result<void> check_owner(Database& database, const std::string& path, std::int64_t version) {
  const auto id = database.number("PRAGMA application_id");
  if (!id) return tl::unexpected(id.error());
  const auto tables = database.number("SELECT count(*) FROM sqlite_schema");
  if (!tables) return tl::unexpected(tables.error());
  const bool empty = *id == 0 && version == 0 && *tables == 0;
  if (empty || *id == kApplicationId) return {};
  return fail(Code::kConflict,
              fmt::format("{} is another program's database; name another file.", path));
}

Result<void> configure(Database& database, const std::string& path) {
  const auto mode = database.text("PRAGMA journal_mode = WAL");
  if (!mode) return tl::unexpected(mode.error());
  if (*mode != "wal")
    return fail(Code::kUnavailable,
                fmt::format("{}: SQLite cannot keep a write-ahead log there (it offers: {}).", path,
                            *mode));
  // The log shrinks back to 64 MiB after a burst (our choice); it grows while a reader holds it up.
  return database.run(
      "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA journal_size_limit = 67108864;");
}

}  // namespace

Result<void> prepare_schema(Database& database, const std::string& path) {
  const auto version = database.number("PRAGMA user_version");
  if (!version) return tl::unexpected(version.error());
  if (auto ours = check_owner(database, path, *version); !ours) return ours;
  if (*version < 0 || *version > static_cast<std::int64_t>(kSteps.size()))
    return fail(Code::kConflict,
                fmt::format("{} has schema version {}, and this version of Parley knows up to {}; "
                            "use the newer version that wrote it, or name another file.",
                            path, *version, kSteps.size()));
  if (auto configured = configure(database, path); !configured) return configured;
  for (auto step = static_cast<std::size_t>(*version); step < kSteps.size(); ++step)
    if (auto ran = run_step(database, step); !ran) return ran;
  return {};
}

}  // namespace parley::store
