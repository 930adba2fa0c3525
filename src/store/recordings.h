// Recordings and their parts: what the records about them do, and what can be read.
#pragma once

#include <concepts>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "store/sqlite.h"
#include "store/store.h"

namespace parley::store {

// Thread-compatible; must not outlive its database. Transactions are the caller's. The contracts
// are those of Store.
class Recordings {
 public:
  template <class R>
  static constexpr bool kKnows =
      std::same_as<R, RecordingBegan> || std::same_as<R, RecordingPart> ||
      std::same_as<R, RecordingMeasured> || std::same_as<R, RecordingOver> ||
      std::same_as<R, RecordingDeleted>;

  [[nodiscard]] static base::Result<Recordings> prepare(Database& database);

  // kConflict or kNotFound when the record contradicts what is stored.
  [[nodiscard]] base::Result<void> store(const RecordingBegan& record);
  [[nodiscard]] base::Result<void> store(const RecordingPart& record);
  [[nodiscard]] base::Result<void> store(const RecordingMeasured& record);
  [[nodiscard]] base::Result<void> store(const RecordingOver& record);
  [[nodiscard]] base::Result<void> store(const RecordingDeleted& record);

  [[nodiscard]] base::Result<StoredRecording> find(const base::JobId& recording,
                                                   const RecordingFilter& filter);
  [[nodiscard]] base::Result<Page<StoredRecording>> list(const RecordingFilter& filter,
                                                         const std::optional<base::JobId>& before,
                                                         std::size_t limit);
  [[nodiscard]] base::Result<std::vector<StoredRecording>> stale();
  [[nodiscard]] base::Result<std::vector<StoredRecording>> expired(base::WallTime time,
                                                                   std::size_t skip,
                                                                   std::size_t limit);

 private:
  Recordings() = default;
  [[nodiscard]] base::Result<std::int64_t> number_of(const base::JobId& recording);
  // The rows of a statement whose columns are those of kColumns, and then their parts.
  template <class... Args>
  [[nodiscard]] base::Result<std::vector<StoredRecording>> read(Statement& statement,
                                                                const Args&... args);
  [[nodiscard]] base::Result<void> add_parts(StoredRecording& recording, std::int64_t number);

  Statement begin_;
  Statement number_;
  Statement put_part_;
  Statement measure_;
  Statement end_;
  Statement drop_;
  Statement find_;
  Statement list_;
  Statement stale_;
  Statement expired_;
  Statement parts_;
};

}  // namespace parley::store
