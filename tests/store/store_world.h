// A folder, a store in it, and functions that wait for its answers by running the main loop.
#pragma once

#include <glib.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "store/store.h"
#include "support/check_main.h"

namespace parley::test {

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
  void run(const std::string& sql) const {
    ck_assert_msg(sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK, "%s: %s",
                  sql.c_str(), sqlite3_errmsg(db_));
  }
  // The rows, a line each, with | between columns.
  [[nodiscard]] std::string rows(const std::string& sql) const {
    std::string text;
    const auto add = [](void* into, int columns, char** values, char**) noexcept {
      auto& out = *static_cast<std::string*>(into);
      for (int i = 0; i < columns; ++i)
        out.append(i == 0 ? "" : "|").append(values[i] == nullptr ? "-" : values[i]);
      out.append("\n");
      return 0;
    };
    ck_assert_msg(sqlite3_exec(db_, sql.c_str(), add, &text, nullptr) == SQLITE_OK, "%s: %s",
                  sql.c_str(), sqlite3_errmsg(db_));
    return text;
  }

 private:
  sqlite3* db_ = nullptr;
};

inline base::WallTime at(std::int64_t ms) { return base::WallTime(std::chrono::milliseconds(ms)); }

inline std::unique_ptr<store::Store> open_store(const std::string& path, std::int64_t now_ms = 1000,
                                                store::StoreOptions options = {}) {
  auto opened = store::Store::open(path, at(now_ms), std::move(options));
  ck_assert_msg(opened.has_value(), "%s", opened ? "" : opened.error().message.c_str());
  return std::move(*opened);
}

inline base::Error refusal(const std::string& path) {
  auto opened = store::Store::open(path, at(1000));
  ck_assert(!opened.has_value());
  return std::move(opened.error());
}

inline void same(const std::string& got, const std::string& expected) {
  ck_assert_msg(got == expected, "'%s' instead of '%s'", got.c_str(), expected.c_str());
}

inline void assert_contains(const std::string& text, const std::string& part) {
  ck_assert_msg(text.find(part) != std::string::npos, "\"%s\" lacks \"%s\"", text.c_str(),
                part.c_str());
}

template <class T>
void assert_code(const base::Result<T>& result, base::Code code) {
  ck_assert_msg(!result.has_value(), "was not refused");
  ck_assert_msg(result.error().code == code, "%s", result.error().message.c_str());
}

inline base::ProfileId profile(const std::string& id) { return base::ProfileId(id); }

inline std::vector<base::ProfileId> profiles(std::initializer_list<const char*> ids) {
  std::vector<base::ProfileId> all;
  for (const char* id : ids) all.emplace_back(id);
  return all;
}

// A call of a with c and b.
inline store::CallStarted started(const std::string& id, const std::string& chain = {},
                                  std::int64_t ms = 100) {
  return {base::CallId(id),
          base::ChainId(chain.empty() ? id : chain),
          profile("a"),
          profiles({"c", "b"}),
          true,
          false,
          at(ms)};
}
inline store::CallEnded ended(const std::string& id) {
  return {base::CallId(id),
          "completed",
          2500,
          {{profile("a"), "completed"}, {profile("b"), "missed"}, {profile("c"), "completed"}},
          at(3000)};
}
// A text of a, which founds its chain when `founders` are given.
inline store::TextSent text(const std::string& id, const std::string& chain,
                            std::initializer_list<const char*> founders = {}) {
  return {base::RequestId(id), base::ChainId(chain), profiles(founders),
          profile("a"),        "body of " + id,      at(200)};
}

// Runs the main loop until `condition`, which another thread may bring about.
template <class Condition>
void iterate_until(Condition condition) {
  const guint tick = g_timeout_add(
      1, [](gpointer) -> gboolean { return G_SOURCE_CONTINUE; }, nullptr);
  while (!condition()) g_main_context_iteration(nullptr, TRUE);
  g_source_remove(tick);
}

// What `ask` hands its argument to is called back with.
template <class T, class Ask>
base::Result<T> await(Ask ask) {
  std::optional<base::Result<T>> result;
  ask([&result](base::Result<T> r) { result = std::move(r); });
  iterate_until([&result] { return result.has_value(); });
  return std::move(result).value_or(tl::unexpected(base::Error{}));
}

inline base::Result<void> submit(store::Store& store, std::vector<store::Record> records) {
  return await<void>([&](auto done) { store.submit(std::move(records), done); });
}

inline void stored(store::Store& store, std::vector<store::Record> records) {
  const auto result = submit(store, std::move(records));
  ck_assert_msg(result.has_value(), "%s", result ? "" : result.error().message.c_str());
}

inline base::Result<store::StoredCall> find(store::Store& store, const std::string& id) {
  return await<store::StoredCall>([&](auto done) { store.find_call(base::CallId(id), done); });
}

template <class T>
T sound(base::Result<T> result) {
  ck_assert_msg(result.has_value(), "%s", result ? "" : result.error().message.c_str());
  return std::move(*result);
}

inline store::StoredCall found(store::Store& store, const std::string& id) {
  return sound(find(store, id));
}

// "-": none.
inline void assert_outcome(const store::StoredCall& call, std::size_t position,
                           const char* outcome) {
  same(call.participants.at(position).outcome.value_or("-"), outcome);
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

}  // namespace parley::test
