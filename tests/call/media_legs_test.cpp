// What passes between devices and the media layer, and when its legs fail.
#include <string>

#include "call/call_world.h"
#include "call/check_text.h"

using namespace std::chrono_literals;
using parley::base::LegId;
using parley::call::ConnectionId;
using parley::call::LegOffered;
using parley::call::LegVerdict;
using parley::call::RequestId;
using parley::test::FourDevices;

namespace {

class Running : public FourDevices {
 public:
  Running() {
    calls("c1", "A", {"B"});
    accepts("c3");
    media();
    for (const char* c : {"c1", "c2", "c3", "c4"}) told(c);
  }
};

LegOffered offered(std::uint64_t leg) { return {LegId{leg}, {1, "v=0", {}}}; }

parley::call::Media publish() {
  return {parley::call::CallId("call"), parley::call::MediaPublish{}};
}

}  // namespace

START_TEST(media_passes_from_active_devices_only) {
  Running w;
  w.connect("x1", "X");
  SAYS(w.publishes("c2"), "not_active");
  SAYS(w.publishes("c4"), "not_active");
  SAYS(w.publishes("x1"), "not_found");
  SAYS(w.publishes("c1", "no-such-call"), "not_found");
  ck_assert_uint_eq(w.effects().size(), 1);  // the reply, and nothing else
  SAYS(w.media(), "");
  SAYS(w.publishes("c1"), "");  // answered by the verdict
  SAYS(w.media(), "to1");
}
END_TEST

