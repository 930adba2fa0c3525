// What each record of calls and texts does to the tables, by statements prepared once.
#pragma once

#include <optional>
#include <vector>

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
  [[nodiscard]] base::Result<void> store(const CallStarted& record);
  [[nodiscard]] base::Result<void> store(const CallAccepted& record);
  [[nodiscard]] base::Result<void> store(const ParticipantAdded& record);
  [[nodiscard]] base::Result<void> store(const ParticipantLeft& record);
  [[nodiscard]] base::Result<void> store(const CallEnded& record);
  [[nodiscard]] base::Result<void> store(const TextSent& record);
  [[nodiscard]] base::Result<void> store(const Outgoing& record);

  // Ends every call that has no end, as `failed`; how many.
  [[nodiscard]] base::Result<int> fail_open_calls(base::WallTime now);

 private:
  Records() = default;
  // The new item's number. It is the newest of its chain, which begins with it when `founders` are
  // given; otherwise the chain must be there, and `from` a member of it (else kConflict).
  using Founders = std::optional<std::vector<base::ProfileId>>;
  [[nodiscard]] base::Result<std::int64_t> add_item(const std::string& id,
                                                    const base::ChainId& chain,
                                                    const base::ProfileId& from, base::WallTime at,
                                                    const Founders& founders);
  [[nodiscard]] base::Result<std::int64_t> own_chain(const base::ChainId& chain,
                                                     const base::ProfileId& member);
  // The number of a chain that begins now.
  [[nodiscard]] base::Result<std::int64_t> found(const base::ChainId& chain, base::WallTime at,
                                                 const std::vector<base::ProfileId>& founders);
  // Of a call without an end; kNotFound.
  [[nodiscard]] base::Result<std::int64_t> live_call(const base::CallId& call);

  Statement add_founder_;
  Statement add_item_;
  Statement find_chain_;
  Statement find_own_chain_;
  Statement add_member_;
  Statement touch_chain_;
  Statement add_text_;
  Statement add_call_;
  Statement find_live_call_;
  Statement add_participant_;
  Statement join_;
  Statement accept_;
  Statement leave_;
  Statement end_call_;
  Statement end_participant_;
  Statement fail_participants_;
  Statement fail_calls_;
  Statement add_outgoing_;
};

}  // namespace parley::store
