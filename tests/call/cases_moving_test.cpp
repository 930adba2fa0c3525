// A lost device and its place (case 4), and a passive device that takes over (case 11), in both
// orders of what competes. A hang-up before and after the switch, and media that connects before
// and after the take-over time-out, stand in take_test.cpp.
#include <string>

#include "call/call_world.h"
#include "call/check_text.h"

using namespace std::chrono_literals;
using parley::base::LegId;
using parley::call::LegConnected;
using parley::test::FourDevices;

namespace {

// A is in the call on c1 and B on c3, with the legs 1 and 2; c4 and c5 are B's too.
class Running : public FourDevices {
 public:
  Running() {
    connect("c5", "B");
    calls("c1", "A", {"B"});
    accepts("c3");
    connects(1);
    connects(2);
    for (const char* c : {"c1", "c2", "c3", "c4", "c5"}) told(c);
  }
  void connects(std::uint64_t leg_number) { leg(LegConnected{LegId{leg_number}}); }
};

}  // namespace

START_TEST(a_lost_device_comes_back_and_another_one_accepts) {
  {
    Running w;
    w.loses_socket("c3");
    w.resumes("c3");
    SAYS(w.accepts("c4"), "already_accepted c3");
    SAYS(w.accepts("c3"), "ok active-receiver");
    for (const char* c : {"c1", "c2", "c3", "c4", "c5"})
      SAYS(w.told(c), "reconnecting:B@c3 reconnected:B@c3");
    SAYS(w.records(), "started accepted:B@c3");
    SAYS(w.problems(), "");
  }
  {
    Running w;
    w.loses_socket("c3");
    SAYS(w.accepts("c4"), "ok active-receiver");
    w.resumes("c3");
    SAYS(w.accepts("c3"), "already_accepted c4");
    SAYS(w.rings("c3"), "ok passive-receiver");
    for (const char* c : {"c1", "c2", "c3", "c5"}) SAYS(w.told(c), "reconnecting:B@c3 accept:B@c4");
    SAYS(w.told("c4"), "reconnecting:B@c3");
    SAYS(w.records(), "started accepted:B@c3 accepted:B@c4");
    SAYS(w.hangs_up("c4"), "ok");
    SAYS(w.end(), "completed 0 A=completed B=completed");
    SAYS(w.problems(), "");
  }
}
END_TEST

START_TEST(a_lost_place_is_taken_before_its_window_ends_and_not_after) {
  {
    Running w;
    w.loses_socket("c3");
    w.pass(30s - 1ms);
    SAYS(w.takes("c4"), "ok active-receiver");
    for (const char* c : {"c1", "c2", "c3", "c5"}) SAYS(w.told(c), "reconnecting:B@c3 accept:B@c4");
    SAYS(w.told("c4"), "reconnecting:B@c3");
    SAYS(w.end(), "");
    SAYS(w.problems(), "");
  }
  {
    Running w;
    w.loses_socket("c3");
    w.pass(30s);
    SAYS(w.takes("c4"), "ended");
    for (const char* c : {"c1", "c2", "c3", "c4", "c5"})
      SAYS(w.told(c), "reconnecting:B@c3 end:lost");
    SAYS(w.end(), "lost 30000 A=completed B=lost");
    SAYS(w.records(), "started accepted:B@c3 ended:lost");
    SAYS(w.problems(), "");
  }
}
END_TEST

START_TEST(of_two_devices_that_take_over_at_once_the_later_gets_the_call) {
  for (const bool fourth_first : {true, false}) {
    const std::string first = fourth_first ? "c4" : "c5";
    const std::string later = fourth_first ? "c5" : "c4";
    Running w;
    SAYS(w.takes(first), "ok passive-receiver");
    SAYS(w.takes(later), "ok passive-receiver");
    w.connects(3);  // too late
    SAYS(w.accepts("c3"), "ok active-receiver");
    w.connects(4);
    for (const std::string& c : {std::string("c1"), std::string("c2"), std::string("c3"), later})
      SAYS(w.told(c), "take-from-c3:B@" + later);
    SAYS(w.told(first), "media_failed take-from-c3:B@" + later);
    SAYS(w.accepts(later), "ok active-receiver");
    for (const std::string& c : {std::string("c3"), first}) SAYS(w.rings(c), "ok passive-receiver");
    SAYS(w.records(), "started accepted:B@c3 accepted:B@" + later);
    SAYS(w.hangs_up(first), "ok");  // any of its devices, for the participant
    SAYS(w.end(), "completed 0 A=completed B=completed");
    SAYS(w.problems(), "");
  }
}
END_TEST

START_TEST(the_old_device_mutes_before_the_switch_and_no_more_after_it) {
  for (const bool mutes_first : {true, false}) {
    Running w;
    const auto mutes = [&] {
      return w.send("c3", parley::call::Update{parley::call::CallId("call"), false, std::nullopt});
    };
    SAYS(w.takes("c4"), "ok passive-receiver");
    if (mutes_first) SAYS(mutes(), "ok");
    w.connects(3);
    if (!mutes_first) SAYS(mutes(), "not_active");
    const std::string before = mutes_first ? "update-a+v:B@c3 " : "";
    for (const char* c : {"c1", "c2", "c4", "c5"}) SAYS(w.told(c), before + "take-from-c3:B@c4");
    SAYS(w.told("c3"), "take-from-c3:B@c4");
    const auto view = w.machine().find(parley::call::CallId("call"));
    ck_assert(view->participants[1].unmuted.audio != mutes_first);
    SAYS(view->participants[1].connection->str(), "c4");
    SAYS(w.problems(), "");
  }
}
END_TEST

int main() {
  return parley::test::run("moving", {a_lost_device_comes_back_and_another_one_accepts,
                                      a_lost_place_is_taken_before_its_window_ends_and_not_after,
                                      of_two_devices_that_take_over_at_once_the_later_gets_the_call,
                                      the_old_device_mutes_before_the_switch_and_no_more_after_it});
}
