#include "store/history.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <utility>

namespace parley::store {
namespace {

using base::Code;
using base::fail;
using base::Result;

// Before nothing in particular.
constexpr std::int64_t kEnd = std::numeric_limits<std::int64_t>::max();

tl::unexpected<base::Error> no_chain(const base::ChainId& chain) {
  return fail(Code::kNotFound, fmt::format("Chain {} is not stored.", chain.str()));
}

// The columns of a call, from `column` on: audio, video, ended_ms, reason, duration_ms.
void read_call(const Row& row, int column, StoredCall& call) {
  call.audio = row.number(column) != 0;
  call.video = row.number(column + 1) != 0;
  if (const auto ended = row.optional_number(column + 2)) call.ended = wall(*ended);
  call.reason = row.optional_text(column + 3);
  call.duration_ms = row.number(column + 4);
}

}  // namespace

Result<History> History::prepare(Database& database) {
  History h;
  auto prepared = database.prepare_all({
      {&h.find_call_,
       "SELECT i.seq, f.id, i.at_ms, c.audio, c.video, c.ended_ms, c.reason, c.duration_ms"
       " FROM items i JOIN calls c ON c.item = i.seq JOIN items f ON f.seq = i.chain"
       " WHERE i.id = ?1"},
      {&h.participants_,
       "SELECT profile, position, outcome FROM participants WHERE call = ?1 ORDER BY position"},
      {&h.find_chain_, "SELECT seq FROM items WHERE id = ?1 AND chain = seq"},
      {&h.chain_id_, "SELECT id FROM items WHERE seq = ?1"},
      {&h.members_, "SELECT profile FROM members WHERE chain = ?1 ORDER BY position"},
      {&h.newest_, "SELECT newest FROM members WHERE chain = ?1 AND profile = ?2"},
      {&h.chains_,
       "SELECT newest, chain FROM members WHERE profile = ?1 AND newest < ?2"
       " ORDER BY newest DESC LIMIT ?3"},
      {&h.find_item_, "SELECT seq FROM items WHERE id = ?1 AND chain = ?2"},
      // An item that is neither has only lent its name to the chain.
      {&h.items_,
       "SELECT i.seq, i.id, i.at_ms, t.author, t.body,"
       " c.audio, c.video, c.ended_ms, c.reason, c.duration_ms FROM items i"
       " LEFT JOIN texts t ON t.item = i.seq LEFT JOIN calls c ON c.item = i.seq"
       " WHERE i.chain = ?1 AND i.seq < ?2 AND (t.item IS NOT NULL OR c.item IS NOT NULL)"
       " ORDER BY i.seq DESC LIMIT ?3"},
  });
  if (!prepared) return tl::unexpected(prepared.error());
  return h;
}

Result<StoredCall> History::find_call(const base::CallId& call) {
  std::optional<StoredCall> found;
  std::int64_t number = 0;
  const auto read = find_call_.each(
      [&](const Row& row) {
        StoredCall c;
        c.call = call;
        number = row.number(0);
        c.chain = base::ChainId(row.text(1));
        c.started = wall(row.number(2));
        read_call(row, 3, c);
        found = std::move(c);
      },
      call.str());
  if (!read) return tl::unexpected(read.error());
  if (!found) return fail(Code::kNotFound, fmt::format("Call {} is not stored.", call.str()));
  auto who = participants(number);
  if (!who) return tl::unexpected(who.error());
  found->participants = std::move(*who);
  return std::move(*found);
}

Result<StoredChain> History::find_chain(const base::ChainId& chain) {
  const auto number = number_of(chain);
  if (!number) return tl::unexpected(number.error());
  auto who = members(*number);
  if (!who) return tl::unexpected(who.error());
  return StoredChain{chain, std::move(*who)};
}

Result<Page<ChainSummary>> History::list(const Profiles& profiles,
                                         const std::optional<base::ChainId>& before,
                                         std::size_t limit) {
  std::int64_t bound = kEnd;
  if (before) {
    const auto number = number_of(*before);
    if (!number) return tl::unexpected(number.error());
    const auto theirs = newest(*number, profiles);
    if (!theirs) return tl::unexpected(theirs.error());
    if (!*theirs) return no_chain(*before);
    bound = **theirs;
  }
  // By the newest item, which is no other chain's. One more than asked for tells whether there is.
  std::map<std::int64_t, std::int64_t, std::greater<>> chains;
  for (const base::ProfileId& profile : profiles) {
    const auto read =
        chains_.each([&chains](const Row& row) { chains[row.number(0)] = row.number(1); },
                     profile.str(), bound, static_cast<std::int64_t>(limit) + 1);
    if (!read) return tl::unexpected(read.error());
  }
  Page<ChainSummary> page;
  page.more = chains.size() > limit;
  for (const auto& [ignored, chain] : chains) {
    if (page.items.size() == limit) break;
    auto one = summary(chain);
    if (!one) return tl::unexpected(one.error());
    page.items.push_back(std::move(*one));
  }
  return page;
}

Result<Page<StoredItem>> History::read(const Profiles& profiles, const base::ChainId& chain,
                                       const std::optional<std::string>& before,
                                       std::size_t limit) {
  const auto number = number_of(chain);
  if (!number) return tl::unexpected(number.error());
  if (!profiles.empty()) {
    const auto theirs = newest(*number, profiles);
    if (!theirs) return tl::unexpected(theirs.error());
    if (!*theirs) return no_chain(chain);
  }
  std::int64_t bound = kEnd;
  if (before) {
    const auto item = find_item_.number(*before, *number);
    if (!item) return tl::unexpected(item.error());
    if (!*item)
      return fail(Code::kNotFound, fmt::format("Chain {} has no item {}.", chain.str(), *before));
    bound = **item;
  }
  auto found = items(chain, *number, bound, limit + 1);
  if (!found) return tl::unexpected(found.error());
  Page<StoredItem> page{std::move(*found)};
  page.more = page.items.size() > limit;
  if (page.more) page.items.pop_back();
  std::reverse(page.items.begin(), page.items.end());
  return page;
}

Result<std::int64_t> History::number_of(const base::ChainId& chain) {
  const auto found = find_chain_.number(chain.str());
  if (!found) return tl::unexpected(found.error());
  if (!*found) return no_chain(chain);
  return **found;
}

Result<std::optional<std::int64_t>> History::newest(std::int64_t chain, const Profiles& profiles) {
  for (const base::ProfileId& profile : profiles) {
    auto found = newest_.number(chain, profile.str());
    if (!found || *found) return found;
  }
  return std::nullopt;
}

Result<std::vector<base::ProfileId>> History::members(std::int64_t chain) {
  std::vector<base::ProfileId> found;
  const auto read =
      members_.each([&found](const Row& row) { found.emplace_back(row.text(0)); }, chain);
  if (!read) return tl::unexpected(read.error());
  return found;
}

Result<std::vector<StoredParticipant>> History::participants(std::int64_t call) {
  std::vector<StoredParticipant> found;
  const auto read = participants_.each(
      [&found](const Row& row) {
        found.push_back({base::ProfileId(row.text(0)), row.number(1) == 0, row.optional_text(2)});
      },
      call);
  if (!read) return tl::unexpected(read.error());
  return found;
}

Result<ChainSummary> History::summary(std::int64_t chain) {
  ChainSummary result;
  const auto named = chain_id_.each(
      [&result](const Row& row) { result.chain.chain = base::ChainId(row.text(0)); }, chain);
  if (!named) return tl::unexpected(named.error());
  auto who = members(chain);
  if (!who) return tl::unexpected(who.error());
  result.chain.members = std::move(*who);
  auto last = items(result.chain.chain, chain, kEnd, 1);
  if (!last) return tl::unexpected(last.error());
  if (last->empty())
    return fail(Code::kInternal, fmt::format("Chain {} is empty.", result.chain.chain.str()));
  result.last = std::move(last->front());
  return result;
}

Result<std::vector<StoredItem>> History::items(const base::ChainId& chain, std::int64_t number,
                                               std::int64_t before, std::size_t limit) {
  std::vector<StoredItem> found;
  std::vector<std::int64_t> numbers;
  const auto read = items_.each(
      [&](const Row& row) {
        numbers.push_back(row.number(0));
        if (auto author = row.optional_text(3)) {
          found.emplace_back(StoredText{base::RequestId(row.text(1)), chain,
                                        base::ProfileId(std::move(*author)), row.text(4),
                                        wall(row.number(2))});
          return;
        }
        StoredCall call;
        call.call = base::CallId(row.text(1));
        call.chain = chain;
        call.started = wall(row.number(2));
        read_call(row, 5, call);
        found.emplace_back(std::move(call));
      },
      number, before, static_cast<std::int64_t>(limit));
  if (!read) return tl::unexpected(read.error());
  for (std::size_t i = 0; i < found.size(); ++i) {
    auto* call = std::get_if<StoredCall>(&found[i]);
    if (call == nullptr) continue;
    auto who = participants(numbers[i]);
    if (!who) return tl::unexpected(who.error());
    call->participants = std::move(*who);
  }
  return found;
}

}  // namespace parley::store
