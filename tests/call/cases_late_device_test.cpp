// A device comes online while the call rings (case 12), just before and just after what ends the
// ringing.
#include <string>

#include "call/call_world.h"
#include "call/check_text.h"

using namespace std::chrono_literals;
using parley::test::CallWorld;
using parley::test::FourDevices;

START_TEST(a_device_comes_online_before_or_after_another_one_accepts) {
  for (const bool online_first : {true, false}) {
    FourDevices w;
    w.media_connects_at_once();
    w.calls("c1", "A", {"B"});
    w.rings("c3");
    for (const char* c : {"c1", "c2", "c3", "c4"}) w.told(c);
    if (online_first) w.connect("c5", "B");
    SAYS(w.accepts("c3"), "ok active-receiver");
    if (!online_first) w.connect("c5", "B");
    const auto& snapshot = w.snapshots("c5").at(0);
    ck_assert(snapshot.running != online_first);
    SAYS(parley::test::name_of(snapshot.role), online_first ? "-" : "passive-receiver");
    SAYS(w.told("c5"), online_first ? "init:- accept:B@c3" : "init:passive-receiver");
    for (const char* c : {"c1", "c2", "c4"}) SAYS(w.told(c), "accept:B@c3");
    SAYS(w.told("c3"), "");
    SAYS(w.rings("c5"), "ok passive-receiver");
    SAYS(w.accepts("c5"), "already_accepted c3");
    SAYS(w.hangs_up("c5"), "ok");
    SAYS(w.end(), "completed 0 A=completed B=completed");
    SAYS(w.problems(), "");
  }
}
END_TEST

START_TEST(a_device_comes_online_before_or_after_the_caller_hangs_up) {
  for (const bool online_first : {true, false}) {
    FourDevices w;
    w.calls("c1", "A", {"B"});
    for (const char* c : {"c1", "c2", "c3", "c4"}) w.told(c);
    if (online_first) w.connect("c5", "B");
    SAYS(w.hangs_up("c1"), "ok");
    if (!online_first) w.connect("c5", "B");
    ck_assert_uint_eq(w.snapshots("c5").size(), online_first ? 1 : 0);
    SAYS(w.told("c5"), online_first ? "init:- hangup:A@c1 end:cancelled" : "");
    SAYS(w.told("c1"), "end:cancelled");
    for (const char* c : {"c2", "c3", "c4"}) SAYS(w.told(c), "hangup:A@c1 end:cancelled");
    SAYS(w.accepts("c5"), "ended");
    SAYS(w.end(), "cancelled 0 A=cancelled B=cancelled");
    SAYS(w.problems(), "");
  }
}
END_TEST

START_TEST(the_first_device_comes_online_before_or_after_the_init_time_out) {
  for (const bool in_time : {true, false}) {
    CallWorld w;
    w.media_connects_at_once();
    w.connect("c1", "A");
    w.calls("c1", "A", {"B"});
    w.pass(in_time ? 10s - 1ms : 10s);
    w.connect("c3", "B");
    SAYS(w.told("c3"), in_time ? "init:-" : "");
    SAYS(w.rings("c3"), in_time ? "ok" : "ended");
    SAYS(w.accepts("c3"), in_time ? "ok active-receiver" : "ended");
    SAYS(w.told("c1"), in_time ? "ringing:B@c3 accept:B@c3" : "init_timeout:B end:unreachable");
    SAYS(w.end(), in_time ? "" : "unreachable 0 A=unreachable B=unreachable");
    SAYS(w.problems(), "");
  }
}
END_TEST

START_TEST(a_device_comes_online_before_or_after_the_ringing_time_out) {
  for (const bool in_time : {true, false}) {
    FourDevices w;
    w.media_connects_at_once();
    w.calls("c1", "A", {"B"});
    w.rings("c3");
    for (const char* c : {"c1", "c2", "c3", "c4"}) w.told(c);
    w.pass(in_time ? 45s - 1ms : 45s);
    w.connect("c5", "B");
    ck_assert_uint_eq(w.snapshots("c5").size(), in_time ? 1 : 0);
    if (in_time) ck_assert_int_eq(*w.snapshots("c5")[0].ringing_left_ms, 1);
    SAYS(w.told("c5"), in_time ? "init:-" : "");
    SAYS(w.accepts("c5"), in_time ? "ok active-receiver" : "ended");
    for (const char* c : {"c1", "c2", "c3", "c4"})
      SAYS(w.told(c), in_time ? "accept:B@c5" : "ringing_timeout:B end:missed");
    SAYS(w.end(), in_time ? "" : "missed 0 A=missed B=missed");
    SAYS(w.problems(), "");
  }
}
END_TEST

int main() {
  return parley::test::run("late device",
                           {a_device_comes_online_before_or_after_another_one_accepts,
                            a_device_comes_online_before_or_after_the_caller_hangs_up,
                            the_first_device_comes_online_before_or_after_the_init_time_out,
                            a_device_comes_online_before_or_after_the_ringing_time_out});
}
