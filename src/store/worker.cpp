#include "store/worker.h"

#include <fmt/format.h>
#include <glib.h>
#include <pthread.h>

#include <algorithm>
#include <utility>

namespace parley::store {
namespace {

using base::Code;
using base::Result;

// Submissions in one transaction: at the 20 µs one takes, answers come every 10 ms or so at worst,
// and the sync costs each little. Our choice.
constexpr std::size_t kGroup = 512;
// Look-ups between two commits; a page of history takes about a millisecond. Our choice.
constexpr std::size_t kLookupsPerRound = 16;
// How often a disk that refuses is tried when nothing else tries it. Our choice.
constexpr std::chrono::milliseconds kProbeInterval{1000};

GMainContext* openers_context() {
  GMainContext* context = g_main_context_get_thread_default();
  return context == nullptr ? g_main_context_default() : context;
}

const std::vector<Record>* records_of(const Submission& submission) {
  return std::get_if<std::vector<Record>>(&submission.what);
}

bool has_text(const Submission& submission) {
  const auto* records = records_of(submission);
  return records != nullptr &&
         std::any_of(records->begin(), records->end(),
                     [](const Record& record) { return std::holds_alternative<TextSent>(record); });
}

}  // namespace

Worker::Worker(FileLock lock, Database database, Tables tables, StoreOptions options)
    : lock_(std::move(lock)),
      database_(std::move(database)),
      tables_(std::move(tables)),
      options_(std::move(options)),
      answers_(openers_context(),
               [](std::vector<Answer>& answers) {
                 for (const Answer& answer : answers) answer();
               }),
      outbox_(answers_.box()),
      thread_([this] { run(); }) {}

Worker::~Worker() {
  {
    const std::scoped_lock lock(mutex_);
    closing_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Worker::submit(Submission submission) {
  {
    const std::scoped_lock lock(mutex_);
    const std::string why = has_text(submission) ? refusal() : std::string();
    if (!why.empty()) {
      ++stats_.failures;
      outbox_->post([done = std::move(submission.done), why] {
        if (done) done(base::fail(Code::kUnavailable, why));
      });
      return;
    }
    submissions_.push_back(std::move(submission));
    ++submitted_;
    full_ = full_ || submissions_.size() >= options_.waiting_submissions;
    tell_readiness();
  }
  wake_.notify_one();
}

bool Worker::queue_lookup(std::function<Answer(Tables&)> read) {
  {
    const std::scoped_lock lock(mutex_);
    if (lookups_.size() >= options_.waiting_lookups) return false;
    lookups_.push_back({submitted_, std::move(read)});
  }
  wake_.notify_one();
  return true;
}

StoreStats Worker::stats() const {
  const std::scoped_lock lock(mutex_);
  StoreStats now = stats_;
  now.waiting = submissions_.size() + lookups_.size();
  now.accepting = refusal().empty();
  return now;
}

void Worker::run() {
  pthread_setname_np(pthread_self(), "parley-store");
  while (auto round = next_round()) {
    if (!round->group.empty() || round->probe) commit(std::move(round->group));
    for (const Lookup& lookup : round->lookups) outbox_->post(lookup.read(tables_));
  }
}

// What is to be done next; nothing when the store closes.
std::optional<Worker::Round> Worker::next_round() {
  std::unique_lock lock(mutex_);
  const auto something = [this] { return closing_ || !submissions_.empty() || !lookups_.empty(); };
  if (disk_refusal_.empty())
    wake_.wait(lock, something);
  else
    wake_.wait_until(lock, probe_due_, something);
  if (closing_ && submissions_.empty() && lookups_.empty()) return std::nullopt;
  Round round;
  while (!submissions_.empty() && round.group.size() < kGroup) {
    round.group.push_back(std::move(submissions_.front()));
    submissions_.pop_front();
    ++taken_;
  }
  while (!lookups_.empty() && lookups_.front().behind <= taken_ &&
         round.lookups.size() < kLookupsPerRound) {
    round.lookups.push_back(std::move(lookups_.front()));
    lookups_.pop_front();
  }
  round.probe = !disk_refusal_.empty() && round.group.empty() && Clock::now() >= probe_due_;
  // Not at each submission that goes in and out of a queue that is just full.
  if (submissions_.size() <= options_.waiting_submissions / 2) full_ = false;
  tell_readiness();
  return round;
}

// With what was postponed. When there is nothing at all, the disk is tried.
void Worker::commit(std::vector<Submission> group) {
  group.insert(group.begin(), std::make_move_iterator(postponed_.begin()),
               std::make_move_iterator(postponed_.end()));
  postponed_.clear();
  if (group.empty()) return probe();
  const auto together = commit_all(group);
  // Where one of them is at fault the others must not suffer; where the disk is, every one of them
  // would only wait for it again.
  const bool each = !together && together.error().code != Code::kUnavailable;
  const auto results =
      each ? commit_each(group) : std::vector<Result<void>>(group.size(), together);
  for (std::size_t i = 0; i < group.size(); ++i) answer(std::move(group[i]), results[i]);
}

Result<void> Worker::commit_all(const std::vector<Submission>& group) {
  auto result = in_transaction(database_, [&]() -> Result<void> {
    for (const Submission& submission : group)
      if (auto applied = apply(submission); !applied) return applied;
    return {};
  });
  disk_said(result);
  return result;
}

// Still one transaction, so that whoever sends nonsense costs the others no sync.
std::vector<Result<void>> Worker::commit_each(const std::vector<Submission>& group) {
  std::vector<Result<void>> results;
  const auto result = in_transaction(database_, [&]() -> Result<void> {
    for (const Submission& submission : group) {
      if (auto begun = database_.run("SAVEPOINT one"); !begun) return begun;
      auto applied = apply(submission);
      if (!applied && applied.error().code == Code::kUnavailable) return applied;
      if (!applied)
        if (auto undone = database_.run("ROLLBACK TO one"); !undone) return undone;
      if (auto ended = database_.run("RELEASE one"); !ended) return ended;
      results.push_back(std::move(applied));
    }
    return {};
  });
  disk_said(result);
  return result ? results : std::vector<Result<void>>(group.size(), result);
}

Result<void> Worker::apply(const Submission& submission) {
  if (const auto* records = records_of(submission)) {
    for (const Record& record : *records)
      if (auto applied = apply(record); !applied) return applied;
    return {};
  }
  if (const auto* forgotten = std::get_if<OutgoingForgotten>(&submission.what))
    return tables_.outbox.apply(*forgotten);
  return tables_.outbox.apply(std::get<OutgoingPutOff>(submission.what));
}

Result<void> Worker::apply(const Record& record) {
  return std::visit(
      [this]<class R>(const R& r) -> Result<void> {
        if constexpr (Recordings::kKnows<R>)
          return tables_.recordings.store(r);
        else
          return tables_.records.store(r);
      },
      record);
}

void Worker::answer(Submission submission, const Result<void>& result) {
  const auto* records = records_of(submission);
  if (records == nullptr && !result && result.error().code == Code::kUnavailable) {
    postponed_.push_back(std::move(submission));
    return;
  }
  {
    const std::scoped_lock lock(mutex_);
    if (!result)
      ++stats_.failures;
    else if (records != nullptr)
      stats_.records += records->size();
  }
  if (!submission.done) return;
  outbox_->post([done = std::move(submission.done), result] { done(result); });
}

// Writes something that changes nothing: the first page, with the version it has.
void Worker::probe() {
  const auto version = database_.number("PRAGMA user_version");
  if (!version) return disk_said(tl::unexpected(version.error()));
  const std::string sql = fmt::format("PRAGMA user_version = {}", *version);
  disk_said(in_transaction(database_, [&] { return database_.run(sql.c_str()); }));
}

// About a transaction that is over: whether the disk works.
void Worker::disk_said(const Result<void>& result) {
  const bool refused = !result && result.error().code == Code::kUnavailable;
  if (refused) probe_due_ = Clock::now() + kProbeInterval;
  const std::scoped_lock lock(mutex_);
  if (result) ++stats_.commits;
  if (refused)
    disk_refusal_ = result.error().message;
  else if (result)
    disk_refusal_.clear();
  tell_readiness();
}

std::string Worker::disk_refusal() const {
  const std::scoped_lock lock(mutex_);
  return disk_refusal_;
}

std::string Worker::refusal() const {
  if (!disk_refusal_.empty()) return disk_refusal_;
  if (full_) return fmt::format("{} submissions wait for the disk.", submissions_.size());
  return {};
}

void Worker::tell_readiness() {
  Readiness now;
  now.why = refusal();
  now.accepting = now.why.empty();
  if (now.accepting == told_accepting_) return;
  told_accepting_ = now.accepting;
  if (options_.on_readiness)
    outbox_->post([tell = options_.on_readiness, now = std::move(now)] { tell(now); });
}

}  // namespace parley::store
