#include "store/store.h"

#include <glib.h>
#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <span>
#include <thread>
#include <utility>

#include "store/file.h"
#include "store/records.h"
#include "store/schema.h"
#include "store/sqlite.h"
#include "wrap/mailbox.h"

namespace parley::store {
namespace {

using base::Code;
using base::Result;

struct Submission {
  std::vector<Record> records;
  std::function<void(Result<void>)> done;
};
struct Lookup {
  base::CallId call;
  std::function<void(Result<StoredCall>)> done;
};
using Job = std::variant<Submission, Lookup>;

using Answer = std::function<void()>;

GMainContext* openers_context() {
  GMainContext* context = g_main_context_get_thread_default();
  return context == nullptr ? g_main_context_default() : context;
}

// All of one transaction, or nothing of it.
template <class Work>
Result<void> in_transaction(Database& database, Work work) {
  auto result = database.run("BEGIN IMMEDIATE");
  if (result) result = work();
  if (result) result = database.run("COMMIT");
  if (!result) database.roll_back();
  return result;
}

}  // namespace

// Members above the line belong to the store's thread once it runs; those below are shared.
class Store::Impl {
 public:
  Impl(FileLock lock, Database database, Records records)
      : lock_(std::move(lock)),
        database_(std::move(database)),
        records_(std::move(records)),
        answers_(openers_context(),
                 [](std::vector<Answer>& answers) {
                   for (const Answer& answer : answers) answer();
                 }),
        outbox_(answers_.box()),
        thread_([this] { run(); }) {}

  ~Impl() {
    {
      const std::scoped_lock lock(mutex_);
      closing_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void add(Job job) {
    {
      const std::scoped_lock lock(mutex_);
      queue_.push_back(std::move(job));
    }
    wake_.notify_one();
  }

  [[nodiscard]] StoreStats stats() const {
    const std::scoped_lock lock(mutex_);
    return {commits_, committed_records_, failures_, queue_.size()};
  }

 private:
  void run() {
    pthread_setname_np(pthread_self(), "parley-store");
    for (std::vector<Job> jobs = wait(); !jobs.empty(); jobs = wait()) work_on(jobs);
  }

  // All that is queued; nothing when the store closes.
  std::vector<Job> wait() {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return closing_ || !queue_.empty(); });
    return std::exchange(queue_, {});
  }

  void work_on(std::vector<Job>& jobs) {
    std::vector<Submission> group;
    for (Job& job : jobs) {
      if (auto* submission = std::get_if<Submission>(&job)) {
        group.push_back(std::move(*submission));
        continue;
      }
      commit(std::exchange(group, {}));
      look_up(std::move(std::get<Lookup>(job)));
    }
    commit(std::move(group));
  }

  void commit(std::vector<Submission> group) {
    if (group.empty()) return;
    const auto result = store(group);
    // Where one set of records is at fault the others must not suffer; where the disk is, every
    // one of them would only wait for it again.
    if (result || group.size() == 1 || result.error().code == Code::kUnavailable) {
      for (Submission& submission : group) answer(std::move(submission), result);
      return;
    }
    for (Submission& submission : group) {
      const auto single = store(std::span(&submission, 1));
      answer(std::move(submission), single);
    }
  }

  Result<void> store(std::span<const Submission> group) {
    auto result = in_transaction(database_, [&]() -> Result<void> {
      for (const Submission& submission : group)
        for (const Record& record : submission.records)
          if (auto applied = records_.apply(record); !applied) return applied;
      return {};
    });
    if (result) ++commits_;
    return result;
  }

  void answer(Submission submission, const Result<void>& result) {
    if (result)
      committed_records_ += submission.records.size();
    else
      ++failures_;
    if (!submission.done) return;
    outbox_->post([done = std::move(submission.done), result] { done(result); });
  }

  void look_up(Lookup lookup) {
    auto found = records_.find(lookup.call);
    if (!lookup.done) return;
    outbox_->post([done = std::move(lookup.done), found = std::move(found)] { done(found); });
  }

  FileLock lock_;      // outlives the database
  Database database_;  // outlives its statements
  Records records_;
  wrap::ContextMailbox<Answer> answers_;  // the opener's thread
  // ---------------------------------------------------------------------------------------------
  std::shared_ptr<wrap::ContextMailbox<Answer>::Box> outbox_;
  std::atomic<std::uint64_t> commits_{0};
  std::atomic<std::uint64_t> committed_records_{0};
  std::atomic<std::uint64_t> failures_{0};
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Job> queue_;  // guarded by mutex_
  bool closing_ = false;    // guarded by mutex_
  std::thread thread_;      // last: it uses all of the above
};

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::~Store() = default;

Result<std::unique_ptr<Store>> Store::open(const std::string& path, base::WallTime now) {
  if (auto made = make_private(path); !made) return tl::unexpected(made.error());
  auto lock = FileLock::take(path);
  if (!lock) return tl::unexpected(lock.error());
  auto database = Database::open(path);
  if (!database) return tl::unexpected(database.error());
  if (auto ready = prepare_schema(*database, path); !ready) return tl::unexpected(ready.error());
  auto records = Records::prepare(*database);
  if (!records) return tl::unexpected(records.error());
  const auto closed = in_transaction(*database, [&] { return records->fail_open_calls(now); });
  if (!closed) return tl::unexpected(closed.error());
  return std::unique_ptr<Store>(new Store(
      std::make_unique<Impl>(std::move(*lock), std::move(*database), std::move(*records))));
}

void Store::submit(std::vector<Record> records, std::function<void(Result<void>)> done) {
  impl_->add(Submission{std::move(records), std::move(done)});
}

void Store::find_call(const base::CallId& call, std::function<void(Result<StoredCall>)> done) {
  impl_->add(Lookup{call, std::move(done)});
}

StoreStats Store::stats() const { return impl_->stats(); }

}  // namespace parley::store
