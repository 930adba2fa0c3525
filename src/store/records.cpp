#include "store/records.h"

#include <fmt/format.h>

#include <utility>

namespace parley::store {
namespace {

using base::Code;
using base::fail;
using base::Result;

tl::unexpected<base::Error> no_participant(const base::CallId& call,
                                           const base::ProfileId& profile) {
  return fail(Code::kNotFound, fmt::format("Call {} has no participant {} in the store.",
                                           call.str(), profile.str()));
}

// The tables tell of a taken id in their own words.
Result<void> explain_taken(Result<void> added, const std::string& id) {
  if (added || added.error().code != Code::kConflict) return added;
  return fail(Code::kConflict, fmt::format("Id {} is taken by a call, a text or a chain.", id));
}

}  // namespace

Result<Records> Records::prepare(Database& database) {
  Records r;
  auto prepared = database.prepare_all({
      {&r.add_founder_,
       "INSERT INTO items (seq, id, chain, at_ms) VALUES ((SELECT ifnull(max(seq), 0) + 1"
       " FROM items), ?1, (SELECT ifnull(max(seq), 0) + 1 FROM items), ?2)"},
      {&r.add_item_, "INSERT INTO items (id, chain, at_ms) VALUES (?1, ?2, ?3)"},
      {&r.find_chain_, "SELECT seq FROM items WHERE id = ?1 AND chain = seq"},
      {&r.find_own_chain_,
       "SELECT members.chain FROM items JOIN members ON members.chain = seq"
       " WHERE id = ?1 AND profile = ?2"},
      {&r.add_member_,
       "INSERT OR IGNORE INTO members (chain, profile, position, newest) VALUES (?1, ?2, ?3, ?1)"},
      {&r.touch_chain_, "UPDATE members SET newest = ?2 WHERE chain = ?1"},
      {&r.add_text_, "INSERT INTO texts (item, author, body) VALUES (?1, ?2, ?3)"},
      {&r.add_call_, "INSERT INTO calls (item, audio, video) VALUES (?1, ?2, ?3)"},
      {&r.find_live_call_,
       "SELECT seq FROM items JOIN calls ON item = seq WHERE id = ?1 AND ended_ms IS NULL"},
      {&r.add_participant_,
       "INSERT INTO participants (call, profile, position) VALUES (?1, ?2, ?3)"},
      // Who had left is asked again, and keeps the place.
      {&r.join_,
       "INSERT INTO participants (call, profile, position, outcome, left_ms) VALUES (?1, ?2,"
       " (SELECT max(position) + 1 FROM participants WHERE call = ?1), ?3, ?4)"
       " ON CONFLICT DO UPDATE SET outcome = excluded.outcome, left_ms = excluded.left_ms"},
      // The first accept keeps its time; who had left is back.
      {&r.accept_,
       "UPDATE participants SET accepted_ms = coalesce(accepted_ms, ?3), connection = ?4,"
       " outcome = NULL, left_ms = NULL WHERE call = ?1 AND profile = ?2"},
      {&r.leave_,
       "UPDATE participants SET outcome = ?3, left_ms = ?4 WHERE call = ?1 AND profile = ?2"},
      {&r.end_call_,
       "UPDATE calls SET ended_ms = ?2, reason = ?3, duration_ms = ?4 WHERE item = ?1"},
      {&r.end_participant_,
       "UPDATE participants SET outcome = ?3, left_ms = coalesce(left_ms, ?4)"
       " WHERE call = ?1 AND profile = ?2"},
      {&r.fail_participants_,
       "UPDATE participants SET outcome = 'failed', left_ms = ?1 WHERE outcome IS NULL"
       " AND call IN (SELECT item FROM calls WHERE ended_ms IS NULL)"},
      {&r.fail_calls_, "UPDATE calls SET ended_ms = ?1, reason = 'failed' WHERE ended_ms IS NULL"},
      {&r.add_outgoing_,
       "INSERT INTO outgoing (id, body, at_ms, due_ms) VALUES (?1, ?2, ?3, ?3)"
       " ON CONFLICT (id) DO NOTHING"},
  });
  if (!prepared) return tl::unexpected(prepared.error());
  return r;
}

Result<void> Records::store(const CallStarted& record) {
  std::vector<base::ProfileId> everybody = {record.from};
  everybody.insert(everybody.end(), record.to.begin(), record.to.end());
  // A chain that is not stored is founded here even by a call that did not: the disk refused the
  // one that did.
  const auto chain = find_chain_.number(record.chain.str());
  if (!chain) return tl::unexpected(chain.error());
  const auto item = add_item(record.call.str(), record.chain, record.from, record.at,
                             *chain ? std::nullopt : std::optional(everybody));
  if (!item) return tl::unexpected(item.error());
  if (auto ok = add_call_.run(*item, std::int64_t{record.audio}, std::int64_t{record.video}); !ok)
    return ok;
  std::int64_t position = 0;
  for (const base::ProfileId& profile : everybody)
    if (auto ok = add_participant_.run(*item, profile.str(), position++); !ok) return ok;
  return {};
}

Result<void> Records::store(const CallAccepted& record) {
  const auto call = live_call(record.call);
  if (!call) return tl::unexpected(call.error());
  auto ok = accept_.run(*call, record.profile.str(), millis(record.at), record.connection.str());
  if (ok && accept_.changes() == 0) return no_participant(record.call, record.profile);
  return ok;
}

Result<void> Records::store(const ParticipantAdded& record) {
  const auto call = live_call(record.call);
  if (!call) return tl::unexpected(call.error());
  return join_.run(*call, record.profile.str(), nullptr, nullptr);
}

Result<void> Records::store(const ParticipantLeft& record) {
  const auto call = live_call(record.call);
  if (!call) return tl::unexpected(call.error());
  auto ok = leave_.run(*call, record.profile.str(), record.outcome, millis(record.at));
  if (ok && leave_.changes() == 0) return no_participant(record.call, record.profile);
  return ok;
}

Result<void> Records::store(const CallEnded& record) {
  const auto call = live_call(record.call);
  if (!call) return tl::unexpected(call.error());
  if (auto ok = end_call_.run(*call, millis(record.at), record.reason, record.duration_ms); !ok)
    return ok;
  // The end has the last word, also about somebody of whom the disk refused to hear before.
  for (const auto& [profile, outcome] : record.outcomes) {
    if (auto ok = end_participant_.run(*call, profile.str(), outcome, millis(record.at)); !ok)
      return ok;
    if (end_participant_.changes() != 0) continue;
    if (auto ok = join_.run(*call, profile.str(), outcome, millis(record.at)); !ok) return ok;
  }
  return {};
}

Result<void> Records::store(const TextSent& record) {
  const auto item = add_item(record.id.str(), record.chain, record.from, record.at,
                             record.founders.empty() ? std::nullopt : Founders(record.founders));
  if (!item) return tl::unexpected(item.error());
  return add_text_.run(*item, record.from.str(), record.body);
}

Result<void> Records::store(const Outgoing& record) {
  return add_outgoing_.run(record.id, record.body, millis(record.at));
}

Result<std::int64_t> Records::add_item(const std::string& id, const base::ChainId& chain,
                                       const base::ProfileId& from, base::WallTime at,
                                       const Founders& founders) {
  std::int64_t number = 0;
  if (founders) {
    auto founded = found(chain, at, *founders);
    if (!founded || chain.str() == id) return founded;
    number = *founded;
  } else {
    auto own = own_chain(chain, from);
    if (!own) return own;
    number = *own;
  }
  if (auto ok = explain_taken(add_item_.run(id, number, millis(at)), id); !ok)
    return tl::unexpected(ok.error());
  const std::int64_t item = add_item_.inserted();
  if (auto ok = touch_chain_.run(number, item); !ok) return tl::unexpected(ok.error());
  return item;
}

// The sender was a member when the machine looked. It may have looked at a chain that was never
// founded, because this one had its id.
Result<std::int64_t> Records::own_chain(const base::ChainId& chain, const base::ProfileId& member) {
  const auto own = find_own_chain_.number(chain.str(), member.str());
  if (!own) return tl::unexpected(own.error());
  if (*own) return **own;
  const auto known = find_chain_.number(chain.str());
  if (!known) return tl::unexpected(known.error());
  if (*known)
    return fail(Code::kConflict, fmt::format("Id {} is taken by a chain of others.", chain.str()));
  return fail(Code::kNotFound, fmt::format("Chain {} is not stored.", chain.str()));
}

Result<std::int64_t> Records::found(const base::ChainId& chain, base::WallTime at,
                                    const std::vector<base::ProfileId>& founders) {
  if (auto ok = explain_taken(add_founder_.run(chain.str(), millis(at)), chain.str()); !ok)
    return tl::unexpected(ok.error());
  const std::int64_t number = add_founder_.inserted();
  std::int64_t position = 0;
  for (const base::ProfileId& profile : founders)
    if (auto ok = add_member_.run(number, profile.str(), position++); !ok)
      return tl::unexpected(ok.error());
  return number;
}

Result<std::int64_t> Records::live_call(const base::CallId& call) {
  const auto found = find_live_call_.number(call.str());
  if (!found) return tl::unexpected(found.error());
  if (!*found)
    return fail(Code::kNotFound, fmt::format("Call {} is not stored as live.", call.str()));
  return **found;
}

Result<int> Records::fail_open_calls(base::WallTime now) {
  if (auto ok = fail_participants_.run(millis(now)); !ok) return tl::unexpected(ok.error());
  if (auto ok = fail_calls_.run(millis(now)); !ok) return tl::unexpected(ok.error());
  return fail_calls_.changes();
}

}  // namespace parley::store
