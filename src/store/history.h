// What can be read: calls, chains and their items, by statements prepared once.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "store/sqlite.h"
#include "store/store.h"

namespace parley::store {

// Every page is read along an index, however long the chain and however many there are.
// Thread-compatible; must not outlive its database. The contracts are those of Store.
class History {
 public:
  using Profiles = std::vector<base::ProfileId>;

  [[nodiscard]] static base::Result<History> prepare(Database& database);

  [[nodiscard]] base::Result<StoredCall> find_call(const base::CallId& call);
  [[nodiscard]] base::Result<StoredChain> find_chain(const base::ChainId& chain);
  [[nodiscard]] base::Result<Page<ChainSummary>> list(const Profiles& profiles,
                                                      const std::optional<base::ChainId>& before,
                                                      std::size_t limit);
  [[nodiscard]] base::Result<Page<StoredItem>> read(const Profiles& profiles,
                                                    const base::ChainId& chain,
                                                    const std::optional<std::string>& before,
                                                    std::size_t limit);

 private:
  History() = default;
  [[nodiscard]] base::Result<std::int64_t> number_of(const base::ChainId& chain);
  // Of the newest item of a chain, to one of its members; nullopt: none of them is one.
  [[nodiscard]] base::Result<std::optional<std::int64_t>> newest(std::int64_t chain,
                                                                 const Profiles& profiles);
  [[nodiscard]] base::Result<std::vector<base::ProfileId>> members(std::int64_t chain);
  [[nodiscard]] base::Result<std::vector<StoredParticipant>> participants(std::int64_t call);
  [[nodiscard]] base::Result<ChainSummary> summary(std::int64_t chain);
  [[nodiscard]] base::Result<std::vector<StoredItem>> items(const base::ChainId& chain,
                                                            std::int64_t number,
                                                            std::int64_t before, std::size_t limit);

  Statement find_call_;
  Statement participants_;
  Statement find_chain_;
  Statement chain_id_;
  Statement members_;
  Statement newest_;
  Statement chains_;
  Statement find_item_;
  Statement items_;
};

}  // namespace parley::store
