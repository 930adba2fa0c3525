// Messages for the application's server that wait to be delivered.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "store/sqlite.h"
#include "store/store.h"

namespace parley::store {

// One was delivered or is given up; one is to be tried later. They name what Store's functions do.
struct OutgoingForgotten {
  std::string id;
};
struct OutgoingPutOff {
  std::string id;
  base::WallTime next;
};

// Thread-compatible; must not outlive its database. Transactions are the caller's.
class Outbox {
 public:
  [[nodiscard]] static base::Result<Outbox> prepare(Database& database);

  [[nodiscard]] base::Result<std::vector<DueOutgoing>> due(base::WallTime now, std::size_t limit);
  // Neither minds when there is no such message.
  [[nodiscard]] base::Result<void> apply(const OutgoingForgotten& change);
  [[nodiscard]] base::Result<void> apply(const OutgoingPutOff& change);

 private:
  Outbox() = default;
  Statement due_;
  Statement forget_;
  Statement put_off_;
};

}  // namespace parley::store
