// Texts and history, with the real binary and its store.
#include <string>
#include <vector>

#include "app/real_server.h"

using namespace parley;
using namespace parley::test;
using Ids = std::vector<std::string>;

namespace {

// The ids of the items of a page, or what `name` says instead.
Ids items_of(JsonObject* page, const char* name = "id") {
  Ids found;
  JsonArray* items = json_object_get_array_member(page, "items");
  for (guint i = 0; i < json_array_get_length(items); ++i)
    found.push_back(Device::member(json_array_get_object_element(items, i), name));
  return found;
}
bool more(JsonObject* page) { return json_object_get_boolean_member(page, "more") != FALSE; }

// Sends a text; its id. `where`: "chainId" or "to" with a value.
std::string send(Device& device, const std::string& from, const std::string& where,
                 const std::string& id) {
  JsonObject* ok =
      device.answer("text", R"("from":")" + from + R"(","body":"text )" + id + "\"," + where, id);
  same(Device::member(ok, "type"), "ok");
  return Device::member(ok, "chainId");
}

}  // namespace

START_TEST(carries_texts_between_all_devices_in_one_order) {
  Example e;
  Device eve(e.server, "eve");
  const std::string chain = send(e.c1, "a", R"("to":"b")", "t1");
  same(chain, "t1");
  const std::string there = R"("chainId":"t1")";
  // Crossing each other, from all sides.
  for (int i = 0; i < 5; ++i) {
    const std::string n = std::to_string(i);
    const auto text = [&](Device& device, const std::string& from, const std::string& id) {
      device.say(R"({"type":"text","id":")" + id + R"(","from":")" + from +
                 R"(","chainId":"t1","body":"x"})");
    };
    text(e.c1, "a", "a1-" + n);
    text(e.c2, "a", "a2-" + n);
    text(e.c3, "b", "b3-" + n);
  }
  ck_assert(run_until([&] { return e.c4.said("text", "id").size() == 16; }));
  const Ids order = e.c4.said("text", "id");
  // The others have the same, but for what they sent themselves.
  const auto without = [&](const std::string& own) {
    Ids rest;
    for (const std::string& id : order)
      if (!id.starts_with(own) && !(own == "a1" && id == "t1")) rest.push_back(id);
    return rest;
  };
  ck_assert(run_until([&] { return e.c1.said("text", "id").size() == 10; }));
  ck_assert(run_until([&] { return e.c2.said("text", "id").size() == 11; }));
  ck_assert(run_until([&] { return e.c3.said("text", "id").size() == 11; }));
  ck_assert(e.c1.said("text", "id") == without("a1"));
  ck_assert(e.c2.said("text", "id") == without("a2"));
  ck_assert(e.c3.said("text", "id") == without("b3"));
  // ... which is the order of the store.
  JsonObject* page = e.c2.answer("chain.history", there);
  ck_assert(items_of(page) == order);
  ck_assert(!more(page));
  // Nobody else learns that there is such a chain.
  same(eve.ask("chain.history", there), "not_found");
  same(eve.ask("text", R"("from":"eve","body":"x",)" + there), "not_found");
  ck_assert(items_of(eve.answer("chain.list", "")).empty());
  ck_assert(eve.said("text", "id").empty());
}
END_TEST

START_TEST(gives_history_and_chains_page_by_page) {
  Parleyd server;
  Device a(server, "a");
  for (const char* id : {"t1", "t2", "t3", "t4", "t5"})
    send(a, "a", id == std::string("t1") ? R"("to":"b")" : R"("chainId":"t1")", id);
  same(a.ask("call.init", R"("from":"a","to":"b","chainId":"t1")"), "ok");
  JsonObject* last = a.answer("chain.history", R"("chainId":"t1","limit":2)");
  ck_assert(more(last));
  ck_assert(items_of(last, "type") == Ids({"text", "call"}));
  const std::string oldest = items_of(last)[0];
  same(oldest, "t5");
  JsonObject* before = a.answer("chain.history", R"("chainId":"t1","limit":3,"before":"t5")");
  ck_assert(items_of(before) == Ids({"t2", "t3", "t4"}));
  ck_assert(more(before));
  JsonObject* first = a.answer("chain.history", R"("chainId":"t1","before":"t2")");
  ck_assert(items_of(first) == Ids({"t1"}));
  ck_assert(!more(first));
  same(a.ask("chain.history", R"("chainId":"t1","before":"never")"), "not_found");

  send(a, "a", R"("to":"c")", "u1");
  send(a, "a", R"("to":"d")", "v1");
  send(a, "a", R"("chainId":"u1")", "u2");
  JsonObject* chains = a.answer("chain.list", R"("limit":2)");
  ck_assert(items_of(chains, "chainId") == Ids({"u1", "v1"}));
  ck_assert(more(chains));
  JsonObject* rest = a.answer("chain.list", R"("before":"v1")");
  ck_assert(items_of(rest, "chainId") == Ids({"t1"}));
  ck_assert(!more(rest));
}
END_TEST

