// Chains, texts and history: one order and one space of ids for all, and who may read them.
#include <string>
#include <vector>

#include "store_world.h"
#include "support/check_main.h"

using namespace parley;
using namespace parley::store;
using namespace parley::test;

namespace {

std::string id_of(const StoredItem& item) {
  if (const auto* text = std::get_if<StoredText>(&item)) return text->id.str();
  return std::get<StoredCall>(item).call.str();
}

// "t1 k t2+": the ids, and whether there are more.
std::string ids(const base::Result<Page<StoredItem>>& page) {
  if (!page) return page.error().message;
  std::string all;
  for (const StoredItem& item : page->items) all += (all.empty() ? "" : " ") + id_of(item);
  return all + (page->more ? "+" : "");
}

// "k(t2) u(u)": the chains, and the newest item of each.
std::string ids(const base::Result<Page<ChainSummary>>& page) {
  if (!page) return page.error().message;
  std::string all;
  for (const ChainSummary& one : page->items)
    all += (all.empty() ? "" : " ") + one.chain.chain.str() + "(" + id_of(one.last) + ")";
  return all + (page->more ? "+" : "");
}

std::string members(const base::Result<StoredChain>& chain) {
  if (!chain) return chain.error().message;
  std::string all;
  for (const base::ProfileId& one : chain->members) all += (all.empty() ? "" : " ") + one.str();
  return all;
}

base::Result<Page<StoredItem>> history(Store& store, std::initializer_list<const char*> readers,
                                       const std::string& chain,
                                       std::optional<std::string> before = {},
                                       std::size_t limit = 50) {
  return await<Page<StoredItem>>([&](auto done) {
    store.read_history(profiles(readers), base::ChainId(chain), before, limit, done);
  });
}

base::Result<Page<ChainSummary>> list(Store& store, std::initializer_list<const char*> readers,
                                      std::optional<base::ChainId> before = {},
                                      std::size_t limit = 50) {
  return await<Page<ChainSummary>>(
      [&](auto done) { store.list_chains(profiles(readers), before, limit, done); });
}

base::Result<StoredChain> find_chain(Store& store, const std::string& id) {
  return await<StoredChain>([&](auto done) { store.find_chain(base::ChainId(id), done); });
}

}  // namespace

START_TEST(texts_and_calls_of_a_chain_have_one_order) {
  const Folder folder;
  const auto store = open_store(folder.file());
  stored(*store, {text("t1", "t1", {"a", "b"})});
  stored(*store, {started("k", "t1"), ended("k")});
  stored(*store, {text("t2", "t1"), text("other", "other", {"a", "b"})});
  stored(*store, {text("t3", "t1")});
  same(ids(history(*store, {"a"}, "t1")), "t1 k t2 t3");
  const auto page = sound(history(*store, {"b"}, "t1"));
  const auto& first = std::get<StoredText>(page.items.at(0));
  same(first.chain.str() + " " + first.from.str() + " " + first.body, "t1 a body of t1");
  ck_assert(first.at == at(200));
  const auto& call = std::get<StoredCall>(page.items.at(1));
  same(call.chain.str(), "t1");
  ck_assert(call.audio && !call.video && call.started == at(100) && call.ended == at(3000));
  ck_assert_uint_eq(call.participants.size(), 3);
  ck_assert(call.participants[0].initiator);
  assert_outcome(call, 2, "missed");
}
END_TEST

START_TEST(history_is_paged_from_the_newest_back) {
  const Folder folder;
  const auto store = open_store(folder.file());
  stored(*store, {text("1", "1", {"a", "b"})});
  for (int i = 2; i <= 7; ++i) stored(*store, {text(std::to_string(i), "1")});
  same(ids(history(*store, {"a"}, "1", {}, 3)), "5 6 7+");
  same(ids(history(*store, {"a"}, "1", "5", 3)), "2 3 4+");
  same(ids(history(*store, {"a"}, "1", "2", 3)), "1");
  same(ids(history(*store, {"a"}, "1", "1", 3)), "");
  same(ids(history(*store, {"a"}, "1", "4", 3)), "1 2 3");  // exactly to the end
  same(ids(history(*store, {"a"}, "1", {}, 0)), "+");
}
END_TEST

