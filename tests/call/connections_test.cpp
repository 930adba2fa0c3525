// Devices that come online during a call, and devices that are lost.
#include <string>

#include "call/call_world.h"
#include "call/check_text.h"

using namespace std::chrono_literals;
using parley::base::LegId;
using parley::call::ParticipantState;
using parley::call::Snapshot;
using parley::test::CallWorld;
using parley::test::FourDevices;

START_TEST(a_device_that_comes_online_while_its_profile_rings_rings_too) {
  FourDevices w;
  w.calls("c1", "A", {"B"});
  w.rings("c3");
  w.pass(20s);
  w.connect("c5", "B");
  SAYS(w.told("c5"), "init:-");
  const auto& init = std::get<parley::call::InitEvent>(w.last_event("c5").body);
  ck_assert_int_eq(init.ringing_left_ms.value(), 25'000);
  const Snapshot& seen = w.snapshots("c5").at(0);
  ck_assert(!seen.running);
  ck_assert(seen.can_join);
  ck_assert(seen.role == parley::call::Role::kNone);
  ck_assert_int_eq(seen.ringing_left_ms.value(), 25'000);
  ck_assert(seen.participants.at(0).state == ParticipantState::kActive);
  SAYS(seen.participants.at(0).connection->str(), "c1");
  ck_assert(seen.participants.at(1).state == ParticipantState::kRinging);
  SAYS(w.accepts("c5"), "ok active-receiver");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_device_that_comes_online_late_has_its_own_time_to_answer) {
  CallWorld w;
  w.connect("c1", "A");
  w.calls("c1", "A", {"B"});
  w.pass(9s);
  w.connect("c3", "B");
  ck_assert_int_eq(std::get<parley::call::InitEvent>(w.last_event("c3").body).init_left_ms.value(),
                   10'000);
  w.pass(9999ms);
  SAYS(w.end(), "");
  w.pass(1ms);
  SAYS(w.end(), "unreachable 0 A=unreachable B=unreachable");
}
END_TEST

START_TEST(a_device_that_comes_and_goes_cannot_hold_up_the_call_for_ever) {
  CallWorld w;
  w.connect("c1", "A");
  w.calls("c1", "A", {"B"});
  for (int i = 0; i < 5; ++i) {
    w.pass(9s);
    w.disconnect("d" + std::to_string(i));
    w.connect("d" + std::to_string(i + 1), "B");
  }
  w.pass(1s);
  SAYS(w.end(), "unreachable 0 A=unreachable B=unreachable");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_device_that_comes_online_in_a_running_call_gets_its_true_role) {
  FourDevices w;
  w.calls("c1", "A", {"B"});
  w.accepts("c3");
  w.connect("c5", "B");
  SAYS(w.told("c5"), "init:passive-receiver");
  w.connect("c6", "A");
  SAYS(w.told("c6"), "init:passive-initiator");
  ck_assert(w.snapshots("c6").at(0).running);
  ck_assert(!w.snapshots("c6").at(0).can_join);
  w.connect("c7", "X");
  ck_assert_uint_eq(w.snapshots("c7").size(), 0);
  w.hangs_up("c1");
  SAYS(w.told("c6"), "hangup:A@c1 end:completed");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_device_whose_profile_is_out_gets_the_snapshot_only) {
  CallWorld w;
  w.connect("a1", "A");
  w.connect("b1", "B");
  w.connect("c1", "C");
  w.calls("a1", "A", {"B", "C"});
  w.accepts("b1");
  w.rejects("c1");
  w.connect("c2", "C");
  SAYS(w.told("c2"), "");
  ck_assert_uint_eq(w.snapshots("c2").size(), 1);
  ck_assert(w.snapshots("c2").at(0).can_join);
  ck_assert(w.snapshots("c2").at(0).role == parley::call::Role::kPassiveReceiver);
  SAYS(w.accepts("c2"), "ok active-receiver");
  SAYS(w.told("c1"), "init:- accept:B@b1 left-rejected:C accept:C@c2");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_lost_device_keeps_its_place_for_the_resume_window) {
  FourDevices w;
  w.media_connects_at_once();
  w.calls("c1", "A", {"B"});
  w.accepts("c3");
  w.told("c4");
  w.media();
  w.disconnect("c3");
  SAYS(w.told("c4"), "reconnecting:B@c3");
  SAYS(w.media(), "");  // media that still flows is not stopped
  w.pass(29999ms);
  SAYS(w.end(), "");
  w.pass(1ms);
  SAYS(w.end(), "lost 30000 A=completed B=lost");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(another_device_may_accept_a_lost_place) {
  FourDevices w;
  w.media_connects_at_once();
  w.calls("c1", "A", {"B"});
  w.accepts("c3");
  w.media();
  w.disconnect("c3");
  w.pass(10s);
  SAYS(w.accepts("c4"), "ok active-receiver");
  SAYS(w.media(), "open3 feed2=3 mute2+a+v show3:A close2");  // A goes on seeing the same stream
  SAYS(w.told("c1"), "accept:B@c3 reconnecting:B@c3 accept:B@c4");
  w.pass(1h);
  SAYS(w.end(), "");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_caller_lost_before_the_accept_is_picked_up_on_another_device) {
  FourDevices w;
  w.calls("c1", "A", {"B"});
  w.rings("c3");
  w.disconnect("c1");
  SAYS(w.accepts("c2"), "ok active-initiator");
  w.media();
  SAYS(w.accepts("c3"), "ok active-receiver");
  SAYS(w.media(), "open3 feed2=3 mute2+a+v show2:B show3:A");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_caller_lost_for_good_before_the_accept_has_made_a_missed_call) {
  FourDevices w;
  w.calls("c1", "A", {"B"});
  w.rings("c3");
  w.disconnect("c1");
  w.pass(30s);
  SAYS(w.end(), "lost 0 A=lost B=missed");
}
END_TEST

START_TEST(silent_media_alone_is_a_lost_leg_too) {
  FourDevices w;
  w.media_connects_at_once();
  w.calls("c1", "A", {"B"});
  w.accepts("c3");
  w.told("c4");
  w.leg(parley::call::LegSilent{LegId{2}});
  SAYS(w.told("c4"), "reconnecting:B@c3");
  w.pass(29s);
  w.leg(parley::call::LegAudible{LegId{2}});
  SAYS(w.told("c4"), "reconnected:B@c3");
  w.pass(1h);
  SAYS(w.end(), "");
  w.leg(parley::call::LegSilent{LegId{1}});
  w.pass(30s);
  SAYS(w.end(), "lost 3659000 A=lost B=completed");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(socket_and_media_have_windows_of_their_own) {
  FourDevices w;
  w.media_connects_at_once();
  w.calls("c1", "A", {"B"});
  w.accepts("c3");
  w.leg(parley::call::LegSilent{LegId{2}});
  w.pass(20s);
  w.disconnect("c3");
  w.told("c4");
  w.leg(parley::call::LegAudible{LegId{2}});
  SAYS(w.told("c4"), "");  // the socket is still lost
  w.pass(29s);
  SAYS(w.end(), "");
  w.pass(1s);
  SAYS(w.end(), "lost 50000 A=completed B=lost");
}
END_TEST

START_TEST(a_lost_socket_keeps_role_and_media_until_it_is_back) {
  FourDevices w;
  w.media_connects_at_once();
  w.calls("c1", "A", {"B"});
  w.accepts("c3");
  w.told("c1");
  w.told("c3");
  w.media();
  w.loses_socket("c3");
  w.loses_socket("c3");  // said twice
  SAYS(w.told("c1"), "reconnecting:B@c3");
  w.pass(29999ms);
  w.resumes("c3");
  SAYS(w.told("c1"), "reconnected:B@c3");
  SAYS(w.told("c3"), "reconnecting:B@c3 reconnected:B@c3");  // kept for it meanwhile
  SAYS(w.media(), "");
  SAYS(w.publishes("c3"), "");
  w.pass(1h);
  SAYS(w.end(), "");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(the_window_runs_from_the_loss_whenever_the_connection_is_given_up) {
  FourDevices w;
  w.media_connects_at_once();
  w.calls("c1", "A", {"B"});
  w.accepts("c3");
  w.told("c1");
  w.loses_socket("c3");
  w.pass(20s);
  w.disconnect("c3");
  SAYS(w.told("c1"), "reconnecting:B@c3");
  w.resumes("c3");  // there is no way back
  w.pass(9999ms);
  SAYS(w.end(), "");
  w.pass(1ms);
  SAYS(w.end(), "lost 30000 A=completed B=lost");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_device_that_rings_goes_on_ringing_while_its_socket_is_lost) {
  FourDevices w;
  w.calls("c1", "A", {"B"});
  w.rings("c3");
  w.disconnect("c4");
  w.told("c1");
  w.loses_socket("c3");
  w.pass(20s);
  SAYS(w.end(), "");
  SAYS(w.told("c1"), "");
  w.resumes("c3");
  SAYS(w.accepts("c3"), "ok active-receiver");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_device_whose_socket_is_lost_before_it_rang_is_waited_for_no_longer_than_any) {
  CallWorld w;
  w.connect("c1", "A");
  w.connect("c3", "B");
  w.calls("c1", "A", {"B"});
  w.loses_socket("c3");
  w.pass(10s);
  SAYS(w.end(), "unreachable 0 A=unreachable B=unreachable");
  SAYS(w.told("c3"), "init:- init_timeout:B end:unreachable");
}
END_TEST

START_TEST(media_that_waited_for_the_socket_is_made_when_it_is_back) {
  FourDevices w;
  w.calls("c1", "A", {"B"});
  w.loses_socket("c1");
  w.rings("c3");
  SAYS(w.media(), "");
  w.resumes("c1");
  SAYS(w.media(), "open1 feed1=1 mute1+a+v");
  w.loses_socket("c1");
  w.leg({parley::call::LegOffered{LegId{1}, {1, "v=0", {}}}});
  SAYS(w.told("c1"), "reconnecting:A@c1 ringing:B@c3 reconnected:A@c1 reconnecting:A@c1 offer1");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(media_that_breaks_while_the_socket_is_lost_is_made_anew_when_it_is_back) {
  FourDevices w;
  w.calls("c1", "A", {"B"});
  w.accepts("c3");
  w.media();
  w.loses_socket("c3");
  w.leg(parley::call::LegFailed{LegId{2}, "closed by the peer"});
  SAYS(w.media(), "feed2=none close2");
  w.resumes("c3");
  SAYS(w.media(), "open3 feed2=3 mute2+a+v show3:A");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_request_cut_off_by_a_lost_socket_is_answered_when_it_is_repeated) {
  FourDevices w;
  const parley::call::Media publish{parley::call::CallId("call"), parley::call::MediaPublish{}};
  w.calls("c1", "A", {"B"});
  w.accepts("c3");
  w.media();
  w.send_as("m1", "c3", publish);
  w.loses_socket("c3");
  w.leg(parley::call::LegVerdict{LegId{2}, parley::call::ConnectionId("c3"),
                                 parley::call::RequestId("m1"), std::nullopt});
  w.resumes("c3");
  SAYS(w.send_as("m1", "c3", publish), "ok");
  SAYS(w.media(), "to2");  // asked once

  w.send_as("m2", "c3", publish);  // and one whose leg breaks meanwhile
  w.loses_socket("c3");
  w.leg(parley::call::LegFailed{LegId{2}, "closed by the peer"});
  w.resumes("c3");
  SAYS(w.send_as("m2", "c3", publish), "conflict");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_request_of_a_connection_whose_socket_is_lost_makes_nobody_active) {
  FourDevices w;
  w.calls("c1", "A", {"B"});
  w.loses_socket("c3");
  for (const char* c : {"c1", "c3"}) w.told(c);
  SAYS(w.accepts("c3"), "");
  SAYS(w.calls("c3", "B", {"A"}, "two"), "");
  SAYS(w.told("c1"), "");
  SAYS(w.accepts("c4"), "ok active-receiver");
  w.resumes("c3");
  SAYS(w.accepts("c3"), "already_accepted c4");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_request_that_waits_for_the_store_when_its_socket_is_lost_is_to_be_said_again) {
  FourDevices w;
  w.texts("c1", "A", {"B"}, "hello", "t1");
  w.restart();
  w.connect("c1", "A");
  w.connect("c3", "B");
  parley::call::Init init;
  init.from = parley::call::ProfileId("A");
  init.to = {parley::call::ProfileId("B")};
  init.chain = parley::call::ChainId("t1");
  w.hold_store();
  SAYS(w.send_as("k1", "c1", init), "");
  w.loses_socket("c1");
  w.release_store();
  SAYS(w.told("c3"), "");
  w.resumes("c1");
  SAYS(w.send_as("k1", "c1", init), "ok active-initiator");
  SAYS(w.told("c3"), "init:-");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(losing_everybody_leaves_nothing) {
  FourDevices w;
  w.calls("c1", "A", {"B"});
  w.accepts("c3");
  for (const char* c : {"c1", "c2", "c3", "c4"}) w.disconnect(c);
  w.pass(30s);
  ck_assert_uint_eq(w.machine().live_calls(), 0);
  ck_assert(!w.machine().deadline());
  SAYS(w.problems(), "");
}
END_TEST

int main() {
  return parley::test::run(
      "connections",
      {a_device_that_comes_online_while_its_profile_rings_rings_too,
       a_device_that_comes_online_late_has_its_own_time_to_answer,
       a_device_that_comes_and_goes_cannot_hold_up_the_call_for_ever,
       a_device_that_comes_online_in_a_running_call_gets_its_true_role,
       a_device_whose_profile_is_out_gets_the_snapshot_only,
       a_lost_device_keeps_its_place_for_the_resume_window,
       another_device_may_accept_a_lost_place,
       a_caller_lost_before_the_accept_is_picked_up_on_another_device,
       a_caller_lost_for_good_before_the_accept_has_made_a_missed_call,
       silent_media_alone_is_a_lost_leg_too,
       socket_and_media_have_windows_of_their_own,
       a_lost_socket_keeps_role_and_media_until_it_is_back,
       the_window_runs_from_the_loss_whenever_the_connection_is_given_up,
       a_device_that_rings_goes_on_ringing_while_its_socket_is_lost,
       a_device_whose_socket_is_lost_before_it_rang_is_waited_for_no_longer_than_any,
       media_that_waited_for_the_socket_is_made_when_it_is_back,
       media_that_breaks_while_the_socket_is_lost_is_made_anew_when_it_is_back,
       a_request_cut_off_by_a_lost_socket_is_answered_when_it_is_repeated,
       a_request_of_a_connection_whose_socket_is_lost_makes_nobody_active,
       a_request_that_waits_for_the_store_when_its_socket_is_lost_is_to_be_said_again,
       losing_everybody_leaves_nothing});
}