START_TEST(refuses_wrong_texts_with_what_would_be_right) {
  Parleyd server;
  Device a(server, "a");
  same(a.ask("text", R"("from":"b","to":"c","body":"x")"), "forbidden");
  same(a.ask("text", R"("from":"a","to":"a","body":"x")"), "bad_request");
  same(a.ask("text", R"("from":"a","to":"b","body":"")"), "bad_request");
  same(a.ask("text", R"("from":"a","to":"b","chainId":"t1","body":"x")"), "bad_request");
  same(a.ask("text", R"("from":"a","to":"b","body":")" + std::string(8193, 'x') + "\""),
       "too_large");
  same(a.ask("text", R"("from":"a","to":"b","body":")" + std::string(8192, 'x') + "\""), "ok");
  send(a, "a", R"("to":"b")", "t1");
  // The same again is the same, another's is a conflict.
  send(a, "a", R"("to":"b")", "t1");
  Device b(server, "b");
  same(Device::member(b.answer("text", R"("from":"b","to":"a","body":"x")", "t1"), "code"),
       "conflict");
  same(Device::member(b.answer("call.init", R"("from":"b","to":"a")", "t1"), "code"), "conflict");
}
END_TEST

START_TEST(knows_chains_and_calls_of_the_process_before) {
  Parleyd server;
  std::string chain;
  {
    Device a(server, "a");
    Device b(server, "b");
    chain = send(a, "a", R"("to":"b")", "t1");
    same(Device::member(a.answer("call.init", R"("from":"a","to":"b","chainId":"t1")", "call"),
                        "type"),
         "ok");
    same(a.ask("call.hangup", kCall), "ok");
    a.wait("call.end", "call");
    same(Device::member(a.answer("call.init", R"("from":"a","to":"b")", "cut-off"), "type"), "ok");
  }
  server.restart();
  Device a(server, "a");
  Device b(server, "b");
  Device eve(server, "eve");
  ck_assert(items_of(a.answer("chain.list", ""), "chainId") == Ids({"cut-off", "t1"}));
  JsonObject* page = b.answer("chain.history", R"("chainId":"t1")");
  ck_assert(items_of(page) == Ids({"t1", "call"}));
  // A call that lived when the process died has failed.
  JsonObject* failed = json_array_get_object_element(
      json_object_get_array_member(b.answer("chain.history", R"("chainId":"cut-off")"), "items"),
      0);
  same(Device::member(failed, "reason"), "failed");
  // Both may go on where they were; nobody else may.
  same(eve.ask("text", R"("from":"eve","body":"x","chainId":"t1")"), "not_found");
  send(b, "b", R"("chainId":"t1")", "t2");
  same(Device::member(a.wait("text"), "id"), "t2");
  same(a.ask("call.accept", kCall), "ended");
  same(eve.ask("call.accept", kCall), "not_found");
  // Ids stay taken.
  same(Device::member(b.answer("call.init", R"("from":"b","to":"a")", "call"), "code"), "conflict");
  same(Device::member(b.answer("text", R"("from":"b","to":"a","body":"x")", "t1"), "code"),
       "conflict");
  same(a.ask("call.init", R"("from":"a","to":"b","chainId":"t1")"), "ok");
  b.wait_for("call.init", "chainId", "t1");
}
END_TEST

int main() {
  return test::run(
      "texts",
      {carries_texts_between_all_devices_in_one_order, gives_history_and_chains_page_by_page,
       refuses_wrong_texts_with_what_would_be_right, knows_chains_and_calls_of_the_process_before});
}
