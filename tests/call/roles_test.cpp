// Who has which role on which device, and who is told what: two users with two devices each.
#include <string>

#include "call/call_world.h"
#include "call/check_text.h"

using parley::test::FourDevices;

START_TEST(a_call_taken_on_one_of_two_devices_makes_the_others_passive) {
  FourDevices w;
  SAYS(w.calls("c1", "A", {"B"}), "ok active-initiator");
  SAYS(w.told("c1"), "");
  SAYS(w.told("c2"), "init:passive-initiator");
  SAYS(w.told("c3"), "init:-");
  SAYS(w.told("c4"), "init:-");
  SAYS(w.media(), "");

  SAYS(w.send("c2", parley::call::Pending{parley::call::CallId("call")}), "ok");
  SAYS(w.told("c1"), "pending:A@c2");
  SAYS(w.told("c3"), "");

  SAYS(w.rings("c3"), "ok");
  SAYS(w.rings("c4"), "ok");
  SAYS(w.told("c1"), "ringing:B@c3 ringing:B@c4");
  SAYS(w.told("c2"), "ringing:B@c3 ringing:B@c4");
  SAYS(w.told("c3"), "ringing:B@c4");
  SAYS(w.told("c4"), "ringing:B@c3");
  SAYS(w.media(), "open1 feed1=1 mute1+a+v");

  SAYS(w.accepts("c3"), "ok active-receiver");
  SAYS(w.told("c1"), "accept:B@c3");
  SAYS(w.told("c2"), "accept:B@c3");
  SAYS(w.told("c3"), "");
  SAYS(w.told("c4"), "accept:B@c3");
  SAYS(w.media(), "open2 feed2=2 mute2+a+v show1:B show2:A");

  // The server holds media for c1 and c3 only.
  SAYS(w.publishes("c2"), "not_active");
  SAYS(w.publishes("c4"), "not_active");
  SAYS(w.media(), "");

  w.pass(std::chrono::seconds(5));
  SAYS(w.hangs_up("c1"), "ok");
  SAYS(w.told("c1"), "end:completed");
  SAYS(w.told("c2"), "hangup:A@c1 end:completed");
  SAYS(w.told("c3"), "hangup:A@c1 end:completed");
  SAYS(w.told("c4"), "hangup:A@c1 end:completed");
  SAYS(w.end(), "completed 5000 A=completed B=completed");
  SAYS(w.media(), "feed1=none close1 feed2=none close2");
  SAYS(w.records(), "started accepted:B@c3 ended:completed");
  SAYS(w.problems(), "");
}
END_TEST

int main() {
  return parley::test::run("roles", {a_call_taken_on_one_of_two_devices_makes_the_others_passive});
}
