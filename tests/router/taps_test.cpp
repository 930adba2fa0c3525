// Tracks to jobs and from jobs.
#include "router/taps.h"

#include <string>
#include <vector>

#include "room.h"
#include "rtp/ntp.h"
#include "support/check_main.h"

using namespace parley;
using namespace parley::test;

namespace {

// What one tap was given, in order and in words.
struct Sink : router::TapSink {
  void on_format(router::TapId tap, const router::TapFormat& f) override {
    say(tap, "format " + std::to_string(f.payload_type) + "/" + std::to_string(f.clock_hz));
    ssrc = f.ssrc;
  }
  void on_clock(router::TapId tap, const router::TapClock& c) override {
    say(tap, c.reported ? "clock" : "arrival");
    clocks.push_back(c);
  }
  void on_muted(router::TapId tap, bool muted) override { say(tap, muted ? "muted" : "heard"); }
  void on_packet(router::TapId tap, TimePoint arrived, std::span<const std::uint8_t> rtp) override {
    packets.emplace_back(rtp.begin(), rtp.end());
    say(tap, "packet " + std::to_string(rtp::Packet::parse(rtp)->sequence()));
    arrival = arrived;
  }
  void on_keyframe_wanted(LegId port, Source source) override {
    wishes.push_back(std::to_string(port.value) + " " + std::string(base::name_of(source)));
  }
  void say(router::TapId tap, const std::string& what) {
    heard.push_back(std::to_string(tap.value) + ": " + what);
  }
  std::vector<std::string> take() { return std::exchange(heard, {}); }

  std::vector<std::string> heard;
  std::vector<router::TapClock> clocks;
  std::vector<Bytes> packets;
  std::vector<std::string> wishes;
  std::uint32_t ssrc = 0;
  TimePoint arrival;
};

using Words = std::vector<std::string>;

void expect(const Words& are, const Words& should) {
  std::string text;
  for (const std::string& word : are) text += word + "; ";
  ck_assert_msg(are == should, "%s", text.c_str());
}

struct Scene {
  Sink sink;
  Room room{4096, &sink};
};

// NTP's fractions are no whole microseconds.
bool near(base::Duration is, base::Duration should) { return std::abs((is - should).count()) <= 1; }

// At this moment of the publisher's clock, its timestamp is `timestamp`.
bool send_report(Room& room, std::uint64_t leg, Source source, rtp::NtpTime ntp,
                 std::uint32_t timestamp) {
  rtp::RtcpWriter compound;
  compound.add_sender_report(
      {.ssrc = Room::ssrc(leg, source), .ntp = ntp, .timestamp = timestamp, .blocks = {}});
  return room.send_rtcp(leg, compound.bytes());
}

}  // namespace

