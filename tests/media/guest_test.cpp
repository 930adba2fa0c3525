// Guests against stock webrtcbins: what they publish is seen, and they see what is published.
#include <string>

#include "fixture.h"
#include "support/guest_client.h"

// After every C++ standard header: check.h defines `fail`.
#include "support/check_main.h"

namespace media = parley::media;
using parley::base::Code;
using parley::base::Source;
using parley::test::Fixture;
using parley::test::GuestClient;
using parley::test::Member;

namespace {

constexpr std::uint8_t kOpus = 111;
constexpr std::uint8_t kVp8 = 96;

Member& answered(Fixture& f, GuestClient& client, bool publishes) {
  const std::string offer = client.offer();
  ck_assert(!offer.empty());
  Member& guest = f.open_guest(offer, publishes);
  const bool done =
      f.run_until([&] { return !guest.guest_answers.empty() || !guest.verdicts.empty(); });
  ck_assert_msg(done && guest.verdicts.empty(), "%s\n%s",
                guest.verdicts.empty() ? "" : guest.verdicts[0].error->message.c_str(),
                offer.c_str());
  client.take_answer(guest.guest_answers[0]);
  return guest;
}

std::string ufrag_of(const std::string& sdp) {
  const auto at = sdp.find("a=ice-ufrag:");
  return at == std::string::npos ? "" : sdp.substr(at, sdp.find('\r', at) - at);
}

}  // namespace

START_TEST(what_a_guest_publishes_is_received_by_a_leg) {
  Fixture f;
  Member& viewer = f.open({.publishes = false}, false);
  GuestClient client(true);
  Member& guest = answered(f, client, true);
  f.show(viewer, guest);
  ck_assert(f.run_until([&] {
    return guest.connected == 1 && viewer.peer->heard_of(kOpus) > 5 &&
           viewer.peer->heard_of(kVp8) > 5;
  }));
  // Who comes later starts with a key frame, for which the guest is asked: it makes none in time.
  Member& late = f.open({.publishes = false}, false);
  f.show(late, guest);
  ck_assert(f.run_until([&] { return late.peer->heard_of(kVp8) > 5; }));
  ck_assert_int_gt(client.keyframe_requests(), 0);

  // Fragments: candidates change nothing, new credentials are answered with ours.
  const std::string before = ufrag_of(guest.guest_answers[0]);
  f.worker().post(media::PatchGuest{guest.leg, f.next_ticket(),
                                    "a=mid:0\r\na=candidate:1 1 UDP 1 192.0.2.1 9 typ host\r\n"});
  f.worker().post(
      media::PatchGuest{guest.leg, f.next_ticket(),
                        "a=mid:0\r\na=ice-ufrag:new4\r\na=ice-pwd:a/new/password+of22chars\r\n"});
  f.worker().post(media::PatchGuest{guest.leg, f.next_ticket(), "nonsense"});
  ck_assert(f.run_until([&] { return guest.patches.size() == 2 && guest.verdicts.size() == 1; }));
  ck_assert(guest.patches[0].empty());
  ck_assert(!ufrag_of(guest.patches[1]).empty() && ufrag_of(guest.patches[1]) != before);
  ck_assert(guest.verdicts[0].error->code == Code::kInvalid);

  // What makes no sense for a guest is refused, and it goes on.
  f.worker().post(media::Restart{guest.leg, f.next_ticket(), true});
  f.worker().post(media::Publish{guest.leg, f.next_ticket(), {Source::kScreen}});
  ck_assert(f.run_until([&] { return guest.verdicts.size() == 3; }));
  ck_assert(guest.verdicts[1].error && guest.verdicts[2].error);
  viewer.peer->forget_heard();
  ck_assert(f.run_until([&] { return viewer.peer->heard_of(kVp8) > 5; }));

  f.close(guest);
  ck_assert(f.run_until([&] { return guest.closed; }));
}
END_TEST

START_TEST(a_guest_watches_one_stream_and_then_another_on_the_same_m_lines) {
  Fixture f;
  Member& first = f.open();
  Member& second = f.open();
  GuestClient client(false);
  Member& guest = answered(f, client, false);
  f.show(guest, first);
  // Frames of no size that decode: the client counts packets.
  const auto watched = [&](Member& from) {
    const std::uint64_t audio = client.packets_of(GuestClient::kOpus);
    const std::uint64_t video = client.packets_of(GuestClient::kVp8);
    auto next = std::chrono::steady_clock::now();
    std::uint8_t mark = 0;
    return f.run_until([&] {
      if (std::chrono::steady_clock::now() >= next) {
        from.peer->send_audio(++mark);
        from.peer->send_video(mark);
        next += std::chrono::milliseconds(10);
      }
      return client.packets_of(GuestClient::kOpus) > audio + 5 &&
             client.packets_of(GuestClient::kVp8) > video + 5;
    });
  };
  ck_assert(watched(first));
  ck_assert_uint_eq(client.packets_of(kOpus) + client.packets_of(kVp8), 0);
  f.worker().post(media::Hide{guest.leg, first.stream});
  f.show(guest, second);
  ck_assert(watched(second));
}
END_TEST

START_TEST(an_offer_that_cannot_be_taken_leaves_no_leg_behind) {
  Fixture f;
  Member& bad = f.open_guest("v=0", true);
  ck_assert(f.run_until([&] { return bad.verdicts.size() == 1; }));
  ck_assert(bad.verdicts[0].error->code == Code::kInvalid);
  GuestClient client(false);
  Member& wrong_way = f.open_guest(client.offer(), true);
  ck_assert(f.run_until([&] { return wrong_way.verdicts.size() == 1; }));
  ck_assert(wrong_way.verdicts[0].error->code == Code::kConflict);
  f.worker().post(media::PatchGuest{bad.leg, f.next_ticket(), "a=mid:0"});
  ck_assert(f.run_until([&] { return bad.verdicts.size() == 2; }));
  ck_assert(bad.verdicts[1].error->code == Code::kNotFound);
  ck_assert_uint_eq(f.stats().legs, 0);
}
END_TEST

int main() {
  return parley::test::run("media guest",
                           {what_a_guest_publishes_is_received_by_a_leg,
                            a_guest_watches_one_stream_and_then_another_on_the_same_m_lines,
                            an_offer_that_cannot_be_taken_leaves_no_leg_behind});
}
