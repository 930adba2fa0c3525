#include "store/records.h"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace parley::store {
namespace {

using base::Code;
using base::fail;
using base::Result;

std::int64_t millis(base::WallTime time) { return time.time_since_epoch().count(); }
base::WallTime wall(std::int64_t ms) { return base::WallTime(std::chrono::milliseconds(ms)); }

tl::unexpected<base::Error> no_participant(const base::CallId& call,
                                           const base::ProfileId& profile) {
  return fail(Code::kNotFound,
              fmt::format("Call {} is not stored as live, or has no participant {} in the store.",
                          call.str(), profile.str()));
}

}  // namespace

Result<Records> Records::prepare(Database& database) {
  Records r;
  const std::array<std::pair<Statement*, const char*>, 10> table = {{
      {&r.add_call_,
       "INSERT INTO calls (id, chain, audio, video, started_ms) VALUES (?1, ?2, ?3, ?4, ?5)"},
      {&r.add_participant_,
       "INSERT INTO participants (call, profile, position, initiator) VALUES (?1, ?2, ?3, ?4)"},
      // The first accept keeps its time; who had left is back.
      {&r.accept_,
       "UPDATE participants SET accepted_ms = coalesce(accepted_ms, ?3), connection = ?4,"
       " outcome = NULL, left_ms = NULL WHERE call = ?1 AND profile = ?2"
       " AND EXISTS (SELECT 1 FROM calls WHERE id = ?1 AND ended_ms IS NULL)"},
      {&r.leave_,
       "UPDATE participants SET outcome = ?3, left_ms = ?4 WHERE call = ?1 AND profile = ?2"
       " AND EXISTS (SELECT 1 FROM calls WHERE id = ?1 AND ended_ms IS NULL)"},
      {&r.end_call_,
       "UPDATE calls SET ended_ms = ?2, reason = ?3, duration_ms = ?4"
       " WHERE id = ?1 AND ended_ms IS NULL"},
      {&r.end_participant_,
       "UPDATE participants SET outcome = ?3, left_ms = coalesce(left_ms, ?4)"
       " WHERE call = ?1 AND profile = ?2"},
      {&r.fail_participants_,
       "UPDATE participants SET outcome = 'failed', left_ms = ?1 WHERE outcome IS NULL"
       " AND call IN (SELECT id FROM calls WHERE ended_ms IS NULL)"},
      {&r.fail_calls_, "UPDATE calls SET ended_ms = ?1, reason = 'failed' WHERE ended_ms IS NULL"},
      {&r.find_call_,
       "SELECT chain, started_ms, ended_ms, reason, duration_ms FROM calls WHERE id = ?1"},
      {&r.find_participants_,
       "SELECT profile, initiator, outcome FROM participants WHERE call = ?1 ORDER BY position"},
  }};
  for (const auto& [statement, sql] : table) {
    auto prepared = database.prepare(sql);
    if (!prepared) return tl::unexpected(prepared.error());
    *statement = std::move(*prepared);
  }
  return r;
}

Result<void> Records::apply(const Record& record) {
  return std::visit([this](const auto& r) { return store(r); }, record);
}

Result<void> Records::store(const CallStarted& record) {
  const std::string& call = record.call.str();
  if (auto ok = add_call_.run(call, record.chain.str(), std::int64_t{record.audio},
                              std::int64_t{record.video}, millis(record.at));
      !ok)
    return ok;
  if (auto ok = add_participant_.run(call, record.from.str(), std::int64_t{0}, std::int64_t{1});
      !ok)
    return ok;
  std::int64_t position = 0;
  for (const base::ProfileId& profile : record.to)
    if (auto ok = add_participant_.run(call, profile.str(), ++position, std::int64_t{0}); !ok)
      return ok;
  return {};
}

Result<void> Records::store(const CallAccepted& record) {
  auto ok = accept_.run(record.call.str(), record.profile.str(), millis(record.at),
                        record.connection.str());
  if (ok && accept_.changes() == 0) return no_participant(record.call, record.profile);
  return ok;
}

Result<void> Records::store(const ParticipantAdded& /*record*/) {
  return fail(Code::kInternal, "not stored yet");
}
Result<void> Records::store(const TextSent& /*record*/) {
  return fail(Code::kInternal, "not stored yet");
}
Result<void> Records::store(const Outgoing& /*record*/) {
  return fail(Code::kInternal, "not stored yet");
}

Result<void> Records::store(const ParticipantLeft& record) {
  auto ok = leave_.run(record.call.str(), record.profile.str(), record.outcome, millis(record.at));
  if (ok && leave_.changes() == 0) return no_participant(record.call, record.profile);
  return ok;
}

Result<void> Records::store(const CallEnded& record) {
  const std::string& call = record.call.str();
  if (auto ok = end_call_.run(call, millis(record.at), record.reason, record.duration_ms); !ok)
    return ok;
  if (end_call_.changes() == 0)
    return fail(Code::kConflict, fmt::format("Call {} is not stored as live.", call));
  for (const auto& [profile, outcome] : record.outcomes) {
    if (auto ok = end_participant_.run(call, profile.str(), outcome, millis(record.at)); !ok)
      return ok;
    if (end_participant_.changes() == 0) return no_participant(record.call, profile);
  }
  return {};
}

Result<void> Records::fail_open_calls(base::WallTime now) {
  if (auto ok = fail_participants_.run(millis(now)); !ok) return ok;
  return fail_calls_.run(millis(now));
}

Result<StoredCall> Records::find(const base::CallId& call) {
  std::optional<StoredCall> found;
  const auto read = find_call_.each(
      [&](const Row& row) {
        StoredCall c;
        c.call = call;
        c.chain = base::ChainId(row.text(0));
        c.started = wall(row.number(1));
        if (const auto ended = row.optional_number(2)) c.ended = wall(*ended);
        c.reason = row.optional_text(3);
        c.duration_ms = row.number(4);
        found = std::move(c);
      },
      call.str());
  if (!read) return tl::unexpected(read.error());
  if (!found) return fail(Code::kNotFound, fmt::format("Call {} is not stored.", call.str()));
  const auto participants = find_participants_.each(
      [&found](const Row& row) {
        found->participants.push_back(
            {base::ProfileId(row.text(0)), row.number(1) != 0, row.optional_text(2)});
      },
      call.str());
  if (!participants) return tl::unexpected(participants.error());
  return std::move(*found);
}

}  // namespace parley::store