START_TEST(a_tap_gets_what_receivers_get_as_it_was_sent) {
  Scene s;
  Peer& viewer = s.room.add(2);
  s.room.add(1);
  s.room.publish(1);
  s.room.receive(2, {1});
  s.room.router.add_tap({7}, StreamId{1}, Source::kCamera);
  expect(s.sink.take(), {"7: heard"});
  s.room.send_video(1, 100, true);
  expect(s.sink.take(), {"7: format 96/90000", "7: arrival", "7: packet 100"});
  ck_assert(s.sink.packets.back() == make_rtp({.ssrc = Room::ssrc(1, Source::kCamera),
                                               .sequence = 100,
                                               .timestamp = 300'000,
                                               .payload_type = kVp8,
                                               .payload = vp8_key()}));
  ck_assert(s.sink.arrival == s.room.now);
  ck_assert(s.sink.clocks.back().captured == s.room.now);
  ck_assert_uint_eq(s.sink.clocks.back().timestamp, 300'000);
  ck_assert_uint_eq(s.sink.ssrc, Room::ssrc(1, Source::kCamera));
  s.room.send_audio(1, 5);  // not tapped
  // A probe of padding alone goes to nobody, and leaves no hole; late packets come late.
  s.room.send(1, {.ssrc = Room::ssrc(1, Source::kCamera),
                  .sequence = 101,
                  .payload_type = kVp8,
                  .payload = {},
                  .padding = 8});
  s.room.send_video(1, 104, false);
  s.room.send_video(1, 103, false);
  expect(s.sink.take(), {"7: packet 103", "7: packet 102"});
  ck_assert_uint_eq(viewer.rtp.size(), 4);
  s.room.router.remove_tap({7});
  s.room.send_video(1, 105, false);
  expect(s.sink.take(), {});
}
END_TEST

START_TEST(a_tap_alone_has_key_frames_asked_for) {
  Scene s;
  Peer& publisher = s.room.add(1);
  s.room.publish(1);
  s.room.router.add_tap({7}, StreamId{1}, Source::kCamera);
  s.room.pass(10ms);
  ck_assert_uint_eq(publisher.items<rtp::PictureLossIndication>().size(), 1);
  s.room.send_video(1, 1, true);
  s.room.pass(1s);
  publisher.clear();
  for (int i = 0; i < 5; ++i) s.room.router.want_keyframe({7}, s.room.now);
  s.room.deliver();
  s.room.pass(100ms);
  ck_assert_uint_eq(publisher.items<rtp::PictureLossIndication>().size(), 1);
  s.room.router.remove_tap({7});
  s.room.router.want_keyframe({7}, s.room.now);
  s.room.pass(2s);
  ck_assert_uint_eq(publisher.items<rtp::PictureLossIndication>().size(), 1);
}
END_TEST

START_TEST(what_is_muted_is_missing_and_said_to_be) {
  Scene s;
  s.room.add(1);
  s.room.publish(1);
  s.room.router.add_tap({7}, StreamId{1}, Source::kMic);
  s.room.send_audio(1, 1);
  s.sink.take();
  s.room.router.mute(StreamId{1}, true, false);
  s.room.send_audio(1, 2);
  expect(s.sink.take(), {"7: muted"});
  s.room.router.mute(StreamId{1}, false, false);
  s.room.send_audio(1, 3);
  expect(s.sink.take(), {"7: heard", "7: packet 3"});
  s.room.router.mute(StreamId{1}, true, false);
  s.room.router.add_tap({8}, StreamId{1}, Source::kMic);
  expect(s.sink.take(), {"7: muted", "8: muted"});
}
END_TEST

// One offset for both tracks: both captured at one moment, told of at different ones.
START_TEST(reports_place_all_tracks_of_a_sender_on_one_clock) {
  Scene s;
  s.room.add(1);
  s.room.publish(1);
  s.room.router.add_tap({7}, StreamId{1}, Source::kMic);
  s.room.router.add_tap({8}, StreamId{1}, Source::kCamera);
  s.room.send_audio(1, 1);
  s.room.send_video(1, 1, true);
  s.sink.take();
  const auto theirs = [&](base::Duration later) { return rtp::ntp_from(5'000'000s + later); };
  s.room.pass(10ms);
  const TimePoint heard = s.room.now;  // of a report that was under way for this long
  send_report(s.room, 1, Source::kMic, theirs(0ms), 48'000);
  expect(s.sink.take(), {"7: clock"});
  ck_assert(near(s.sink.clocks.back().captured - heard, 0ms));
  ck_assert_uint_eq(s.sink.clocks.back().timestamp, 48'000);
  // The second report took 40 ms longer: the offset hardly moves for it.
  s.room.pass(140ms);
  send_report(s.room, 1, Source::kCamera, theirs(100ms), 90'000);
  expect(s.sink.take(), {"7: clock", "8: clock"});
  const auto between =
      s.sink.clocks.back().captured - s.sink.clocks[s.sink.clocks.size() - 2].captured;
  ck_assert(near(between, 100ms));
  ck_assert_int_le(std::abs((s.sink.clocks.back().captured - heard - 100ms).count()), 1'000);
  // A tap that joins later is told at once.
  s.room.router.add_tap({9}, StreamId{1}, Source::kMic);
  s.room.send_audio(1, 2);
  expect(s.sink.take(),
         {"9: heard", "7: packet 2", "9: format 111/48000", "9: clock", "9: packet 2"});
}
END_TEST

START_TEST(a_tap_goes_on_when_another_leg_takes_over) {
  Scene s;
  s.room.add(1);
  s.room.add(2);
  s.room.publish(1);
  s.room.router.set_incoming(LegId{2}, {{Source::kMic, "00", {21}}});
  s.room.router.add_tap({7}, StreamId{1}, Source::kMic);
  s.room.send_audio(1, 9);
  s.room.router.feed(StreamId{1}, LegId{2});
  s.room.send_audio(1, 10);
  s.room.send_audio(2, 1);
  expect(s.sink.take(), {"7: heard", "7: format 111/48000", "7: arrival", "7: packet 9",
                         "7: format 111/48000", "7: arrival", "7: packet 1"});
  ck_assert_uint_eq(s.sink.ssrc, 21);
  // With nobody it waits, and its stream is not forgotten.
  s.room.router.feed(StreamId{1}, std::nullopt);
  s.room.router.forget(StreamId{1});
  s.room.router.remove_leg(LegId{2});
  s.room.router.feed(StreamId{1}, LegId{1});
  s.room.send_audio(1, 11);
  expect(s.sink.take(), {"7: format 111/48000", "7: arrival", "7: packet 11"});
}
END_TEST

START_TEST(a_port_feeds_a_stream_in_the_clear) {
  Scene s;
  Peer& viewer = s.room.add(2);
  s.room.router.add_port(LegId{5});
  s.room.router.set_incoming(LegId{5}, {{Source::kMic, "", {}}, {Source::kCamera, "", {}}});
  s.room.router.feed(StreamId{5}, LegId{5});
  s.room.receive(2, {5});
  s.room.router.add_tap({7}, StreamId{5}, Source::kCamera);
  s.room.pass(10ms);
  expect(s.sink.wishes, {"5 camera"});
  const auto give = [&](Source source, const PacketShape& shape) {
    Bytes packet = make_rtp(shape);
    const bool taken =
        s.room.router.on_plain(LegId{5}, source, packet, s.room.now - 100ms, s.room.now);
    s.room.deliver();
    return taken;
  };
  // Two elements that chose one SSRC are two tracks all the same.
  ck_assert(give(
      Source::kCamera,
      {.ssrc = 1, .sequence = 1, .timestamp = 90'000, .payload_type = kVp8, .payload = vp8_key()}));
  ck_assert(give(Source::kMic, {.ssrc = 1, .sequence = 1, .timestamp = 48'000}));
  ck_assert_uint_eq(viewer.rtp.size(), 2);
  ck_assert_uint_eq(viewer.packet(0).ssrc(), Room::ssrc(2, 5, Source::kCamera));
  ck_assert_uint_eq(viewer.packet(1).ssrc(), Room::ssrc(2, 5, Source::kMic));
  // Viewers get sender reports, by what the job says of its clock.
  ck_assert(near(s.room.now - s.sink.clocks.back().captured, 100ms));
  ck_assert(s.sink.clocks.back().reported);
  s.room.pass(1100ms);
  ck_assert_uint_ge(viewer.items<rtp::SenderReport>().size(), 2);
  // Wishes of viewers and of taps are one.
  s.room.pass(1s);
  s.sink.wishes.clear();
  s.room.send_pli(2, Room::ssrc(2, 5, Source::kCamera));
  s.room.router.want_keyframe({7}, s.room.now);
  expect(s.sink.wishes, {"5 camera"});
  ck_assert(!give(Source::kScreen, {.ssrc = 3}));
  Bytes broken{0x80};
  ck_assert(!s.room.router.on_plain(LegId{5}, Source::kMic, broken, s.room.now, s.room.now));
  ck_assert(!s.room.router.on_plain(LegId{2}, Source::kMic, broken, s.room.now, s.room.now));
  s.room.router.remove_leg(LegId{5});
  ck_assert(!give(Source::kMic, {.ssrc = 1, .sequence = 2}));
}
END_TEST

// What was lost on the way here comes late, in its place, to receivers and taps.
START_TEST(what_is_lost_on_the_way_is_asked_for_again) {
  Scene s;
  Peer& publisher = s.room.add(1);
  Peer& viewer = s.room.add(2);
  s.room.publish(1);
  s.room.router.set_incoming(LegId{1},
                             {{Source::kCamera, "01", {Room::ssrc(1, Source::kCamera)}, {}, true}});
  s.room.receive(2, {1});
  s.room.router.add_tap({7}, StreamId{1}, Source::kCamera);
  s.room.send_video(1, 65'533, true);
  s.room.pass(1s);
  publisher.clear();
  s.sink.take();
  s.room.send_video(1, 65'534, false);
  s.room.send_video(1, 3, false);  // 65'535 to 2 are lost
  s.room.send_video(1, 1, false);  // that one was only late
  ck_assert(publisher.items<rtp::GenericNack>().empty());
  s.room.pass(15ms);
  const auto nacks = publisher.items<rtp::GenericNack>();
  ck_assert_uint_eq(nacks.size(), 1);
  ck_assert_uint_eq(nacks[0].media_ssrc, Room::ssrc(1, Source::kCamera));
  ck_assert_uint_eq(rtp::load16(nacks[0].entries.data()), 65'535);
  ck_assert_uint_eq(rtp::load16(nacks[0].entries.data() + 2), 0b101);  // 0 and 2
  s.room.send_video(1, 65'535, false);
  s.room.send_video(1, 0, false);
  expect(s.sink.take(),
         {"7: packet 65534", "7: packet 3", "7: packet 1", "7: packet 65535", "7: packet 0"});
  const auto numbers = viewer.sequences();
  ck_assert_uint_eq(numbers.size(), 6);
  for (const std::size_t i : {1U, 2U, 3U, 4U, 5U}) {
    constexpr std::uint16_t kPlaces[] = {0, 1, 6, 4, 2, 3};
    ck_assert_uint_eq(static_cast<std::uint16_t>(numbers[i] - numbers[0]), kPlaces[i]);
  }
  // The last one never comes: in the end a key frame must do.
  s.room.pass(1s);
  ck_assert_uint_ge(publisher.items<rtp::GenericNack>().size(), 4);
  ck_assert_uint_eq(publisher.items<rtp::PictureLossIndication>().size(), 1);
  ck_assert_uint_ge(s.room.router.stats().nacked, 6);
  publisher.clear();
  s.room.send_video(1, 4, true);
  // Too much at once is not asked for, and nothing that nobody receives.
  s.room.pass(1s);
  s.room.send_video(1, 1000, false);
  s.room.pass(50ms);
  ck_assert_uint_eq(publisher.items<rtp::PictureLossIndication>().size(), 1);
  s.room.send_video(1, 1001, true);
  s.room.receive(2, {});
  s.room.router.remove_tap({7});
  s.room.send_video(1, 1005, false);
  s.room.pass(1s);
  ck_assert(publisher.items<rtp::GenericNack>().empty());
}
END_TEST

int main() {
  return test::run(
      "taps",
      {a_tap_gets_what_receivers_get_as_it_was_sent, a_tap_alone_has_key_frames_asked_for,
       what_is_muted_is_missing_and_said_to_be, reports_place_all_tracks_of_a_sender_on_one_clock,
       a_tap_goes_on_when_another_leg_takes_over, a_port_feeds_a_stream_in_the_clear,
       what_is_lost_on_the_way_is_asked_for_again});
}
