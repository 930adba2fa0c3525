// What each record does to the tables, by statements prepared once.
#pragma once

#include "base/result.h"
#include "base/time.h"
#include "store/sqlite.h"
#include "store/store.h"

namespace parley::store {

// Thread-compatible; must not outlive its database. Transactions are the caller's.
class Records {
 public:
  [[nodiscard]] static base::Result<Records> prepare(Database& database);

  // kConflict or kNotFound when the record contradicts what is stored.
  [[nodiscard]] base::Result<void> apply(const Record& record);

  // Ends every call that has no end, as `failed`.
  [[nodiscard]] base::Result<void> fail_open_calls(base::WallTime now);

  [[nodiscard]] base::Result<StoredCall> find(const base::CallId& call);

 private:
  Records() = default;
  [[nodiscard]] base::Result<void> store(const CallStarted& record);
  [[nodiscard]] base::Result<void> store(const CallAccepted& record);
  [[nodiscard]] base::Result<void> store(const ParticipantAdded& record);
  [[nodiscard]] base::Result<void> store(const TextSent& record);
  [[nodiscard]] base::Result<void> store(const Outgoing& record);
  [[nodiscard]] base::Result<void> store(const ParticipantLeft& record);
  [[nodiscard]] base::Result<void> store(const CallEnded& record);

  Statement add_call_;
  Statement add_participant_;
  Statement accept_;
  Statement leave_;
  Statement end_call_;
  Statement end_participant_;
  Statement fail_participants_;
  Statement fail_calls_;
  Statement find_call_;
  Statement find_participants_;
};

}  // namespace parley::store