START_TEST(only_members_read_a_chain_and_outsiders_learn_nothing) {
  const Folder folder;
  const auto store = open_store(folder.file());
  stored(*store, {text("t", "t", {"a", "b"})});
  // d is called in the chain, e is invited to that call: neither becomes a member.
  CallStarted call = started("k", "t");
  call.to = profiles({"b", "d"});
  stored(*store, {call, ParticipantAdded{base::CallId("k"), profile("e"), at(300)}});
  same(members(find_chain(*store, "t")), "a b");
  for (const char* outsider : {"d", "e", "zoe"}) {
    assert_code(history(*store, {outsider}, "t"), base::Code::kNotFound);
    same(ids(history(*store, {outsider}, "t")), ids(history(*store, {outsider}, "t", "k")));
    same(ids(list(*store, {outsider})), "");
    assert_code(list(*store, {outsider}, base::ChainId("t")), base::Code::kNotFound);
  }
  same(ids(history(*store, {"zoe", "b"}, "t")), "t k");  // one of one's profiles is enough
  same(ids(history(*store, {}, "t")), "t k");            // no check was asked for
  ck_assert_uint_eq(found(*store, "k").participants.size(), 4);
}
END_TEST

START_TEST(nobody_puts_anything_into_a_chain_of_others) {
  const Folder folder;
  const auto store = open_store(folder.file());
  stored(*store, {text("t", "t", {"a", "b"})});
  TextSent foreign = text("x", "t");
  foreign.from = profile("zoe");
  assert_code(submit(*store, {foreign}), base::Code::kConflict);
  CallStarted call = started("k", "t");
  call.from = profile("zoe");
  assert_code(submit(*store, {call}), base::Code::kConflict);
  same(ids(history(*store, {"a"}, "t")), "t");
}
END_TEST

START_TEST(what_is_not_there_is_not_found) {
  const Folder folder;
  const auto store = open_store(folder.file());
  stored(*store, {text("t", "t", {"a"}), text("u", "u", {"a"}), text("t2", "t")});
  assert_code(find_chain(*store, "nothing"), base::Code::kNotFound);
  assert_code(find_chain(*store, "t2"), base::Code::kNotFound);  // an item, no chain
  assert_code(history(*store, {"a"}, "nothing"), base::Code::kNotFound);
  assert_code(history(*store, {}, "nothing"), base::Code::kNotFound);
  assert_code(history(*store, {"a"}, "t", "nothing"), base::Code::kNotFound);
  assert_code(history(*store, {"a"}, "t", "u"), base::Code::kNotFound);  // of another chain
  assert_code(list(*store, {"a"}, base::ChainId("nothing")), base::Code::kNotFound);
  assert_code(submit(*store, {text("t3", "nothing")}), base::Code::kNotFound);
}
END_TEST

START_TEST(ids_of_calls_texts_and_chains_are_one_space) {
  const Folder folder;
  const auto store = open_store(folder.file());
  stored(*store, {text("t", "t", {"a"}), text("t2", "t"), started("k")});
  const std::vector<Record> taken = {
      text("t", "t", {"a"}),   text("t2", "k"),     text("k", "t"),    text("k", "k", {"a"}),
      started("t2"),           started("k"),        started("t", "k"), text("new", "t2", {"a"}),
      text("new", "t", {"a"}), started("new", "t2")};
  for (const Record& record : taken) {
    const auto result = submit(*store, {record});
    assert_code(result, base::Code::kConflict);
    assert_contains(result.error().message, "is taken");
  }
  same(ids(history(*store, {"a"}, "t")), "t t2");
  same(ids(history(*store, {"a"}, "k")), "k");
}
END_TEST

