#include "store/outbox.h"

namespace parley::store {

using base::Result;

Result<Outbox> Outbox::prepare(Database& database) {
  Outbox o;
  auto prepared = database.prepare_all({
      {&o.due_,
       "SELECT id, body, at_ms, attempts FROM outgoing WHERE due_ms <= ?1"
       " ORDER BY due_ms, seq LIMIT ?2"},
      {&o.forget_, "DELETE FROM outgoing WHERE id = ?1"},
      {&o.put_off_, "UPDATE outgoing SET due_ms = ?2, attempts = attempts + 1 WHERE id = ?1"},
  });
  if (!prepared) return tl::unexpected(prepared.error());
  return o;
}

Result<std::vector<DueOutgoing>> Outbox::due(base::WallTime now, std::size_t limit) {
  std::vector<DueOutgoing> found;
  const auto read = due_.each(
      [&found](const Row& row) {
        found.push_back(
            {{row.text(0), row.text(1), wall(row.number(2))}, static_cast<int>(row.number(3))});
      },
      millis(now), static_cast<std::int64_t>(limit));
  if (!read) return tl::unexpected(read.error());
  return found;
}

Result<void> Outbox::apply(const OutgoingForgotten& change) { return forget_.run(change.id); }

Result<void> Outbox::apply(const OutgoingPutOff& change) {
  return put_off_.run(change.id, millis(change.next));
}

}  // namespace parley::store
