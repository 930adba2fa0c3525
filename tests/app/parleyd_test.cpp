// The real binary, over real WebSockets: the seed's example, what passive connections can make it
// do (nothing), and what nonsense can (nothing either).
#include <string>

#include "app/real_server.h"

using namespace parley;
using namespace parley::test;

START_TEST(plays_the_example_of_four_devices) {
  Example e;
  e.ring();
  same(Device::member(e.c1.wait("ok"), "role"), "active initiator");
  same(Device::member(e.c2.heard("call.init", "call"), "role"), "passive initiator");
  ck_assert(json_object_get_null_member(e.c3.heard("call.init", "call"), "role"));
  same(e.c2.ask("call.pending", kCall), "ok");
  same(e.c3.ask("call.accept", kCall), "ok");
  same(e.c4.ask("call.accept", kCall), "already_accepted");
  e.c1.wait("call.accept", "call");
  e.c2.wait("call.accept", "call");
  e.c4.wait("call.accept", "call");
  e.c1.wait("media.offer", "call");
  e.c3.wait("media.offer", "call");
  ck_assert(run_until([&] { return e.server.metric("parley_legs") == 2; }));
  ck_assert_ptr_null(e.c2.heard("media.offer", ""));
  ck_assert_ptr_null(e.c4.heard("media.offer", ""));
  same(e.c2.ask("call.hangup", kCall), "ok");
  for (Device* device : {&e.c1, &e.c2, &e.c3, &e.c4})
    same(Device::member(device->wait("call.end", "call"), "reason"), "completed");
  ck_assert(run_until([&] {
    return e.server.metric("parley_legs") + e.server.metric("parley_legs_reaping") == 0;
  }));
  ck_assert_int_eq(e.server.stop(), 0);
}
END_TEST

START_TEST(makes_nothing_of_media_messages_that_are_nobodys_business) {
  Example e;
  Device foreign(e.server, "eve");
  e.ring();
  same(e.c3.ask("call.accept", kCall), "ok");
  e.c1.wait("media.offer", "call");
  e.c3.wait("media.offer", "call");
  ck_assert(run_until([&] { return e.server.holdings().legs == 2; }));
  // GStreamer's threads of the two legs start by and by: wait until nothing has changed for long.
  Parleyd::Holdings before;
  int unchanged = 0;
  ck_assert(run_until([&] {
    const auto now = e.server.holdings();
    unchanged = now == before ? unchanged + 1 : 0;
    before = now;
    return unchanged >= 20;
  }));
  const std::string sdp = "v=0\\r\\no=- 1 1 IN IP4 127.0.0.1\\r\\ns=-\\r\\nt=0 0\\r\\n";
  for (int round = 0; round < 10; ++round) {
    for (Device* device : {&e.c2, &e.c4, &foreign}) {
      const std::string expected = device == &foreign ? "not_found" : "not_active";
      same(device->ask("media.answer", kCall + R"(,"rev":1,"sdp":")" + sdp + "\""), expected);
      same(device->ask("media.publish", kCall + R"(,"sources":["mic","camera"])"), expected);
      same(
          device->ask("media.subscribe", kCall + R"(,"tracks":[{"profileId":"a","source":"mic"}])"),
          expected);
      same(device->ask("media.restart", kCall + R"(,"fresh":true)"), expected);
    }
  }
  ck_assert(e.server.holdings() == before);
}
END_TEST

START_TEST(answers_nonsense_and_stays_up) {
  Parleyd server;
  Device device(server, "a");
  device.say("{nonsense");
  ck_assert(run_until([&] { return device.nameless_error() != nullptr; }));
  same(Device::member(device.nameless_error(), "code"), "bad_request");
  same(device.ask("call.juggle", ""), "bad_request");
  same(device.ask("call.accept", R"("callId":"never heard of")"), "bad_request");
  same(device.ask("call.accept", R"("callId":"nothing")"), "not_found");
  same(device.ask("call.init", R"("from":"b","to":"c")"), "forbidden");
  same(device.ask("call.init", R"("from":"a","to":"a")"), "bad_request");
  same(device.ask("hello", R"("token":"x")"), "bad_request");

  Device binary(server, "a");
  binary.send_binary("\x01\x02");
  ck_assert_int_eq(binary.close_code(), 1003);
  Device large(server, "a");
  large.say("\"" + std::string(70'000, 'x') + "\"");
  ck_assert_int_eq(large.close_code(), 1009);
  Device deep(server, "a");
  deep.say(R"({"type":"call.hangup","id":"d","x":)" + std::string(100, '[') +
           std::string(100, ']') + "}");
  ck_assert_int_eq(deep.close_code(), 1008);
  Device stranger(server);
  stranger.say(R"({"type":"hello","id":"h","token":"forged.token.here"})");
  ck_assert_int_eq(stranger.close_code(), 1008);
  same(Device::member(stranger.heard("error", ""), "code"), "unauthorized");

  same(device.ask("call.accept", R"("callId":"nothing")"), "not_found");
  ck_assert_int_eq(server.stop(), 0);
}
END_TEST

START_TEST(ends_in_order_when_told_to) {
  Example e;
  e.ring();
  same(e.c3.ask("call.accept", kCall), "ok");
  const gint64 begin = g_get_monotonic_time();
  int status = -1;
  GThread* stopping = g_thread_new(
      "stop",
      [](gpointer data) -> gpointer {
        return GINT_TO_POINTER(static_cast<Parleyd*>(data)->stop() + 1);
      },
      &e.server);
  for (Device* device : {&e.c1, &e.c2, &e.c3, &e.c4}) {
    same(Device::member(device->wait("call.end", "call"), "reason"), "shutdown");
    same(Device::member(device->wait("bye"), "reason"), "shutdown");
    ck_assert_int_eq(device->close_code(), 1001);
  }
  status = GPOINTER_TO_INT(g_thread_join(stopping)) - 1;
  ck_assert_int_eq(status, 0);
  ck_assert_int_lt(g_get_monotonic_time() - begin, 5 * G_USEC_PER_SEC);
}
END_TEST

START_TEST(says_what_to_change_when_it_cannot_start) {
  Parleyd server;
  const std::string other = server.folder() + "/other.conf";
  std::ofstream(other) << "[http]\nlisten = 127.0.0.1\nport = " << server.port()
                       << "\n[media]\nudp-port = 0\n[store]\npath = other.db\n"
                          "[key \"k\"]\nalgorithm = HS256\nsecret-file = secret\n";
  int status = 0;
  const std::string clash = run_to_end({PARLEYD, "--config", other}, &status);
  ck_assert_int_eq(status, 69);
  ck_assert_msg(clash.find("Set another 'port' in the group [http]") != std::string::npos, "%s",
                clash.c_str());
  std::ofstream(other) << "[http]\nprot = 1\n";
  const std::string wrong = run_to_end({PARLEYD, "--config", other}, &status);
  ck_assert_int_eq(status, 78);
  ck_assert_msg(wrong.find("other.conf:2: [http] has no key 'prot'") != std::string::npos, "%s",
                wrong.c_str());
  const std::string nameless = run_to_end({PARLEYD, "--print-token", ""}, &status);
  ck_assert_int_eq(status, 64);
  ck_assert_msg(
      nameless.find("--print-token: the name of the profile is empty") != std::string::npos, "%s",
      nameless.c_str());
}
END_TEST

int main() {
  return test::run("parleyd", {plays_the_example_of_four_devices,
                               makes_nothing_of_media_messages_that_are_nobodys_business,
                               answers_nonsense_and_stays_up, ends_in_order_when_told_to,
                               says_what_to_change_when_it_cannot_start});
}
