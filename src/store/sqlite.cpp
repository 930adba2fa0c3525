#include "store/sqlite.h"

#include <fmt/format.h>

#include <chrono>
#include <system_error>
#include <utility>

namespace parley::store {
namespace {

using base::Code;
using base::Result;

// How long to wait for a writer in another process, such as a backup. Our choice; such writers
// hold the file for milliseconds.
constexpr std::chrono::milliseconds kBusyTimeout{2000};

constexpr int kPrimary = 0xff;  // the primary code stands in the low byte of an extended one

Code code_of(int sqlite_code) {
  switch (sqlite_code & kPrimary) {
    case SQLITE_CONSTRAINT:
      return Code::kConflict;
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
    case SQLITE_ERROR:
    case SQLITE_INTERNAL:
    case SQLITE_MISMATCH:
      return Code::kInternal;
    default:
      return Code::kUnavailable;
  }
}

}  // namespace

std::string damage(const std::string& path, const std::string& what) {
  return fmt::format(
      "{} is damaged ({}). Stop parleyd and keep the file; then put a backup in its place, or what "
      "`sqlite3 {} .recover` can save of it, or name another file.",
      path, what, path);
}

base::Error sqlite_error(sqlite3* db) {
  const char* name = sqlite3_db_filename(db, "main");
  const std::string path = name == nullptr ? "" : name;
  const int code = sqlite3_extended_errcode(db);
  switch (code & kPrimary) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return {Code::kUnavailable, damage(path, sqlite3_errmsg(db))};
    case SQLITE_IOERR:  // says little by itself; the system knows more
      return {Code::kUnavailable,
              fmt::format("{}: {} ({})", path, sqlite3_errmsg(db),
                          std::system_category().message(sqlite3_system_errno(db)))};
    default:
      return {code_of(code), fmt::format("{}: {}", path, sqlite3_errmsg(db))};
  }
}

std::int64_t Row::number(int column) const { return sqlite3_column_int64(statement_, column); }

std::string Row::text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (text == nullptr) return {};
  return {text, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::optional<std::int64_t> Row::optional_number(int column) const {
  if (sqlite3_column_type(statement_, column) == SQLITE_NULL) return std::nullopt;
  return number(column);
}

std::optional<std::string> Row::optional_text(int column) const {
  if (sqlite3_column_type(statement_, column) == SQLITE_NULL) return std::nullopt;
  return text(column);
}

int Statement::changes() const { return sqlite3_changes(sqlite3_db_handle(statement_.get())); }

std::int64_t Statement::inserted() const {
  return sqlite3_last_insert_rowid(sqlite3_db_handle(statement_.get()));
}

// A bind fails only for a wrong index or without memory; the step that follows reports either.
void Statement::bind(int index, std::int64_t value) {
  sqlite3_bind_int64(statement_.get(), index, value);
}

void Statement::bind(int index, std::nullptr_t) { sqlite3_bind_null(statement_.get(), index); }

void Statement::bind(int index, const std::string& value) {
  sqlite3_bind_text(statement_.get(), index, value.data(), static_cast<int>(value.size()),
                    SQLITE_STATIC);
}

Result<void> Statement::finish(int code) {
  Result<void> result;
  if (code != SQLITE_DONE)
    result = tl::unexpected(sqlite_error(sqlite3_db_handle(statement_.get())));
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
  return result;
}

Result<Database> Database::open(const std::string& path) {
  sqlite3* raw = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  Database database(raw);  // SQLite wants a connection closed that did not open
  if (code != SQLITE_OK)
    return base::fail(
        Code::kUnavailable,
        fmt::format("{}: {}", path, raw == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(raw)));
  sqlite3_busy_timeout(raw, static_cast<int>(kBusyTimeout.count()));
  return database;
}

Result<void> Database::run(const char* sql) {
  if (sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return tl::unexpected(sqlite_error(db_.get()));
}

Result<Statement> Database::prepare(const char* sql) {
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v3(db_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &raw, nullptr) == SQLITE_OK)
    return Statement(raw);
  return tl::unexpected(sqlite_error(db_.get()));
}

Result<void> Database::prepare_all(std::initializer_list<Prepared> table) {
  for (const auto& [statement, sql] : table) {
    auto prepared = prepare(sql);
    if (!prepared) return tl::unexpected(prepared.error());
    *statement = std::move(*prepared);
  }
  return {};
}

Result<std::string> Database::text(const char* sql) {
  auto statement = prepare(sql);
  if (!statement) return tl::unexpected(statement.error());
  std::string text;
  const auto ran = statement->each([&text](const Row& row) { text = row.text(0); });
  if (!ran) return tl::unexpected(ran.error());
  return text;
}

Result<std::int64_t> Database::number(const char* sql) {
  auto statement = prepare(sql);
  if (!statement) return tl::unexpected(statement.error());
  std::int64_t number = 0;
  const auto ran = statement->each([&number](const Row& row) { number = row.number(0); });
  if (!ran) return tl::unexpected(ran.error());
  return number;
}

void Database::roll_back() {
  if (sqlite3_get_autocommit(db_.get()) == 0)
    sqlite3_exec(db_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
}

}  // namespace parley::store
