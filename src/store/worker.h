// The store's thread: commits in groups what was submitted, and looks things up in between.
//
// Everything that came while the last commit went to disk is the next transaction, up to a size
// that keeps answers coming. What contradicts the tables refuses only itself. When the disk
// refuses, texts are turned away at the door, and the disk is tried again by itself.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "base/result.h"
#include "store/file.h"
#include "store/history.h"
#include "store/outbox.h"
#include "store/recordings.h"
#include "store/records.h"
#include "store/sqlite.h"
#include "store/store.h"
#include "wrap/mailbox.h"

namespace parley::store {

// All of one transaction, or nothing of it.
template <class Work>
base::Result<void> in_transaction(Database& database, Work work) {
  auto result = database.run("BEGIN IMMEDIATE");
  if (result) result = work();
  if (result) result = database.run("COMMIT");
  if (!result) database.roll_back();
  return result;
}

// A call back to the opener's thread.
using Answer = std::function<void()>;

struct Tables {
  Records records;
  History history;
  Outbox outbox;
  Recordings recordings;
};

struct Submission {
  std::variant<std::vector<Record>, OutgoingForgotten, OutgoingPutOff> what;
  std::function<void(base::Result<void>)> done;
};

// Owned by the thread that opened the store; submit(), look_up() and stats() from any.
class Worker {
 public:
  Worker(FileLock lock, Database database, Tables tables, StoreOptions options);
  // Commits what was submitted.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void submit(Submission submission);
  // `read` is called on the store's thread.
  template <class T, class Read>
  void look_up(Read read, std::function<void(base::Result<T>)> done) {
    const bool queued = queue_lookup([read = std::move(read), done](Tables& tables) -> Answer {
      return [done, result = read(tables)] { done(result); };
    });
    if (!queued)
      outbox_->post([done] {
        done(base::fail(base::Code::kUnavailable, "Too many look-ups wait for the disk."));
      });
  }
  // Refused while the disk refuses.
  template <class T, class Read>
  void look_up_when_writable(Read read, std::function<void(base::Result<T>)> done) {
    look_up<T>(
        [this, read = std::move(read)](Tables& tables) -> base::Result<T> {
          if (const auto refusal = disk_refusal(); !refusal.empty())
            return base::fail(base::Code::kUnavailable, refusal);
          return read(tables);
        },
        std::move(done));
  }
  [[nodiscard]] StoreStats stats() const;

 private:
  struct Lookup {
    std::uint64_t behind = 0;  // how many submissions it is to see
    std::function<Answer(Tables&)> read;
  };
  struct Round {
    std::vector<Submission> group;
    std::vector<Lookup> lookups;
    bool probe = false;
  };
  using Clock = std::chrono::steady_clock;

  void run();
  [[nodiscard]] std::optional<Round> next_round();
  void commit(std::vector<Submission> group);
  [[nodiscard]] base::Result<void> commit_all(const std::vector<Submission>& group);
  [[nodiscard]] std::vector<base::Result<void>> commit_each(const std::vector<Submission>& group);
  [[nodiscard]] base::Result<void> apply(const Submission& submission);
  [[nodiscard]] base::Result<void> apply(const Record& record);
  void answer(Submission submission, const base::Result<void>& result);
  void probe();
  void disk_said(const base::Result<void>& result);
  [[nodiscard]] bool queue_lookup(std::function<Answer(Tables&)> read);
  [[nodiscard]] std::string disk_refusal() const;
  [[nodiscard]] std::string refusal() const;  // with mutex_ held; empty: accepting
  void tell_readiness();                      // with mutex_ held

  const FileLock lock_;  // outlives the database
  // The store's thread only.
  Database database_;  // outlives its statements
  Tables tables_;
  std::vector<Submission> postponed_;  // changes of the outbox that the disk refused
  Clock::time_point probe_due_;

  const StoreOptions options_;
  wrap::ContextMailbox<Answer> answers_;  // the opener's thread
  const std::shared_ptr<wrap::ContextMailbox<Answer>::Box> outbox_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  // Below: guarded by mutex_.
  std::deque<Submission> submissions_;
  std::deque<Lookup> lookups_;
  std::uint64_t submitted_ = 0;
  std::uint64_t taken_ = 0;   // of them
  std::string disk_refusal_;  // empty: the last commit succeeded
  bool full_ = false;
  bool told_accepting_ = true;
  bool closing_ = false;
  StoreStats stats_;

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace parley::store
