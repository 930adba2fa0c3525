// The driver and the store: what is recorded, what is asked.
#include <iterator>
#include <utility>

#include "app/driver.h"
#include "app/log.h"
#include "app/pages.h"
#include "app/translate.h"
#include "base/overloaded.h"

namespace parley::app {
namespace {

template <class Announce, class What>
void announce(std::vector<store::Record>& records, const Announce& announce, const What& what) {
  if (!announce) return;
  auto outgoing = announce(what);
  std::move(outgoing.begin(), outgoing.end(), std::back_inserter(records));
}

// The store's own words name files of the server, and are not for clients.
call::Refusal refusal_of_text(const base::Error& error) {
  switch (error.code) {
    case base::Code::kConflict:
      return {call::ErrorCode::kConflict,
              "the id is taken by an earlier call, chain or text; make a new one",
              {}};
    case base::Code::kUnavailable:
      return {
          call::ErrorCode::kUnavailable, "the server cannot store texts now; try again later", {}};
    default:
      return {call::ErrorCode::kInternal, "the text could not be stored", {}};
  }
}

call::Refusal refusal_of_question(const base::Error& error) {
  if (error.code == base::Code::kNotFound)
    return {call::ErrorCode::kNotFound,
            "there is no such chain of yours, or nothing of the id `before` in it",
            {}};
  if (error.code == base::Code::kUnavailable)
    return {call::ErrorCode::kUnavailable, "the server cannot read it now; try again later", {}};
  return {call::ErrorCode::kInternal, "the page could not be read", {}};
}

// Nothing of that name is an answer, too.
template <class Found>
std::optional<call::Refusal> refusal_of_look_up(const base::Result<Found>& found) {
  if (found || found.error().code == base::Code::kNotFound) return std::nullopt;
  log_debug("What a request names cannot be read: {}", found.error().message);
  return refusal_of_question(found.error());
}

}  // namespace

void Driver::store_state(bool accepting) { feed(call::StoreState{accepting}); }

void Driver::commit(const std::vector<call::Save>& saves,
                    std::function<void(base::Result<void>)> done) {
  std::vector<store::Record> records;
  records.reserve(saves.size());
  for (const call::Save& save : saves) {
    if (auto record = to_record(save)) records.push_back(std::move(*record));
    announce(records, ports_.announce.of_save, save);
  }
  ports_.store.submit(std::move(records), std::move(done));
}

void Driver::store_text(const call::StoreText& effect) {
  const call::TextMessage& text = effect.text;
  std::vector<store::Record> records;
  records.emplace_back(store::TextSent{
      text.id, text.chain, effect.founds ? text.members : std::vector<base::ProfileId>{}, text.from,
      text.body, text.at});
  announce(records, ports_.announce.of_text, effect);
  ++texts_on_their_way_;
  ports_.store.submit(std::move(records), [this, id = text.id](const base::Result<void>& result) {
    --texts_on_their_way_;
    call::TextStored input{id, {}};
    if (result) {
      ++counters_.texts;
    } else {
      ++counters_.refused_texts;
      input.refusal = refusal_of_text(result.error());
      if (input.refusal->code != call::ErrorCode::kConflict)
        log_warning("A text is not on disk: {}", result.error().message);
    }
    feed(input);
  });
}

void Driver::recall(const call::Recall& effect) {
  const call::Recalled nothing{effect.id, {}, {}, {}};
  if (!effect.chain) {
    if (effect.call) return recall_call(*effect.call, nothing);
    return feed(nothing);
  }
  ports_.store.find_chain(*effect.chain, [this, nothing, call = effect.call](
                                             const base::Result<store::StoredChain>& chain) {
    call::Recalled found = nothing;
    if (chain) found.chain = call::Recalled::Chain{chain->chain, chain->members};
    found.refusal = refusal_of_look_up(chain);
    if (call && !found.refusal) return recall_call(*call, std::move(found));
    feed(found);
  });
}

void Driver::recall_call(const base::CallId& call, call::Recalled found) {
  ports_.store.find_call(call, [this, found = std::move(found)](
                                   const base::Result<store::StoredCall>& stored) mutable {
    if (stored && stored->ended) {
      found.participants.emplace();
      for (const auto& participant : stored->participants)
        found.participants->push_back(participant.profile);
    }
    found.refusal = refusal_of_look_up(stored);
    feed(found);
  });
}

void Driver::ask(const Session& session, const Question& question) {
  const base::ConnectionId& connection = session.connection();
  std::visit(
      base::Overloaded{
          [&](const wire::ChainList& q) {
            ports_.store.list_chains(
                session.profiles(), q.before, q.limit,
                [this, connection,
                 ref = q.id](const base::Result<store::Page<store::ChainSummary>>& page) {
                  if (page) return sessions_.answer(connection, encode_page(ref, *page));
                  sessions_.refuse_question(connection, ref, refusal_of_question(page.error()));
                });
          },
          [&](const wire::ChainHistory& q) {
            ports_.store.read_history(
                session.profiles(), q.chain, q.before, q.limit,
                [this, connection, ref = q.id,
                 chain = q.chain](const base::Result<store::Page<store::StoredItem>>& page) {
                  if (page) return sessions_.answer(connection, encode_page(ref, chain, *page));
                  sessions_.refuse_question(connection, ref, refusal_of_question(page.error()));
                });
          },
      },
      question);
}

}  // namespace parley::app
