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

// Step n leads from version n to n + 1, and is never changed once released: a later one corrects
// it. Times are Unix milliseconds. A participant's position 0 is the initiator, then the receivers
// in the order of `to`.
constexpr std::array kSteps = {
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
       CREATE INDEX calls_of_profile ON participants (profile);)",
};

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
