// SQLite's connection and prepared statements as values, and its errors as Result.
#pragma once

#include <sqlite3.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/result.h"
#include "base/time.h"

namespace parley::store {

// The present error of a connection, with its path: kConflict for what the schema forbids,
// kUnavailable for what the disk or another process does.
[[nodiscard]] base::Error sqlite_error(sqlite3* db);

// What to tell an operator whose file is not whole.
[[nodiscard]] std::string damage(const std::string& path, const std::string& what);

// How the tables hold times.
[[nodiscard]] inline std::int64_t millis(base::WallTime time) {
  return time.time_since_epoch().count();
}
[[nodiscard]] inline base::WallTime wall(std::int64_t ms) {
  return base::WallTime(std::chrono::milliseconds(ms));
}

// One row, valid within the callback that gets it.
class Row {
 public:
  explicit Row(sqlite3_stmt* statement) : statement_(statement) {}
  [[nodiscard]] std::int64_t number(int column) const;
  [[nodiscard]] std::string text(int column) const;
  [[nodiscard]] std::optional<std::int64_t> optional_number(int column) const;
  [[nodiscard]] std::optional<std::string> optional_text(int column) const;

 private:
  sqlite3_stmt* statement_;
};

// Thread-compatible; must not outlive its connection.
class Statement {
 public:
  Statement() = default;
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

  // Binds `args` to ?1, ?2, … and runs to the end.
  template <class... Args>
  [[nodiscard]] base::Result<void> run(const Args&... args) {
    return each([](const Row&) {}, args...);
  }
  // Calls `on_row` for every row.
  template <class OnRow, class... Args>
  [[nodiscard]] base::Result<void> each(OnRow on_row, const Args&... args) {
    int index = 0;
    (bind(++index, args), ...);
    int code = sqlite3_step(statement_.get());
    for (; code == SQLITE_ROW; code = sqlite3_step(statement_.get())) on_row(Row(statement_.get()));
    return finish(code);
  }
  // Whether there is a row.
  template <class... Args>
  [[nodiscard]] base::Result<bool> any(const Args&... args) {
    bool found = false;
    const auto ran = each([&found](const Row&) { found = true; }, args...);
    if (!ran) return tl::unexpected(ran.error());
    return found;
  }
  // The first column of the last row.
  template <class... Args>
  [[nodiscard]] base::Result<std::optional<std::int64_t>> number(const Args&... args) {
    std::optional<std::int64_t> found;
    const auto ran = each([&found](const Row& row) { found = row.optional_number(0); }, args...);
    if (!ran) return tl::unexpected(ran.error());
    return found;
  }
  // Rows the last run inserted, updated or deleted.
  [[nodiscard]] int changes() const;
  // The number of the row that was inserted last.
  [[nodiscard]] std::int64_t inserted() const;

 private:
  void bind(int index, std::int64_t value);
  void bind(int index, std::nullptr_t null);
  void bind(int index, const std::string& value);  // must live until the run is over
  [[nodiscard]] base::Result<void> finish(int code);

  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

// Thread-compatible: handed from the thread that opens it to the one that works with it.
class Database {
 public:
  // An existing file.
  [[nodiscard]] static base::Result<Database> open(const std::string& path);

  // Runs statements whose rows nobody needs.
  [[nodiscard]] base::Result<void> run(const char* sql);
  [[nodiscard]] base::Result<Statement> prepare(const char* sql);
  // Several at once.
  using Prepared = std::pair<Statement*, const char*>;
  [[nodiscard]] base::Result<void> prepare_all(std::initializer_list<Prepared> table);
  // The first column of the first row.
  [[nodiscard]] base::Result<std::string> text(const char* sql);
  [[nodiscard]] base::Result<std::int64_t> number(const char* sql);
  // Ends a transaction that did not commit, unless SQLite has done so itself.
  void roll_back();

 private:
  struct Close {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
  };
  explicit Database(sqlite3* db) : db_(db) {}
  std::unique_ptr<sqlite3, Close> db_;
};

}  // namespace parley::store
