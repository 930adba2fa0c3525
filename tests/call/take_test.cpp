// call.take: the call moves to another device of the same participant, make before break.
#include <string>

#include "call/call_world.h"
#include "call/check_text.h"

using namespace std::chrono_literals;
using parley::base::LegId;
using parley::call::LegConnected;
using parley::call::LegFailed;
using parley::test::CallWorld;
using parley::test::FourDevices;

namespace {

// A on c1 talks to B on c3, legs 1 and 2, both connected. c2 and c4 stand by.
class Running : public FourDevices {
 public:
  explicit Running(parley::call::Limits limits = {}) : FourDevices(limits) {
    calls("c1", "A", {"B"});
    accepts("c3");
    for (const std::uint64_t id : {1, 2}) {
      leg(parley::call::LegOffered{LegId{id}, {1, "v=0", {}}});
      leg(LegConnected{LegId{id}});
    }
    pass(10s);
    media();
    for (const char* c : {"c1", "c2", "c3", "c4"}) told(c);
  }
};

parley::call::LegOffered offered(std::uint64_t leg) { return {LegId{leg}, {1, "v=0", {}}}; }

parley::call::Update mute() { return {parley::call::CallId("call"), false, std::nullopt}; }

}  // namespace

START_TEST(the_new_device_gets_the_call_when_its_media_is_connected_and_not_before) {
  Running w;
  SAYS(w.takes("c4"), "ok passive-receiver");
  SAYS(w.media(), "open3 show3:A");  // the old leg goes on feeding
  w.leg(offered(3));
  SAYS(w.told("c4"), "offer1");
  SAYS(w.publishes("c4"), "");
  SAYS(w.publishes("c3"), "");
  SAYS(w.send("c4", mute()), "not_active");
  SAYS(w.media(), "to3 to2");
  SAYS(w.told("c1"), "");
  w.leg(LegConnected{LegId{3}});
  SAYS(w.media(), "feed2=3 mute2+a+v close2");
  for (const char* c : {"c1", "c2", "c3", "c4"}) SAYS(w.told(c), "take-from-c3:B@c4");
  SAYS(w.publishes("c3"), "not_active");
  SAYS(w.publishes("c4"), "");
  SAYS(w.accepts("c3"), "already_accepted c4");
  w.pass(1h);
  SAYS(w.end(), "");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(the_move_is_recorded_before_anybody_is_told) {
  Running w;
  w.takes("c4");
  w.leg(LegConnected{LegId{3}});
  ck_assert(std::holds_alternative<parley::call::Save>(w.effects().at(0)));
  SAYS(w.records(), "started accepted:B@c3 accepted:B@c4");
}
END_TEST

START_TEST(a_call_moves_to_the_phone_and_back) {
  Running w;
  w.takes("c2");
  w.leg(LegConnected{LegId{3}});
  w.media();
  SAYS(w.takes("c1"), "rate_limited");  // two devices must not play ping-pong
  w.pass(1999ms);
  SAYS(w.takes("c1"), "rate_limited");
  w.pass(1ms);
  SAYS(w.takes("c1"), "ok passive-initiator");
  w.leg(LegConnected{LegId{4}});
  SAYS(w.media(), "open4 show4:B feed1=4 mute1+a+v close3");
  SAYS(w.told("c3"), "take-from-c1:A@c2 take-from-c2:A@c1");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_device_that_does_not_connect_in_time_leaves_the_call_unharmed) {
  Running w;
  w.takes("c4");
  w.pass(3s);
  w.leg(offered(3));
  w.media();
  w.told("c4");
  w.pass(6999ms);
  SAYS(w.told("c4"), "");
  w.pass(1ms);
  SAYS(w.told("c4"), "media_failed");
  SAYS(w.media(), "close3");
  SAYS(w.publishes("c4"), "not_active");
  SAYS(w.publishes("c3"), "");
  w.leg(LegConnected{LegId{3}});  // crossed the close
  SAYS(w.told("c1"), "");
  SAYS(w.told("c3"), "");
  w.pass(1h);
  SAYS(w.end(), "");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_taker_whose_media_fails_leaves_the_call_unharmed) {
  Running w;
  w.takes("c4");
  w.leg(LegFailed{LegId{3}, "no route"});
  SAYS(w.told("c4"), "media_failed");
  SAYS(w.media(), "open3 show3:A close3");
  SAYS(w.takes("c4"), "ok passive-receiver");  // it was no move: no need to wait
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_newer_take_replaces_a_pending_one) {
  Running w;
  w.connect("c5", "B");
  w.takes("c4");
  SAYS(w.takes("c4"), "ok passive-receiver");  // says it again: nothing changes
  SAYS(w.media(), "open3 show3:A");
  w.pass(9s);
  SAYS(w.takes("c5"), "ok passive-receiver");
  SAYS(w.told("c4"), "media_failed");
  SAYS(w.media(), "close3 open4 show4:A");
  w.leg(LegConnected{LegId{3}});
  SAYS(w.told("c1"), "");
  w.pass(9s);  // the newer one has its own time
  w.leg(LegConnected{LegId{4}});
  SAYS(w.told("c1"), "take-from-c3:B@c5");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_hang_up_cancels_a_pending_take_whoever_sends_it) {
  for (const char* who : {"c3", "c4", "c1"}) {
    Running w;
    w.takes("c4");
    w.media();
    SAYS(w.hangs_up(who), "ok");
    SAYS(w.end(), "completed 10000 A=completed B=completed");
    SAYS(w.media(), who == std::string("c1") ? "feed1=none close1 feed2=none close2 close3"
                                             : "feed2=none close2 close3 feed1=none close1");
    ck_assert(!w.machine().deadline());
    SAYS(w.problems(), "");
  }
}
END_TEST

START_TEST(a_hang_up_after_the_move_ends_the_call_on_the_new_device) {
  Running w;
  w.takes("c4");
  w.leg(LegConnected{LegId{3}});
  SAYS(w.hangs_up("c3"), "ok");  // passive now, and may hang up all the same
  SAYS(w.told("c4"), "take-from-c3:B@c4 hangup:B@c3 end:completed");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(the_taker_that_disconnects_cancels_its_take) {
  Running w;
  w.takes("c4");
  w.media();
  w.disconnect("c4");
  SAYS(w.media(), "close3");
  SAYS(w.told("c3"), "");
  w.pass(1h);
  SAYS(w.end(), "");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_taker_whose_socket_is_lost_gets_the_call_only_when_it_is_back) {
  Running w;
  w.takes("c4");
  w.loses_socket("c4");
  w.leg(LegConnected{LegId{3}});
  SAYS(w.told("c1"), "");
  w.pass(5s);
  w.resumes("c4");
  SAYS(w.told("c1"), "take-from-c3:B@c4");

  Running late;
  late.takes("c4");
  late.loses_socket("c4");
  late.leg(LegConnected{LegId{3}});
  late.pass(10s);
  late.resumes("c4");
  SAYS(late.told("c1"), "");
  SAYS(late.told("c4"), "media_failed");
  SAYS(late.problems() + w.problems(), "");
}
END_TEST

START_TEST(media_of_the_taker_that_falls_silent_again_does_not_get_the_call) {
  Running w;
  w.takes("c4");
  w.loses_socket("c4");
  w.leg(LegConnected{LegId{3}});
  w.leg(parley::call::LegSilent{LegId{3}});
  w.resumes("c4");
  SAYS(w.told("c1"), "");
  w.leg(parley::call::LegAudible{LegId{3}});
  SAYS(w.told("c1"), "take-from-c3:B@c4");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_taker_gets_the_call_at_once_when_the_old_media_fails) {
  Running w;
  w.takes("c4");
  w.media();
  w.leg(LegFailed{LegId{2}, "the peer closed"});
  SAYS(w.told("c3"), "media_failed take-from-c3:B@c4");
  SAYS(w.media(), "feed2=3 mute2+a+v close2");
  w.pass(9999ms);
  SAYS(w.end(), "");
  w.pass(1ms);  // but it has no longer for that
  SAYS(w.end(), "failed 20000 A=completed B=failed");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(an_old_leg_that_falls_silent_during_the_take_is_waited_for_as_ever) {
  Running w;
  w.takes("c4");
  w.leg(parley::call::LegSilent{LegId{2}});
  SAYS(w.told("c1"), "reconnecting:B@c3");
  w.leg(LegFailed{LegId{3}, "no route"});
  w.leg(parley::call::LegAudible{LegId{2}});
  SAYS(w.told("c1"), "reconnected:B@c3");

  w.takes("c4");
  w.leg(parley::call::LegSilent{LegId{2}});
  w.leg(LegConnected{LegId{4}});
  SAYS(w.told("c1"), "reconnecting:B@c3 take-from-c3:B@c4");
  w.pass(1h);
  SAYS(w.end(), "");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(an_old_device_that_disconnects_during_the_take_loses_nothing) {
  Running w;
  w.takes("c4");
  w.disconnect("c3");
  SAYS(w.told("c1"), "reconnecting:B@c3");
  w.leg(LegConnected{LegId{3}});
  SAYS(w.told("c1"), "take-from-c3:B@c4");
  w.pass(1h);
  SAYS(w.end(), "");

  Running failing;
  failing.takes("c4");
  failing.disconnect("c3");
  failing.pass(10s);
  SAYS(failing.told("c4"), "reconnecting:B@c3 media_failed");
  failing.pass(20s);
  SAYS(failing.end(), "lost 40000 A=completed B=lost");
  SAYS(failing.problems() + w.problems(), "");
}
END_TEST

START_TEST(a_place_whose_window_ends_during_the_take_goes_to_the_taker) {
  parley::call::Limits limits;
  limits.resume_window = 4s;
  Running w(limits);
  w.takes("c4");
  w.disconnect("c3");
  w.pass(4s);
  SAYS(w.told("c1"), "reconnecting:B@c3 take-from-c3:B@c4");
  w.leg(LegConnected{LegId{3}});
  w.pass(1h);
  SAYS(w.end(), "");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_lost_leg_is_taken_at_once) {
  Running w;
  w.loses_socket("c3");
  SAYS(w.takes("c4"), "ok active-receiver");
  SAYS(w.media(), "open3 feed2=3 mute2+a+v show3:A close2");
  SAYS(w.told("c1"), "reconnecting:B@c3 accept:B@c4");
  w.resumes("c3");
  SAYS(w.told("c1"), "");
  SAYS(w.told("c3"), "reconnecting:B@c3 accept:B@c4");  // waited for it to come back
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_taker_that_finds_the_place_lost_keeps_its_leg) {
  Running w;
  w.takes("c4");
  w.loses_socket("c3");
  w.media();
  SAYS(w.accepts("c4"), "ok active-receiver");
  SAYS(w.media(), "feed2=3 mute2+a+v close2");
  SAYS(w.problems(), "");

  Running other;
  other.connect("c5", "B");
  other.takes("c4");
  other.loses_socket("c3");
  other.media();
  SAYS(other.accepts("c5"), "ok active-receiver");
  SAYS(other.media(), "close3 open4 feed2=4 mute2+a+v show4:A close2");
  SAYS(other.told("c4"), "reconnecting:B@c3 accept:B@c5 media_failed");
  SAYS(other.problems(), "");
}
END_TEST

START_TEST(only_a_passive_device_of_somebody_who_is_in_the_call_can_take_it) {
  FourDevices w;
  w.connect("x1", "X");
  w.calls("c1", "A", {"B"});
  SAYS(w.takes("c3"), "not_active");  // rings: nothing to take
  w.accepts("c3");
  SAYS(w.takes("c3"), "bad_request");
  SAYS(w.takes("x1"), "not_found");
  w.hangs_up("c1");
  SAYS(w.takes("c4"), "ended");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(who_left_a_group_call_has_nothing_to_take) {
  CallWorld w;
  w.connect("a1", "A");
  w.connect("b1", "B");
  w.connect("b2", "B");
  w.connect("c1", "C");
  w.calls("a1", "A", {"B", "C"});
  w.accepts("b1");
  w.accepts("c1");
  w.takes("b2");
  w.hangs_up("b1");
  SAYS(w.takes("b2"), "not_active");
  SAYS(w.accepts("b2"), "ok active-receiver");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_caller_moves_while_it_still_rings) {
  FourDevices w;
  w.calls("c1", "A", {"B"});
  SAYS(w.takes("c2"), "ok active-initiator");  // there is no media to wait for
  SAYS(w.told("c3"), "init:- take-from-c1:A@c2");
  w.pass(2s);
  w.rings("c3");
  w.media();
  SAYS(w.takes("c1"), "ok passive-initiator");
  w.leg(LegConnected{LegId{2}});
  SAYS(w.media(), "open2 feed1=2 mute1+a+v close1");
  w.accepts("c3");
  SAYS(w.media(), "open3 feed2=3 mute2+a+v show2:B show3:A");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(the_new_device_inherits_the_mute) {
  Running w;
  w.send("c3", mute());
  w.takes("c4");
  w.media();
  w.leg(LegConnected{LegId{3}});
  SAYS(w.media(), "feed2=3 mute2-a+v close2");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_taker_is_shown_who_joins_and_leaves_meanwhile) {
  CallWorld w;
  w.connect("a1", "A");
  w.connect("a2", "A");
  w.connect("b1", "B");
  w.connect("c1", "C");
  w.calls("a1", "A", {"B", "C"});
  w.accepts("b1");
  w.takes("a2");
  w.media();
  w.accepts("c1");
  SAYS(w.media(), "open4 feed3=4 mute3+a+v show1:C show3:C show2:C show4:A show4:B");
  w.hangs_up("b1");
  SAYS(w.media(), "feed2=none close2 hide1:2 hide3:2 hide4:2");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(what_the_old_leg_can_no_longer_answer_is_answered_all_the_same) {
  Running w;
  const parley::call::Media publish{parley::call::CallId("call"), parley::call::MediaPublish{}};
  w.send_as("m1", "c3", publish);
  w.takes("c4");
  w.leg(LegConnected{LegId{3}});
  SAYS(w.send_as("m1", "c3", publish), "not_active");
  SAYS(w.problems(), "");
}
END_TEST

int main() {
  return parley::test::run("take-over",
                           {the_new_device_gets_the_call_when_its_media_is_connected_and_not_before,
                            the_move_is_recorded_before_anybody_is_told,
                            a_call_moves_to_the_phone_and_back,
                            a_device_that_does_not_connect_in_time_leaves_the_call_unharmed,
                            a_taker_whose_media_fails_leaves_the_call_unharmed,
                            a_newer_take_replaces_a_pending_one,
                            a_hang_up_cancels_a_pending_take_whoever_sends_it,
                            a_hang_up_after_the_move_ends_the_call_on_the_new_device,
                            the_taker_that_disconnects_cancels_its_take,
                            a_taker_whose_socket_is_lost_gets_the_call_only_when_it_is_back,
                            media_of_the_taker_that_falls_silent_again_does_not_get_the_call,
                            a_taker_gets_the_call_at_once_when_the_old_media_fails,
                            an_old_leg_that_falls_silent_during_the_take_is_waited_for_as_ever,
                            an_old_device_that_disconnects_during_the_take_loses_nothing,
                            a_place_whose_window_ends_during_the_take_goes_to_the_taker,
                            a_lost_leg_is_taken_at_once,
                            a_taker_that_finds_the_place_lost_keeps_its_leg,
                            only_a_passive_device_of_somebody_who_is_in_the_call_can_take_it,
                            who_left_a_group_call_has_nothing_to_take,
                            a_caller_moves_while_it_still_rings,
                            the_new_device_inherits_the_mute,
                            a_taker_is_shown_who_joins_and_leaves_meanwhile,
                            what_the_old_leg_can_no_longer_answer_is_answered_all_the_same});
}
