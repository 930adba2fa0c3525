// Devices that lose their connection to the real binary, and come back.
#include <numeric>
#include <string>
#include <vector>

#include "app/real_server.h"

using namespace parley;
using namespace parley::test;

namespace {

// Everything behind `last`, once and in order.
void assert_goes_on(Device& device, gint64 last) {
  const std::vector<gint64> seqs = device.seqs();
  std::vector<gint64> expected(seqs.size());
  std::iota(expected.begin(), expected.end(), last + 1);
  ck_assert(seqs == expected);
}

std::string reason(Device& device) { return Device::member(device.wait("bye"), "reason"); }

}  // namespace

START_TEST(misses_nothing_of_what_happened_while_it_was_away) {
  Example e;
  e.talk();
  e.c4.wait("call.accept", "call");
  e.c4.cut();
  for (const char* video : {"false", "true", "false"})
    same(e.c3.ask("call.update", kCall + R"(,"video":)" + video), "ok");
  run_until([&] { return e.c1.said("call.update", "callId").size() == 3; });
  const gint64 before = e.c4.last_seq();
  Device back(e.server, "b", e.c4);
  ck_assert(back.resumed());
  same(back.welcomed("connectionId"), e.c4.welcomed("connectionId"));
  ck_assert(back.welcomed("resume") != e.c4.welcomed("resume"));
  ck_assert(run_until([&] { return back.said("call.update", "callId").size() == 3; }));
  // It is the connection it was: it hears the rest, numbered on.
  same(e.c1.ask("call.hangup", kCall), "ok");
  back.wait("call.end", "call");
  assert_goes_on(back, before);
  ck_assert_uint_eq(back.said("call.update", "callId").size(), 3);
}
END_TEST

START_TEST(has_its_role_again_when_it_was_active) {
  Example e;
  e.talk();
  const std::string connection = e.c3.welcomed("connectionId");
  e.c3.cut();
  same(Device::member(e.c1.wait("call.reconnecting", "call"), "connectionId"), connection);
  const gint64 before = e.c3.last_seq();
  Device back(e.server, "b", e.c3);
  ck_assert(back.resumed());
  e.c1.wait("call.reconnected", "call");
  // Only the active connection may say these.
  same(back.ask("call.update", kCall + R"(,"audio":false)"), "ok");
  same(back.ask("media.restart", kCall + R"(,"fresh":true)"), "ok");
  back.wait("media.offer", "call");
  assert_goes_on(back, before);
  // What happened to it is told to it as well.
  ck_assert_ptr_nonnull(back.heard("call.reconnected", "call"));
}
END_TEST

START_TEST(replaces_the_first_socket_by_the_second) {
  Example e;
  e.talk();
  const gint64 before = e.c3.last_seq();
  Device second(e.server, "b", e.c3);
  ck_assert(second.resumed());
  same(reason(e.c3), "replaced");
  ck_assert_int_eq(e.c3.close_code(), 1008);
  same(second.ask("call.update", kCall + R"(,"audio":false)"), "ok");
  ck_assert_ptr_null(e.c1.heard("call.reconnecting", ""));
  same(e.c1.ask("call.update", kCall + R"(,"audio":false)"), "ok");
  second.wait("call.update", "call");
  assert_goes_on(second, before);
  ck_assert(e.server.metric("parley_replaced_total") == 1);
}
END_TEST

START_TEST(begins_anew_when_it_comes_too_late) {
  Example e("[limits]\nresume-window = 300ms\n");
  e.talk();
  e.c3.cut();
  JsonObject* end = e.c1.wait("call.end", "call");
  same(Device::member(json_object_get_object_member(end, "outcomes"), "b"), "lost");
  ck_assert(run_until([&] { return e.server.metric("parley_ended_lost_total") == 1; }));
  Device back(e.server, "b", e.c3);
  ck_assert(!back.resumed());
  ck_assert(back.welcomed("connectionId") != e.c3.welcomed("connectionId"));
  ck_assert_uint_eq(
      json_array_get_length(json_object_get_array_member(back.wait("welcome"), "calls")), 0);
}
END_TEST

START_TEST(gets_the_answer_that_was_lost_by_asking_again) {
  Parleyd server;
  Device a(server, "a");
  Device b(server, "b");
  a.say(R"({"type":"call.init","id":"call","from":"a","to":"b"})");
  b.wait("call.init", "call");
  // The answer may have come, but its client has not read it.
  a.cut();
  Device back(server, "a", a);
  ck_assert(back.resumed());
  JsonObject* ok = back.answer("call.init", R"("from":"a","to":"b")", "call");
  same(Device::member(ok, "type"), "ok");
  same(Device::member(ok, "role"), "active initiator");
  same(back.ask("call.hangup", kCall), "ok");
  b.wait("call.end", "call");
  ck_assert_uint_eq(b.said("call.init", "callId").size(), 1);
}
END_TEST

START_TEST(survives_the_end_of_its_token_in_a_call) {
  Parleyd server;
  Device a(server, "a");
  Device b(server);
  b.hello(Parleyd::token("b", std::chrono::seconds(8)));
  a.say(R"({"type":"call.init","id":"call","from":"a","to":"b"})");
  b.wait("call.init", "call");
  same(b.ask("call.ringing", kCall), "ok");
  same(b.ask("call.accept", kCall), "ok");
  same(reason(b), "expired");
  ck_assert_int_eq(b.close_code(), 1008);
  a.wait("call.reconnecting", "call");
  Device back(server, "b", b);  // with a fresh token
  ck_assert(back.resumed());
  a.wait("call.reconnected", "call");
  same(back.ask("call.update", kCall + R"(,"audio":false)"), "ok");
  ck_assert_ptr_null(a.heard("call.end", ""));
}
END_TEST

START_TEST(gives_a_reloaded_page_its_place_again) {
  Example e;
  e.talk();
  e.c3.cut();
  e.c1.wait("call.reconnecting", "call");
  Device page(e.server, "b");  // knows nothing of before
  ck_assert(!page.resumed());
  JsonObject* snapshot =
      json_array_get_object_element(json_object_get_array_member(page.wait("welcome"), "calls"), 0);
  same(Device::member(snapshot, "callId"), "call");
  ck_assert(json_object_get_boolean_member(snapshot, "canJoin"));
  JsonObject* ok = page.answer("call.accept", kCall);
  same(Device::member(ok, "role"), "active receiver");
  const std::string connection = page.welcomed("connectionId");
  e.c1.wait_for("call.accept", "connectionId", connection);
  page.wait("media.offer", "call");
  // The one it took the place from is passive when it comes back after all.
  Device late(e.server, "b", e.c3);
  ck_assert(late.resumed());
  same(late.ask("call.update", kCall + R"(,"audio":false)"), "not_active");
  same(Device::member(late.wait_for("call.accept", "connectionId", connection), "callId"), "call");
}
END_TEST

START_TEST(keeps_its_place_when_it_closes_its_socket_in_order) {
  Example e;
  e.talk();
  e.c3.close();
  e.c1.wait("call.reconnecting", "call");
  Device back(e.server, "b", e.c3);
  ck_assert(back.resumed());
  e.c1.wait("call.reconnected", "call");
}
END_TEST

int main() {
  return test::run(
      "return",
      {misses_nothing_of_what_happened_while_it_was_away, has_its_role_again_when_it_was_active,
       replaces_the_first_socket_by_the_second, begins_anew_when_it_comes_too_late,
       gets_the_answer_that_was_lost_by_asking_again, survives_the_end_of_its_token_in_a_call,
       gives_a_reloaded_page_its_place_again, keeps_its_place_when_it_closes_its_socket_in_order});
}
