// Messages for the application's server: kept with what they tell of, until delivered or given up.
#include <string>
#include <vector>

#include "store_world.h"
#include "support/check_main.h"

using namespace parley;
using namespace parley::store;
using namespace parley::test;

namespace {

// "id:body@at/attempts …"
std::string due(Store& store, std::int64_t now, std::size_t limit = 10) {
  const auto found = sound(await<std::vector<DueOutgoing>>(
      [&](auto done) { store.due_outgoing(at(now), limit, done); }));
  std::string all;
  for (const DueOutgoing& one : found)
    all += (all.empty() ? "" : " ") + one.message.id + ":" + one.message.body + "@" +
           std::to_string(one.message.at.time_since_epoch().count()) + "/" +
           std::to_string(one.attempts);
  return all;
}

}  // namespace

START_TEST(is_stored_with_what_it_tells_of_or_not_at_all) {
  const Folder folder;
  const auto store = open_store(folder.file());
  stored(*store, {started("k"), Outgoing{"w1", "k began", at(100)}});
  assert_code(submit(*store, {Outgoing{"w2", "k began", at(100)}, started("k")}),
              base::Code::kConflict);
  same(due(*store, 100), "w1:k began@100/0");
}
END_TEST

START_TEST(those_due_longest_come_first) {
  const Folder folder;
  const auto store = open_store(folder.file());
  stored(*store, {Outgoing{"b", "2", at(20)}, Outgoing{"a", "1", at(10)},
                  Outgoing{"c", "3", at(20)}, Outgoing{"d", "4", at(40)}});
  same(due(*store, 9), "");
  same(due(*store, 20), "a:1@10/0 b:2@20/0 c:3@20/0");
  same(due(*store, 100, 2), "a:1@10/0 b:2@20/0");
}
END_TEST

START_TEST(one_put_off_waits_and_one_forgotten_is_gone) {
  const Folder folder;
  {
    const auto store = open_store(folder.file());
    stored(*store, {Outgoing{"a", "1", at(10)}, Outgoing{"b", "2", at(20)}});
    store->put_off_outgoing("a", at(500));
    store->put_off_outgoing("a", at(1000));
    store->forget_outgoing("b");
    store->forget_outgoing("never heard of");
    same(due(*store, 999), "");
  }
  const auto store = open_store(folder.file());  // it outlives a restart
  same(due(*store, 1000), "a:1@10/2");
}
END_TEST

START_TEST(the_same_message_is_kept_once) {
  const Folder folder;
  const auto store = open_store(folder.file());
  stored(*store, {Outgoing{"a", "1", at(10)}});
  stored(*store, {started("k"), Outgoing{"a", "other", at(20)}});  // no reason to refuse the call
  same(due(*store, 100), "a:1@10/0");
  ck_assert(found(*store, "k").started == at(100));
}
END_TEST

int main() {
  return parley::test::run(
      "store outbox", {is_stored_with_what_it_tells_of_or_not_at_all, those_due_longest_come_first,
                       one_put_off_waits_and_one_forgotten_is_gone, the_same_message_is_kept_once});
}
