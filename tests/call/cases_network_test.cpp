// The network drops and comes back (case 6): socket and media are judged apart, in every order.
#include <string>

#include "call/call_world.h"
#include "call/check_text.h"

using namespace std::chrono_literals;
using parley::base::LegId;
using parley::call::LegAudible;
using parley::call::LegConnected;
using parley::call::LegSilent;
using parley::test::FourDevices;

namespace {

// A is in the call on c1 and B on c3, with the legs 1 and 2.
class Running : public FourDevices {
 public:
  Running() {
    calls("c1", "A", {"B"});
    accepts("c3");
    for (const std::uint64_t number : {1, 2}) leg(LegConnected{LegId{number}});
    for (const char* c : {"c1", "c2", "c3", "c4"}) told(c);
  }
};

constexpr const char* kAll[] = {"c1", "c2", "c3", "c4"};

}  // namespace

START_TEST(socket_and_media_are_lost_and_come_back_in_any_order_and_it_is_told_once) {
  for (const bool socket_goes_first : {true, false})
    for (const bool socket_is_back_first : {true, false}) {
      Running w;
      if (socket_goes_first) w.loses_socket("c3");
      w.leg(LegSilent{LegId{2}});
      if (!socket_goes_first) w.loses_socket("c3");
      for (const char* c : kAll) SAYS(w.told(c), "reconnecting:B@c3");
      w.pass(29s);
      if (socket_is_back_first) w.resumes("c3");
      if (!socket_is_back_first) w.leg(LegAudible{LegId{2}});
      for (const char* c : kAll) SAYS(w.told(c), "");
      if (socket_is_back_first) w.leg(LegAudible{LegId{2}});
      if (!socket_is_back_first) w.resumes("c3");
      for (const char* c : kAll) SAYS(w.told(c), "reconnected:B@c3");
      w.pass(10min);
      SAYS(w.accepts("c3"), "ok active-receiver");
      SAYS(w.rings("c4"), "ok passive-receiver");
      SAYS(w.hangs_up("c3"), "ok");
      SAYS(w.end(), "completed 629000 A=completed B=completed");
      SAYS(w.problems(), "");
    }
}
END_TEST

START_TEST(a_device_is_back_before_its_window_ends_or_finds_the_call_over) {
  {
    Running w;
    w.loses_socket("c3");
    w.pass(30s - 1ms);
    w.resumes("c3");
    w.pass(1ms);
    for (const char* c : kAll) SAYS(w.told(c), "reconnecting:B@c3 reconnected:B@c3");
    SAYS(w.accepts("c3"), "ok active-receiver");
    SAYS(w.end(), "");
    SAYS(w.problems(), "");
  }
  {
    Running w;
    w.loses_socket("c3");
    w.pass(30s);
    w.resumes("c3");
    for (const char* c : kAll) SAYS(w.told(c), "reconnecting:B@c3 end:lost");
    SAYS(w.accepts("c3"), "ended");
    SAYS(w.end(), "lost 30000 A=completed B=lost");
    SAYS(w.problems(), "");
  }
}
END_TEST

START_TEST(who_hangs_up_while_the_other_is_lost_ends_the_call_for_both) {
  for (const bool back_first : {true, false}) {
    Running w;
    w.loses_socket("c3");
    w.pass(5s);
    if (back_first) w.resumes("c3");
    SAYS(w.hangs_up("c1"), "ok");
    if (!back_first) w.resumes("c3");
    const std::string before =
        back_first ? "reconnecting:B@c3 reconnected:B@c3" : "reconnecting:B@c3";
    SAYS(w.told("c1"), before + " end:completed");
    for (const char* c : {"c2", "c3", "c4"}) SAYS(w.told(c), before + " hangup:A@c1 end:completed");
    SAYS(w.end(), "completed 5000 A=completed B=completed");
    SAYS(w.accepts("c3"), "ended");
    SAYS(w.problems(), "");
  }
}
END_TEST

int main() {
  return parley::test::run(
      "network", {socket_and_media_are_lost_and_come_back_in_any_order_and_it_is_told_once,
                  a_device_is_back_before_its_window_ends_or_finds_the_call_over,
                  who_hangs_up_while_the_other_is_lost_ends_the_call_for_both});
}