START_TEST(media_from_an_unaccepted_device_makes_nothing) {
  FourDevices w;
  w.calls("c1", "A", {"B"});
  SAYS(w.publishes("c1"), "conflict");  // active, but nobody rings yet
  w.rings("c3");
  w.media();
  SAYS(w.publishes("c3"), "not_active");
  SAYS(w.media(), "");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(the_verdict_is_the_reply_and_is_remembered) {
  Running w;
  SAYS(w.send_as("m1", "c1", publish()), "");
  SAYS(w.send_as("m1", "c1", publish()), "");  // still pending: asked of the leg once
  SAYS(w.media(), "to1");
  w.leg(LegVerdict{LegId{1}, ConnectionId("c1"), RequestId("m1"), std::nullopt});
  ck_assert_uint_eq(w.effects().size(), 1);
  SAYS(w.send_as("m1", "c1", publish()), "ok");
  w.leg(LegVerdict{LegId{1}, ConnectionId("c1"), RequestId("m1"), std::nullopt});
  ck_assert_uint_eq(w.effects().size(), 0);

  w.send_as("m2", "c1", publish());
  w.leg(LegVerdict{
      LegId{1}, ConnectionId("c1"), RequestId("m2"),
      parley::call::Refusal{parley::call::ErrorCode::kConflict, "older rev", std::nullopt}});
  SAYS(w.send_as("m2", "c1", publish()), "conflict");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(what_a_closed_leg_can_no_longer_answer_is_answered_all_the_same) {
  Running w;
  w.send_as("m1", "c1", publish());
  w.hangs_up("c3");
  SAYS(w.send_as("m1", "c1", publish()), "ended");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(an_offer_names_the_legs_own_profile_on_its_own_lines) {
  Running w;
  LegOffered report = offered(2);
  report.offer.tracks = {{"00", {}, parley::base::Source::kMic},
                         {"02", parley::call::ProfileId("A"), parley::base::Source::kMic}};
  w.leg(report);
  SAYS(w.told("c3"), "offer1");
  const auto& offer = std::get<parley::call::MediaOfferEvent>(w.last_event("c3").body);
  SAYS(offer.tracks.at(0).profile.str(), "B");
  SAYS(offer.tracks.at(1).profile.str(), "A");
  SAYS(w.told("c4"), "");
}
END_TEST

START_TEST(media_that_does_not_connect_in_time_fails) {
  Running w;
  w.leg(offered(1));
  w.leg(parley::call::LegConnected{LegId{1}});
  w.pass(5s);
  w.leg(offered(2));
  w.pass(5s);
  w.leg(offered(2));  // a second offer does not prolong it
  w.pass(9999ms);
  SAYS(w.end(), "");
  w.pass(1ms);
  SAYS(w.told("c3"), "offer1 offer1 media_failed end:failed");
  SAYS(w.told("c4"), "end:failed");
  SAYS(w.end(), "failed 20000 A=completed B=failed");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_leg_that_is_never_offered_fails_too) {
  Running w;
  w.leg(offered(1));
  w.leg(parley::call::LegConnected{LegId{1}});
  w.pass(10s);
  w.leg(offered(2));  // late; its time runs from here
  w.pass(14999ms);
  SAYS(w.end(), "");
  w.pass(1ms);
  SAYS(w.end(), "failed 25000 A=completed B=failed");

  Running never;
  never.leg(parley::call::LegConnected{LegId{1}});
  never.pass(15s);
  SAYS(never.end(), "failed 15000 A=completed B=failed");
  SAYS(w.problems() + never.problems(), "");
}
END_TEST

START_TEST(connected_media_has_no_time_out) {
  Running w;
  w.leg(parley::call::LegConnected{LegId{1}});
  w.leg(offered(2));
  w.leg(parley::call::LegConnected{LegId{2}});
  w.leg(offered(2));
  w.pass(1h);
  SAYS(w.end(), "");
}
END_TEST

START_TEST(before_any_accept_media_is_not_failed) {
  FourDevices w;
  w.calls("c1", "A", {"B"});
  w.rings("c3");
  w.leg(offered(1));
  w.media();
  w.pass(14999ms);
  SAYS(w.media(), "");
  w.pass(1ms);
  SAYS(w.media(), "feed1=none close1 open2 feed1=2 mute1+a+v");  // it is offered again
  w.leg(offered(2));
  SAYS(w.told("c1"), "ringing:B@c3 offer1 offer1");
  w.pass(29s);
  SAYS(w.end(), "");
  w.accepts("c3");  // the time-out runs anew from here
  w.leg(parley::call::LegConnected{LegId{4}});
  w.pass(14999ms);
  SAYS(w.end(), "");
  w.pass(1ms);
  SAYS(w.end(), "failed 15000 A=failed B=completed");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_leg_that_fails_before_any_accept_is_made_anew) {
  FourDevices w;
  w.calls("c1", "A", {"B"});
  w.rings("c3");
  w.media();
  w.leg(parley::call::LegFailed{LegId{1}, "no route"});
  SAYS(w.media(), "feed1=none close1");
  w.accepts("c3");
  SAYS(w.media(), "open2 feed1=2 mute1+a+v open3 feed2=3 mute2+a+v show2:B show3:A");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_leg_that_fails_after_the_accept_is_the_end_for_its_participant) {
  Running w;
  w.leg(parley::call::LegFailed{LegId{1}, "the certificate is not the announced one"});
  SAYS(w.told("c1"), "media_failed end:failed");
  SAYS(w.told("c2"), "end:failed");
  SAYS(w.end(), "failed 0 A=failed B=completed");
  w.leg(parley::call::LegFailed{LegId{1}, "again"});  // crossed the CloseLeg
  ck_assert_uint_eq(w.effects().size(), 0);
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_leg_that_fails_with_its_socket_lost_keeps_the_place) {
  Running w;
  w.disconnect("c3");
  w.leg(parley::call::LegFailed{LegId{2}, "closed by the peer"});
  SAYS(w.media(), "feed2=none close2");
  SAYS(w.accepts("c4"), "ok active-receiver");
  SAYS(w.media(), "open3 feed2=3 mute2+a+v show3:A");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(mute_is_inherited_by_the_next_device) {
  Running w;
  w.send("c3", parley::call::Update{parley::call::CallId("call"), false, std::nullopt});
  w.disconnect("c3");
  w.media();
  w.accepts("c4");
  SAYS(w.media(), "open3 feed2=3 mute2-a+v show3:A close2");
}
END_TEST

int main() {
  return parley::test::run(
      "media legs",
      {media_passes_from_active_devices_only, media_from_an_unaccepted_device_makes_nothing,
       the_verdict_is_the_reply_and_is_remembered,
       what_a_closed_leg_can_no_longer_answer_is_answered_all_the_same,
       an_offer_names_the_legs_own_profile_on_its_own_lines,
       media_that_does_not_connect_in_time_fails, a_leg_that_is_never_offered_fails_too,
       connected_media_has_no_time_out, before_any_accept_media_is_not_failed,
       a_leg_that_fails_before_any_accept_is_made_anew,
       a_leg_that_fails_after_the_accept_is_the_end_for_its_participant,
       a_leg_that_fails_with_its_socket_lost_keeps_the_place,
       mute_is_inherited_by_the_next_device});
}
