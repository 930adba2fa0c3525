#include "store/store.h"

#include <fmt/format.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "store/file.h"
#include "store/schema.h"
#include "store/sqlite.h"
#include "store/worker.h"

namespace parley::store {
namespace {

using base::Code;
using base::fail;
using base::Result;

// SQLite removes the log when it closes the file.
bool was_left_open(const std::string& path) {
  std::error_code none;
  const auto size = std::filesystem::file_size(path + "-wal", none);
  return !none && size > 0;
}

// Reads every page. Costs what reading the file costs, and so only after an unclean end.
Result<void> check_whole(Database& database, const std::string& path) {
  const auto found = database.text("PRAGMA quick_check(1)");
  if (!found) return tl::unexpected(found.error());
  if (*found != "ok") return fail(Code::kUnavailable, damage(path, *found));
  return {};
}

Result<Tables> prepare_tables(Database& database) {
  auto records = Records::prepare(database);
  if (!records) return tl::unexpected(records.error());
  auto history = History::prepare(database);
  if (!history) return tl::unexpected(history.error());
  auto outbox = Outbox::prepare(database);
  if (!outbox) return tl::unexpected(outbox.error());
  auto recordings = Recordings::prepare(database);
  if (!recordings) return tl::unexpected(recordings.error());
  return Tables{std::move(*records), std::move(*history), std::move(*outbox),
                std::move(*recordings)};
}

}  // namespace

Store::Store(std::unique_ptr<Worker> worker, Opening opening)
    : worker_(std::move(worker)), opening_(opening) {}
Store::~Store() = default;

Result<std::unique_ptr<Store>> Store::open(const std::string& path, base::WallTime now,
                                           StoreOptions options) {
  if (auto made = make_private(path); !made) return tl::unexpected(made.error());
  auto lock = FileLock::take(path);
  if (!lock) return tl::unexpected(lock.error());
  Opening opening;
  opening.unclean = was_left_open(path);
  auto database = Database::open(path);
  if (!database) return tl::unexpected(database.error());
  if (opening.unclean)
    if (auto whole = check_whole(*database, path); !whole) return tl::unexpected(whole.error());
  if (auto ready = prepare_schema(*database, path); !ready) return tl::unexpected(ready.error());
  auto tables = prepare_tables(*database);
  if (!tables) return tl::unexpected(tables.error());
  const auto closed = in_transaction(*database, [&]() -> Result<void> {
    const auto failed = tables->records.fail_open_calls(now);
    if (!failed) return tl::unexpected(failed.error());
    opening.failed_calls = *failed;
    return {};
  });
  if (!closed) return tl::unexpected(closed.error());
  return std::unique_ptr<Store>(
      new Store(std::make_unique<Worker>(std::move(*lock), std::move(*database), std::move(*tables),
                                         std::move(options)),
                opening));
}

void Store::submit(std::vector<Record> records, std::function<void(Result<void>)> done) {
  worker_->submit({std::move(records), std::move(done)});
}

void Store::find_call(const base::CallId& call, std::function<void(Result<StoredCall>)> done) {
  worker_->look_up<StoredCall>([call](Tables& t) { return t.history.find_call(call); },
                               std::move(done));
}

void Store::find_chain(const base::ChainId& chain, std::function<void(Result<StoredChain>)> done) {
  worker_->look_up<StoredChain>([chain](Tables& t) { return t.history.find_chain(chain); },
                                std::move(done));
}

void Store::list_chains(std::vector<base::ProfileId> profiles, std::optional<base::ChainId> before,
                        std::size_t limit, std::function<void(Result<Page<ChainSummary>>)> done) {
  worker_->look_up<Page<ChainSummary>>(
      [profiles = std::move(profiles), before = std::move(before), limit](Tables& t) {
        return t.history.list(profiles, before, limit);
      },
      std::move(done));
}

void Store::read_history(std::vector<base::ProfileId> profiles, const base::ChainId& chain,
                         std::optional<std::string> before, std::size_t limit,
                         std::function<void(Result<Page<StoredItem>>)> done) {
  worker_->look_up<Page<StoredItem>>(
      [profiles = std::move(profiles), chain, before = std::move(before), limit](Tables& t) {
        return t.history.read(profiles, chain, before, limit);
      },
      std::move(done));
}

void Store::due_outgoing(base::WallTime now, std::size_t limit,
                         std::function<void(Result<std::vector<DueOutgoing>>)> done) {
  worker_->look_up_when_writable<std::vector<DueOutgoing>>(
      [now, limit](Tables& t) { return t.outbox.due(now, limit); }, std::move(done));
}

void Store::forget_outgoing(const std::string& id) { worker_->submit({OutgoingForgotten{id}, {}}); }

void Store::put_off_outgoing(const std::string& id, base::WallTime next) {
  worker_->submit({OutgoingPutOff{id, next}, {}});
}

void Store::find_recording(const base::JobId& recording, RecordingFilter filter,
                           std::function<void(Result<StoredRecording>)> done) {
  worker_->look_up<StoredRecording>([recording, filter = std::move(filter)](
                                        Tables& t) { return t.recordings.find(recording, filter); },
                                    std::move(done));
}

void Store::list_recordings(RecordingFilter filter, std::optional<base::JobId> before,
                            std::size_t limit,
                            std::function<void(Result<Page<StoredRecording>>)> done) {
  worker_->look_up<Page<StoredRecording>>(
      [filter = std::move(filter), before = std::move(before), limit](Tables& t) {
        return t.recordings.list(filter, before, limit);
      },
      std::move(done));
}

void Store::stale_recordings(std::function<void(Result<std::vector<StoredRecording>>)> done) {
  worker_->look_up<std::vector<StoredRecording>>([](Tables& t) { return t.recordings.stale(); },
                                                 std::move(done));
}

void Store::expired_recordings(base::WallTime time, std::size_t skip, std::size_t limit,
                               std::function<void(Result<std::vector<StoredRecording>>)> done) {
  worker_->look_up<std::vector<StoredRecording>>(
      [time, skip, limit](Tables& t) { return t.recordings.expired(time, skip, limit); },
      std::move(done));
}

StoreStats Store::stats() const { return worker_->stats(); }
Opening Store::opening() const { return opening_; }

}  // namespace parley::store
