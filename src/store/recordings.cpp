#include "store/recordings.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <string>
#include <utility>

namespace parley::store {
namespace {

using base::Code;
using base::fail;
using base::Result;

#define RECORDING_COLUMNS                                                                       \
  "SELECT seq, id, call, layout, format, policy, by_whom, began_ms, state, message, offset_us," \
  " over_ms FROM recordings "

// ?1: the call, or NULL. ?2: ids between commas, which are no character of theirs; NULL: anybody.
// Who was asked into a call and never was in it has no part in its recording.
#define RECORDING_FILTER                                          \
  " (?1 IS NULL OR call = ?1) AND (?2 IS NULL OR EXISTS ("        \
  "SELECT 1 FROM items JOIN participants p ON p.call = items.seq" \
  " WHERE items.id = recordings.call"                             \
  " AND (p.position = 0 OR p.accepted_ms IS NOT NULL)"            \
  " AND instr(?2, ',' || p.profile || ',') > 0)) "

std::string joined(const std::vector<base::ProfileId>& profiles) {
  std::string all = ",";
  for (const base::ProfileId& one : profiles) all += one.str() + ",";
  return all;
}

std::int64_t micros(double ms) { return std::llround(ms * 1000); }

StoredRecording read_row(const Row& row) {
  StoredRecording r;
  r.began = {base::JobId(row.text(1)),
             base::CallId(row.text(2)),
             row.text(3),
             row.text(4),
             row.text(5),
             row.text(6),
             wall(row.number(7))};
  r.state = row.text(8);
  r.message = row.text(9);
  if (const auto offset = row.optional_number(10))
    r.offset_ms = static_cast<double>(*offset) / 1000;
  if (const auto over = row.optional_number(11)) r.over = wall(*over);
  return r;
}

RecordingPart read_part(const Row& row, const base::JobId& recording) {
  return {.recording = recording,
          .file = row.text(0),
          .owner = row.text(1),
          .source = row.text(2),
          .codec = row.text(3),
          .start_ms = row.number(4),
          .duration_ms = row.number(5),
          .bytes = static_cast<std::uint64_t>(row.number(6)),
          .closed = row.number(7) != 0,
          .recovered = row.number(8) != 0,
          .gaps = row.text(9)};
}

tl::unexpected<base::Error> unknown(const base::JobId& recording) {
  return fail(Code::kNotFound, fmt::format("Recording {} is not stored.", recording.str()));
}

}  // namespace

Result<Recordings> Recordings::prepare(Database& database) {
  Recordings r;
  auto prepared = database.prepare_all({
      {&r.begin_,
       "INSERT INTO recordings (id, call, layout, format, policy, by_whom, began_ms)"
       " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"},
      {&r.number_, "SELECT seq FROM recordings WHERE id = ?1"},
      // A closed part stays as it was closed, whatever comes late.
      {&r.put_part_,
       "INSERT INTO recording_parts (recording, file, owner, source, codec, start_ms, duration_ms,"
       " bytes, closed, recovered, gaps) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
       " ON CONFLICT DO UPDATE SET owner = excluded.owner, source = excluded.source,"
       " codec = excluded.codec, start_ms = excluded.start_ms, duration_ms = excluded.duration_ms,"
       " bytes = excluded.bytes, closed = excluded.closed, recovered = excluded.recovered,"
       " gaps = excluded.gaps WHERE recording_parts.closed = 0"},
      {&r.end_,
       "UPDATE recordings SET state = ?2, message = ?3, over_ms = ?4"
       " WHERE seq = ?1 AND over_ms IS NULL"},
      {&r.measure_, "UPDATE recordings SET offset_us = ?2 WHERE seq = ?1"},
      {&r.drop_, "DELETE FROM recordings WHERE seq = ?1 AND over_ms IS NOT NULL"},
      {&r.find_, RECORDING_COLUMNS "WHERE id = ?3 AND" RECORDING_FILTER},
      {&r.list_,
       RECORDING_COLUMNS "WHERE seq < ?3 AND" RECORDING_FILTER "ORDER BY seq DESC LIMIT ?4"},
      {&r.stale_, RECORDING_COLUMNS
       "WHERE over_ms IS NULL OR seq IN (SELECT recording FROM recording_parts WHERE closed = 0)"
       " ORDER BY seq"},
      {&r.expired_,
       RECORDING_COLUMNS "WHERE over_ms < ?1 ORDER BY over_ms, seq LIMIT ?2 OFFSET ?3"},
      {&r.parts_,
       "SELECT file, owner, source, codec, start_ms, duration_ms, bytes, closed, recovered, gaps"
       " FROM recording_parts WHERE recording = ?1 ORDER BY start_ms, file"},
  });
  if (!prepared) return tl::unexpected(prepared.error());
  return r;
}

Result<std::int64_t> Recordings::number_of(const base::JobId& recording) {
  const auto number = number_.number(recording.str());
  if (!number) return tl::unexpected(number.error());
  if (!*number) return unknown(recording);
  return **number;
}

Result<void> Recordings::store(const RecordingBegan& r) {
  auto begun =
      begin_.run(r.recording.str(), r.call.str(), r.layout, r.format, r.policy, r.by, millis(r.at));
  if (begun || begun.error().code != Code::kConflict) return begun;
  return fail(Code::kConflict, fmt::format("Recording {} is stored already.", r.recording.str()));
}

Result<void> Recordings::store(const RecordingPart& p) {
  const auto number = number_of(p.recording);
  if (!number) return tl::unexpected(number.error());
  return put_part_.run(*number, p.file, p.owner, p.source, p.codec, p.start_ms, p.duration_ms,
                       static_cast<std::int64_t>(p.bytes), std::int64_t{p.closed},
                       std::int64_t{p.recovered}, p.gaps);
}

Result<void> Recordings::store(const RecordingMeasured& r) {
  const auto number = number_of(r.recording);
  if (!number) return tl::unexpected(number.error());
  return measure_.run(*number, micros(r.offset_ms));
}

Result<void> Recordings::store(const RecordingOver& r) {
  const auto number = number_of(r.recording);
  if (!number) return tl::unexpected(number.error());
  return end_.run(*number, r.state, r.message, millis(r.at));
}

Result<void> Recordings::store(const RecordingDeleted& r) {
  const auto number = number_of(r.recording);
  if (!number) return tl::unexpected(number.error());
  auto dropped = drop_.run(*number);
  if (dropped && drop_.changes() == 0)
    return fail(Code::kConflict,
                fmt::format("Recording {} still runs; stop it first.", r.recording.str()));
  return dropped;
}

template <class... Args>
Result<std::vector<StoredRecording>> Recordings::read(Statement& statement, const Args&... args) {
  std::vector<StoredRecording> found;
  std::vector<std::int64_t> numbers;
  auto ran = statement.each(
      [&](const Row& row) {
        numbers.push_back(row.number(0));
        found.push_back(read_row(row));
      },
      args...);
  for (std::size_t i = 0; ran && i < found.size(); ++i) ran = add_parts(found[i], numbers[i]);
  if (!ran) return tl::unexpected(ran.error());
  return found;
}

Result<void> Recordings::add_parts(StoredRecording& recording, std::int64_t number) {
  return parts_.each(
      [&](const Row& row) { recording.parts.push_back(read_part(row, recording.began.recording)); },
      number);
}

// Statements bind NULL by its type: one call for each of what a filter can be.
template <class Run>
auto with_filter(const RecordingFilter& filter, Run run) {
  if (filter.call && !filter.profiles.empty())
    return run(filter.call->str(), joined(filter.profiles));
  if (filter.call) return run(filter.call->str(), nullptr);
  if (!filter.profiles.empty()) return run(nullptr, joined(filter.profiles));
  return run(nullptr, nullptr);
}

Result<StoredRecording> Recordings::find(const base::JobId& recording,
                                         const RecordingFilter& filter) {
  auto found = with_filter(filter, [&](const auto& call, const auto& profiles) {
    return read(find_, call, profiles, recording.str());
  });
  if (!found) return tl::unexpected(found.error());
  if (found->empty()) return unknown(recording);
  return std::move(found->front());
}

Result<Page<StoredRecording>> Recordings::list(const RecordingFilter& filter,
                                               const std::optional<base::JobId>& before,
                                               std::size_t limit) {
  std::int64_t below = std::numeric_limits<std::int64_t>::max();
  if (before) {
    const auto number = number_of(*before);
    if (!number) return tl::unexpected(number.error());
    below = *number;
  }
  auto found = with_filter(filter, [&](const auto& call, const auto& profiles) {
    return read(list_, call, profiles, below, static_cast<std::int64_t>(limit) + 1);
  });
  if (!found) return tl::unexpected(found.error());
  Page<StoredRecording> page{std::move(*found), false};
  page.more = page.items.size() > limit;
  if (page.more) page.items.pop_back();
  return page;
}

Result<std::vector<StoredRecording>> Recordings::stale() { return read(stale_); }

Result<std::vector<StoredRecording>> Recordings::expired(base::WallTime time, std::size_t skip,
                                                         std::size_t limit) {
  return read(expired_, millis(time), static_cast<std::int64_t>(limit),
              static_cast<std::int64_t>(skip));
}

}  // namespace parley::store
