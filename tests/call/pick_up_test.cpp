// call.init with `immediate: false`: ring the others first, pick up anywhere. And what begins when
// nobody is there, or cannot be stored.
#include <string>

#include "call/call_world.h"
#include "call/check_text.h"

using namespace std::chrono_literals;
using parley::test::CallWorld;
using parley::test::FourDevices;

namespace {

std::string clicks(CallWorld& w, const std::string& connection, const std::string& from,
                   const std::vector<std::string>& to) {
  parley::call::Init init;
  init.from = parley::call::ProfileId(from);
  for (const std::string& profile : to) init.to.emplace_back(profile);
  init.immediate = false;
  return w.send_as("call", connection, init);
}

parley::call::Limits with_push() {
  parley::call::Limits limits;
  limits.push = true;
  return limits;
}

}  // namespace

START_TEST(the_caller_picks_up_on_another_device_after_the_accept) {
  FourDevices w;
  SAYS(clicks(w, "c1", "A", {"B"}), "ok passive-initiator");
  SAYS(w.told("c2"), "init:passive-initiator");
  ck_assert(!std::get<parley::call::InitEvent>(w.last_event("c2").body).immediate);
  w.rings("c3");
  SAYS(w.media(), "");
  SAYS(w.accepts("c3"), "ok active-receiver");
  SAYS(w.media(), "open1 feed2=1 mute2+a+v");
  w.pass(10s);
  SAYS(w.accepts("c2"), "ok active-initiator");
  SAYS(w.media(), "open2 feed1=2 mute1+a+v show2:B show1:A");
  SAYS(w.accepts("c1"), "already_accepted c2");
  w.hangs_up("c3");
  SAYS(w.end(), "completed 10000 A=completed B=completed");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(the_caller_picks_up_before_the_accept) {
  FourDevices w;
  clicks(w, "c1", "A", {"B"});
  SAYS(w.accepts("c1"), "ok active-initiator");
  w.rings("c3");
  SAYS(w.media(), "open1 feed1=1 mute1+a+v");
  w.pass(40s);
  SAYS(w.end(), "");  // the pick-up was not the first accept
  w.hangs_up("c2");
  SAYS(w.end(), "cancelled 0 A=cancelled B=cancelled");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(nobody_picks_up) {
  FourDevices w;
  clicks(w, "c1", "A", {"B"});
  w.rings("c3");
  w.pass(40s);
  w.accepts("c3");
  w.leg(parley::call::LegConnected{parley::base::LegId{1}});
  w.connect("c5", "A");
  ck_assert_int_eq(w.snapshots("c5").at(0).ringing_left_ms.value(), 30'000);
  w.pass(29999ms);
  SAYS(w.end(), "");
  w.pass(1ms);
  SAYS(w.end(), "cancelled 30000 A=cancelled B=cancelled");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_pick_up_at_the_last_moment_beats_the_time_out) {
  FourDevices w;
  w.media_connects_at_once();
  clicks(w, "c1", "A", {"B"});
  w.accepts("c3");
  w.pass(29999ms);
  SAYS(w.accepts("c2"), "ok active-initiator");
  w.pass(1h);
  SAYS(w.end(), "");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_hang_up_of_the_caller_before_it_picked_up_cancels) {
  FourDevices w;
  clicks(w, "c1", "A", {"B"});
  w.hangs_up("c1");
  SAYS(w.end(), "cancelled 0 A=cancelled B=cancelled");

  FourDevices late;
  clicks(late, "c1", "A", {"B"});
  late.accepts("c3");
  late.hangs_up("c2");
  SAYS(late.end(), "cancelled 0 A=cancelled B=cancelled");
  SAYS(w.problems() + late.problems(), "");
}
END_TEST

START_TEST(a_receiver_who_gives_up_before_the_pick_up_ends_the_call) {
  FourDevices w;
  clicks(w, "c1", "A", {"B"});
  w.accepts("c3");
  w.hangs_up("c3");
  SAYS(w.end(), "completed 0 A=missed B=completed");
  ck_assert(!w.machine().deadline());
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_pending_pick_up_counts_as_ringing) {
  CallWorld w;
  w.media_connects_at_once();
  for (const char* who : {"A", "B", "C"}) w.connect(who + std::string("1"), who);
  clicks(w, "A1", "A", {"B", "C"});
  w.rejects("C1");
  SAYS(w.end(), "");  // B rings
  w.accepts("B1");
  w.pass(29s);
  SAYS(w.end(), "");
  w.hangs_up("A1");  // now nobody rings, and no two ever were in it
  SAYS(w.end(), "cancelled 29000 A=cancelled B=cancelled C=rejected");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_group_goes_on_ringing_when_its_caller_does_not_pick_up_any_more) {
  CallWorld w;
  w.media_connects_at_once();
  for (const char* who : {"A", "B", "C"}) w.connect(who + std::string("1"), who);
  clicks(w, "A1", "A", {"B", "C"});
  w.rings("C1");
  w.accepts("B1");
  w.hangs_up("A1");
  SAYS(w.told("C1"), "init:- accept:B@B1 hangup:A@A1 left-cancelled:A");
  w.pass(40s);
  SAYS(w.end(), "");
  w.accepts("C1");
  w.hangs_up("C1");
  w.pass(60s);
  SAYS(w.end(), "completed 100000 A=cancelled B=completed C=completed");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_whole_group_that_declines_ends_a_call_nobody_picked_up) {
  CallWorld w;
  for (const char* who : {"A", "B", "C"}) w.connect(who + std::string("1"), who);
  clicks(w, "A1", "A", {"B", "C"});
  w.rejects("C1");
  w.rejects("B1");
  SAYS(w.end(), "missed 0 A=missed B=rejected C=rejected");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(devices_that_could_be_woken_have_until_the_end_of_the_ringing_time_out) {
  CallWorld w(with_push());
  w.connect("c1", "A");
  w.connect("d1", "D");
  w.calls("c1", "A", {"B"});
  SAYS(w.records(), "started unheard:B");
  const auto& save = std::get<parley::call::Save>(w.effects().at(1));
  const auto& unheard = std::get<parley::call::RingsUnheard>(save);
  ck_assert(unheard.until - unheard.at == 45s);
  w.pass(44999ms);
  SAYS(w.end(), "");
  w.connect("c3", "B");  // woken up at the last moment
  w.rings("c3");
  w.pass(44999ms);
  SAYS(w.end(), "");
  w.pass(1ms);
  SAYS(w.end(), "missed 0 A=missed B=missed");

  w.calls("c1", "A", {"X"}, "second");
  w.pass(45s);
  SAYS(w.end(), "unreachable 0 A=unreachable X=unreachable");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_profile_whose_only_socket_is_lost_is_not_there) {
  CallWorld w(with_push());
  w.connect("c1", "A");
  w.connect("c3", "B");
  w.loses_socket("c3");
  w.calls("c1", "A", {"B"});
  SAYS(w.records(), "started unheard:B");
  w.resumes("c3");
  w.calls("c1", "A", {"B"}, "second");
  SAYS(w.records(), "started unheard:B started");
  w.pass(10s);  // it was there for the second
  SAYS(w.end(), "unreachable 0 A=unreachable B=unreachable");
  ck_assert_uint_eq(w.machine().live_calls(), 1);
  SAYS(w.problems(), "");
}
END_TEST

// The store alone remembers this id.
static void use_up(FourDevices& w, const char* id) {
  parley::call::StoreText text;
  text.text.id = parley::call::RequestId(id);
  ck_assert(w.store().take(text).has_value());
}

START_TEST(a_call_that_could_not_be_stored_never_was) {
  FourDevices w;
  use_up(w, "call");
  w.hold_store();
  SAYS(w.calls("c1", "A", {"B"}), "conflict");
  w.connect("c5", "B");
  w.rings("c5");
  SAYS(w.told("c5"), "init:-");
  w.release_store();
  SAYS(w.told("c5"), "end:failed");
  for (const char* c : {"c2", "c3"}) SAYS(w.told(c), "ringing:B@c5");  // of a call unknown to it
  SAYS(w.records(), "");
  SAYS(w.media(), "open1 feed1=1 mute1+a+v feed1=none close1");
  ck_assert(!w.machine().deadline());
  SAYS(w.calls("c1", "A", {"B"}), "conflict");  // the repeat gets what the first got
  SAYS(w.hangs_up("c1"), "not_found");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_call_that_could_not_be_stored_never_was_although_it_is_over_already) {
  FourDevices w;
  use_up(w, "call");
  w.hold_store();
  SAYS(w.calls("c1", "A", {"B"}), "conflict");
  SAYS(w.hangs_up("c1"), "ok");
  w.release_store();
  SAYS(w.calls("c1", "A", {"B"}), "conflict");
  SAYS(w.hangs_up("c1"), "not_found");  // and not "ended"
  SAYS(w.texts_into("c1", "A", "call", "there is no such chain", "t2"), "not_found");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_chain_that_was_never_founded_goes_with_the_call_that_followed_in_it) {
  FourDevices w;
  w.connect("x1", "X");
  w.texts("x1", "X", {"Y"}, "of X and Y alone", "call");
  w.restart();
  for (const char* c : {"c1", "c3"}) w.connect(c, c == std::string("c1") ? "A" : "B");
  w.connect("x1", "X");
  w.hold_store();
  SAYS(w.calls("c1", "A", {"B"}), "conflict");
  parley::call::Init next;
  next.from = parley::call::ProfileId("A");
  next.to = {parley::call::ProfileId("B")};
  next.chain = parley::call::ChainId("call");
  next.replace = true;
  SAYS(w.send_as("next", "c1", next), "conflict");
  w.release_store();
  SAYS(w.texts_into("x1", "X", "call", "still ours", "t2"), "ok");
  SAYS(w.texts_into("c1", "A", "call", "let me in", "t3"), "not_found");
  ck_assert_uint_eq(w.machine().live_calls(), 0);
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(no_call_begins_while_nothing_can_be_stored) {
  FourDevices w;
  w.calls("c1", "A", {"B"}, "one");
  w.set_storing(false);
  SAYS(w.calls("c1", "A", {"B"}, "two"), "unavailable");
  SAYS(w.accepts("c3", "one"), "ok active-receiver");
  w.set_storing(true);
  SAYS(w.calls("c1", "A", {"B"}, "two"), "ok active-initiator");
  SAYS(w.problems(), "");
}
END_TEST

int main() {
  return parley::test::run(
      "picking up",
      {the_caller_picks_up_on_another_device_after_the_accept,
       the_caller_picks_up_before_the_accept, nobody_picks_up,
       a_pick_up_at_the_last_moment_beats_the_time_out,
       a_hang_up_of_the_caller_before_it_picked_up_cancels,
       a_receiver_who_gives_up_before_the_pick_up_ends_the_call,
       a_pending_pick_up_counts_as_ringing,
       a_group_goes_on_ringing_when_its_caller_does_not_pick_up_any_more,
       a_whole_group_that_declines_ends_a_call_nobody_picked_up,
       devices_that_could_be_woken_have_until_the_end_of_the_ringing_time_out,
       a_profile_whose_only_socket_is_lost_is_not_there, a_call_that_could_not_be_stored_never_was,
       a_call_that_could_not_be_stored_never_was_although_it_is_over_already,
       a_chain_that_was_never_founded_goes_with_the_call_that_followed_in_it,
       no_call_begins_while_nothing_can_be_stored});
}