START_TEST(chains_are_listed_by_their_newest_item) {
  const Folder folder;
  const auto store = open_store(folder.file());
  stored(*store, {text("1", "1", {"a", "b"})});
  stored(*store, {started("2")});
  stored(*store, {text("3", "3", {"b", "c"})});
  same(ids(list(*store, {"a"})), "2(2) 1(1)");
  same(ids(list(*store, {"a", "b", "c"})), "3(3) 2(2) 1(1)");  // each once
  same(ids(list(*store, {})), "");
  stored(*store, {text("4", "1")});
  same(ids(list(*store, {"a"})), "1(4) 2(2)");
  same(ids(list(*store, {"b"}, {}, 2)), "1(4) 3(3)+");
  same(ids(list(*store, {"b"}, base::ChainId("3"), 2)), "2(2)");
  same(ids(list(*store, {"b", "c"}, base::ChainId("1"), 1)), "3(3)+");
  const auto page = sound(list(*store, {"c"}));
  same(members(page.items.at(0).chain), "b c");
  same(members(page.items.at(1).chain), "a c b");
  ck_assert(std::get<StoredCall>(page.items.at(1).last).participants.size() == 3);
}
END_TEST

// The disk refused the call that founded it, and the chain went on.
START_TEST(a_chain_that_is_not_stored_begins_with_the_next_call) {
  const Folder folder;
  const auto store = open_store(folder.file());
  stored(*store, {started("k2", "k1")});
  same(members(find_chain(*store, "k1")), "a c b");
  same(ids(history(*store, {"b"}, "k1")), "k2");
  same(ids(list(*store, {"b"})), "k1(k2)");
  same(found(*store, "k2").chain.str(), "k1");
  assert_code(find(*store, "k1"), base::Code::kNotFound);
  assert_code(submit(*store, {started("k1")}), base::Code::kConflict);
  stored(*store, {text("t", "k1")});
  same(ids(history(*store, {"b"}, "k1", {}, 2)), "k2 t");
}
END_TEST

START_TEST(bodies_come_back_as_they_were) {
  const Folder folder;
  const auto store = open_store(folder.file());
  TextSent sent = text("t", "t", {"a"});
  constexpr char kBody[] = "emoji \xf0\x9f\x98\x80, 'quotes\", \n and \0 within";
  sent.body = std::string(kBody, sizeof kBody - 1);
  stored(*store, {sent});
  const auto page = sound(history(*store, {"a"}, "t"));
  ck_assert(std::get<StoredText>(page.items.at(0)).body == sent.body);
}
END_TEST

START_TEST(who_is_added_to_a_call_has_an_outcome_like_everybody) {
  const Folder folder;
  const auto store = open_store(folder.file());
  const base::CallId call("k");
  const ParticipantAdded d{call, profile("d"), at(300)};
  stored(*store, {started("k"), d, ParticipantLeft{call, profile("d"), "rejected", at(400)}});
  assert_outcome(found(*store, "k"), 3, "rejected");
  stored(*store, {d});  // rung anew
  assert_outcome(found(*store, "k"), 3, "-");
  stored(*store, {CallAccepted{call, profile("d"), base::ConnectionId("c9"), at(500)}});
  CallEnded end = ended("k");
  end.outcomes.emplace_back(profile("d"), "completed");
  end.outcomes.emplace_back(profile("e"), "missed");  // whom the store has not heard of
  stored(*store, {end});
  const StoredCall over = found(*store, "k");
  ck_assert_uint_eq(over.participants.size(), 5);
  assert_outcome(over, 3, "completed");
  same(over.participants[4].profile.str(), "e");
  assert_outcome(over, 4, "missed");
  assert_code(submit(*store, {d}), base::Code::kNotFound);  // over is over
}
END_TEST

int main() {
  return parley::test::run(
      "store chains",
      {texts_and_calls_of_a_chain_have_one_order, history_is_paged_from_the_newest_back,
       only_members_read_a_chain_and_outsiders_learn_nothing,
       nobody_puts_anything_into_a_chain_of_others, what_is_not_there_is_not_found,
       ids_of_calls_texts_and_chains_are_one_space, chains_are_listed_by_their_newest_item,
       a_chain_that_is_not_stored_begins_with_the_next_call, bodies_come_back_as_they_were,
       who_is_added_to_a_call_has_an_outcome_like_everybody});
}
