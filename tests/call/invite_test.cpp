// call.invite, and what servers do to calls: ending them, removing and muting participants.
#include <string>

#include "call/call_world.h"
#include "call/check_text.h"

using namespace std::chrono_literals;
using parley::call::CallId;
using parley::call::EndCall;
using parley::call::MuteParticipant;
using parley::call::ProfileId;
using parley::call::RemoveParticipant;
using parley::test::CallWorld;
using parley::test::FourDevices;

namespace {

// A on c1 talks to B on c3; X on x1 and x2 knows nothing of it.
class Running : public FourDevices {
 public:
  Running() {
    connect("x1", "X");
    connect("x2", "X");
    media_connects_at_once();
    calls("c1", "A", {"B"});
    accepts("c3");
    media();
    for (const char* c : {"c1", "c2", "c3", "c4"}) told(c);
  }
};

}  // namespace

START_TEST(who_is_invited_rings_and_makes_it_a_group_for_good) {
  Running w;
  SAYS(w.invites("c3", {"X"}), "ok");
  SAYS(w.told("c1"), "invite:B@c3");
  SAYS(w.told("c4"), "invite:B@c3");
  SAYS(w.told("c3"), "");
  SAYS(w.told("x1"), "init:-");
  const auto& init = std::get<parley::call::InitEvent>(w.last_event("x1").body);
  ck_assert_uint_eq(init.to.size(), 2);
  SAYS(w.rings("x1"), "ok");
  SAYS(w.accepts("x2"), "ok active-receiver");
  SAYS(w.media(), "open3 feed3=3 mute3+a+v show1:X show2:X show3:A show3:B");
  SAYS(w.records(), "started accepted:B@c3 added:X accepted:X@x2");
  w.hangs_up("c1");
  SAYS(w.end(), "");
  w.hangs_up("c3");
  w.pass(60s);
  SAYS(w.end(), "completed 60000 A=completed B=completed X=completed");
  SAYS(w.hangs_up("x1"), "ended");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(an_invited_one_has_its_own_time_outs) {
  Running w;
  w.pass(20s);
  w.invites("c1", {"X", "Y"});
  w.told("c1");
  w.rings("x1");
  w.pass(10s);
  SAYS(w.told("c1"), "ringing:X@x1 init_timeout:Y left-unreachable:Y");
  w.pass(35s);
  SAYS(w.told("c1"), "ringing_timeout:X left-missed:X");
  w.hangs_up("c1");
  w.hangs_up("c3");
  SAYS(w.end(), "completed 65000 A=completed B=completed X=missed Y=unreachable");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(inviting_who_is_in_the_call_or_rings_changes_nothing) {
  Running w;
  w.invites("c1", {"X"});
  for (const char* c : {"c3", "x1"}) w.told(c);
  SAYS(w.invites("c1", {"B"}), "ok");
  SAYS(w.invites("c1", {"X", "B"}), "ok");
  SAYS(w.told("c3"), "");
  SAYS(w.told("x1"), "");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(who_left_rings_anew_when_invited) {
  Running w;
  w.invites("c1", {"X"});
  w.rejects("x1");
  for (const char* c : {"c1", "x1", "x2"}) w.told(c);
  SAYS(w.rings("x1"), "conflict");
  SAYS(w.invites("c1", {"X"}), "ok");
  SAYS(w.told("x1"), "invite:A@c1 init:-");
  SAYS(w.rings("x1"), "ok");
  SAYS(w.told("c1"), "ringing:X@x1");
  w.pass(45s);
  SAYS(w.told("c1"), "ringing_timeout:X left-missed:X");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(an_accept_and_an_invitation_that_cross_leave_one_call) {
  Running w;
  w.invites("c1", {"X"});
  w.rejects("x1");
  w.accepts("x1");
  SAYS(w.invites("c1", {"X"}), "ok");
  SAYS(w.told("x2"), "init:- reject:X@x1 left-rejected:X accept:X@x1");

  Running other;
  other.invites("c1", {"X"});
  other.rejects("x1");
  other.invites("c1", {"X"});
  SAYS(other.accepts("x1"), "ok active-receiver");
  SAYS(w.problems() + other.problems(), "");
}
END_TEST

START_TEST(only_an_active_device_invites) {
  Running w;
  SAYS(w.invites("c2", {"X"}), "not_active");
  SAYS(w.invites("x1", {"X"}), "not_found");
  SAYS(w.invites("c1", {"A"}), "bad_request");
  SAYS(w.invites("c1", {}), "bad_request");
  SAYS(w.told("x1"), "");
}
END_TEST

START_TEST(a_call_has_a_bounded_number_of_receivers_however_they_come) {
  Running w;
  std::vector<std::string> many;
  for (int i = 0; i < 49; ++i) many.push_back("p" + std::to_string(i));
  SAYS(w.invites("c1", many), "too_large");
  many.pop_back();
  SAYS(w.invites("c1", many), "ok");
  SAYS(w.invites("c1", {"X"}), "too_large");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_caller_invites_while_it_still_rings) {
  FourDevices w;
  w.connect("x1", "X");
  w.calls("c1", "A", {"B"});
  SAYS(w.invites("c1", {"X"}), "ok");
  w.rejects("c3");
  SAYS(w.end(), "");
  w.rejects("x1");
  SAYS(w.end(), "missed 0 A=missed B=rejected X=rejected");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_server_ends_a_call) {
  Running w;
  w.invites("c1", {"X"});
  w.rejects("x1");
  SAYS(w.commands(EndCall{CallId("call")}), "ok");
  SAYS(w.end(), "kicked 0 A=kicked B=kicked X=rejected");
  SAYS(w.commands(EndCall{CallId("call")}), "not_found");
  ck_assert(!w.machine().deadline());
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(who_is_removed_comes_back_only_when_invited) {
  Running w;
  w.invites("c1", {"X"});
  w.accepts("x1");
  w.told("c1");
  SAYS(w.commands(RemoveParticipant{CallId("call"), ProfileId("X")}), "ok");
  SAYS(w.told("c1"), "left-kicked:X");
  SAYS(w.accepts("x1"), "forbidden");
  SAYS(w.accepts("x2"), "forbidden");
  w.connect("x3", "X");
  SAYS(w.told("x3"), "");
  ck_assert(!w.snapshots("x3").at(0).can_join);
  w.invites("c1", {"X"});
  SAYS(w.accepts("x2"), "ok active-receiver");
  SAYS(w.commands(RemoveParticipant{CallId("call"), ProfileId("Z")}), "not_found");
  SAYS(w.commands(RemoveParticipant{CallId("none"), ProfileId("X")}), "not_found");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(an_invitation_that_is_refused_leaves_the_removed_one_out) {
  parley::call::Limits limits;
  limits.receivers_per_call = 2;
  CallWorld w(limits);
  for (const char* c : {"a1", "b1", "c1"})
    w.connect(c, std::string(1, static_cast<char>(std::toupper(c[0]))));
  w.calls("a1", "A", {"B", "C"});
  w.accepts("b1");
  w.accepts("c1");
  w.commands(
      parley::call::RemoveParticipant{parley::call::CallId("call"), parley::call::ProfileId("C")});
  SAYS(w.invites("a1", {"C", "D"}), "too_large");
  SAYS(w.accepts("c1"), "forbidden");
  SAYS(w.invites("a1", {"C"}), "ok");
  SAYS(w.accepts("c1"), "ok active-receiver");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(removing_one_of_two_ends_the_call) {
  Running w;
  w.commands(RemoveParticipant{CallId("call"), ProfileId("B")});
  SAYS(w.end(), "kicked 0 A=completed B=kicked");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_server_mutes_and_the_participant_may_unmute_itself) {
  Running w;
  SAYS(w.commands(MuteParticipant{CallId("call"), ProfileId("B"), false, std::nullopt}), "ok");
  SAYS(w.told("c3"), "update-a+v:B");
  SAYS(w.told("c1"), "update-a+v:B");
  SAYS(w.media(), "mute2-a+v");
  SAYS(w.commands(MuteParticipant{CallId("call"), ProfileId("B"), {}, {}}), "bad_request");
  SAYS(w.send("c3", parley::call::Update{CallId("call"), true, std::nullopt}), "ok");
  SAYS(w.media(), "mute2+a+v");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(servers_see_the_calls_that_live) {
  Running w;
  const auto all = w.machine().live();
  ck_assert_uint_eq(all.size(), 1);
  SAYS(all.at(0).from.str(), "A");
  ck_assert(all.at(0).running);
  SAYS(all.at(0).participants.at(1).connection->str(), "c3");
  ck_assert(w.machine().find(CallId("call")).has_value());
  w.hangs_up("c1");
  ck_assert(!w.machine().find(CallId("call")));
  ck_assert(w.machine().live().empty());
}
END_TEST

int main() {
  return parley::test::run(
      "invitations and commands",
      {who_is_invited_rings_and_makes_it_a_group_for_good, an_invited_one_has_its_own_time_outs,
       inviting_who_is_in_the_call_or_rings_changes_nothing, who_left_rings_anew_when_invited,
       an_accept_and_an_invitation_that_cross_leave_one_call, only_an_active_device_invites,
       a_call_has_a_bounded_number_of_receivers_however_they_come,
       a_caller_invites_while_it_still_rings, a_server_ends_a_call,
       who_is_removed_comes_back_only_when_invited,
       an_invitation_that_is_refused_leaves_the_removed_one_out, removing_one_of_two_ends_the_call,
       a_server_mutes_and_the_participant_may_unmute_itself, servers_see_the_calls_that_live});
}
