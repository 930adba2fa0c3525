// What outlives a restart: calls, their participants and outcomes, in SQLite (WAL).
//
// One thread of its own owns the connection and commits in groups. Callers submit and go on; the
// answer is posted back to the GMainContext that was the default of the thread that opened it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"

namespace parley::store {

struct CallStarted {
  base::CallId call;
  base::ChainId chain;
  base::ProfileId from;
  std::vector<base::ProfileId> to;
  bool audio = true;
  bool video = true;
  base::WallTime at;
};
struct CallAccepted {
  base::CallId call;
  base::ProfileId profile;
  base::ConnectionId connection;
  base::WallTime at;
};
struct ParticipantLeft {
  base::CallId call;
  base::ProfileId profile;
  std::string outcome;
  base::WallTime at;
};
struct CallEnded {
  base::CallId call;
  std::string reason;
  std::int64_t duration_ms = 0;
  std::vector<std::pair<base::ProfileId, std::string>> outcomes;
  base::WallTime at;
};
using Record = std::variant<CallStarted, CallAccepted, ParticipantLeft, CallEnded>;

struct StoredParticipant {
  base::ProfileId profile;
  bool initiator = false;
  std::optional<std::string> outcome;
};
struct StoredCall {
  base::CallId call;
  base::ChainId chain;
  base::WallTime started;
  std::optional<base::WallTime> ended;
  std::optional<std::string> reason;
  std::int64_t duration_ms = 0;
  std::vector<StoredParticipant> participants;
};

struct StoreStats {
  std::uint64_t commits = 0;
  std::uint64_t records = 0;
  std::uint64_t failures = 0;
};

class Store {
 public:
  // Opens or creates the file, brings its schema up to date, and ends calls that were live when
  // the last process died (outcome `failed`). kUnavailable with the path and SQLite's reason.
  [[nodiscard]] static base::Result<std::unique_ptr<Store>> open(const std::string& path,
                                                                 base::WallTime now);
  // Commits what was submitted, then closes.
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Records that belong together; in order with earlier submissions. `done` says whether they are
  // on disk; called in order of submission on the opener's main context.
  void submit(std::vector<Record> records, std::function<void(base::Result<void>)> done);

  // A stored call; kNotFound.
  void find_call(const base::CallId& call, std::function<void(base::Result<StoredCall>)> done);

  [[nodiscard]] StoreStats stats() const;

 private:
  class Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace parley::store
