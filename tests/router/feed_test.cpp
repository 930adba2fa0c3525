// Another leg comes to feed a stream: what its receivers see of that.

#include <cstdint>
#include <vector>

#include "router/room.h"
#include "support/check_main.h"

using namespace parley::test;  // NOLINT(google-build-using-namespace)
using parley::base::LegId;
using parley::base::Source;
using parley::base::StreamId;
namespace rtp = parley::rtp;

namespace {

bool consecutive(const std::vector<std::uint16_t>& sequences) {
  for (std::size_t i = 1; i < sequences.size(); ++i)
    if (sequences[i] != static_cast<std::uint16_t>(sequences[i - 1] + 1)) return false;
  return true;
}

// Leg 1 publishes; legs 2.. receive it.
void one_to_many(Room& room, std::uint64_t receivers) {
  room.add(1);
  room.publish(1);
  for (std::uint64_t leg = 2; leg < 2 + receivers; ++leg) {
    room.add(leg);
    room.receive(leg, {1});
  }
}

}  // namespace

START_TEST(a_mute_outlives_a_change_of_device) {
  Room room;
  room.add(1);
  room.publish(1);
  room.router.mute(StreamId{1}, true, true);
  room.router.feed(StreamId{1}, std::nullopt);
  room.router.remove_leg(LegId{1});
  room.add(3);
  room.router.set_incoming(LegId{3}, {{Source::kMic, "00", {31}}});
  room.router.feed(StreamId{1}, LegId{3});
  room.add(2);
  room.receive(2, {1});
  ck_assert(room.send_audio(3, 1));
  ck_assert(room.peers.at(2)->rtp.empty());
  room.router.mute(StreamId{1}, false, false);
  ck_assert(room.send_audio(3, 2));
  ck_assert_uint_eq(room.peers.at(2)->rtp.size(), 1);
}
END_TEST

START_TEST(a_change_of_feed_is_one_continuous_track) {
  Room room;
  one_to_many(room, 1);
  room.add(3);
  room.router.set_incoming(LegId{3}, {{Source::kMic, "00", {31}}, {Source::kCamera, "01", {32}}});
  Peer& peer = *room.peers.at(2);
  for (std::uint16_t i = 0; i < 3; ++i) room.send_audio(1, 100 + i);
  room.pass(40ms);
  room.router.feed(StreamId{1}, LegId{3});
  ck_assert(room.send_audio(1, 103));  // too late: it does not feed the stream any more
  for (std::uint16_t i = 0; i < 3; ++i) room.send_audio(3, 40000 + i);
  ck_assert_uint_eq(peer.rtp.size(), 6);
  ck_assert(consecutive(peer.sequences()));
  // 40 ms at 48 kHz between the last packet of the one and the first of the other.
  ck_assert_uint_eq(peer.packet(3).timestamp() - peer.packet(2).timestamp(), 1920);
  ck_assert_uint_eq(peer.packet(4).timestamp() - peer.packet(3).timestamp(), 960);

  room.pass(1s);
  room.router.feed(StreamId{1}, LegId{1});
  room.send_audio(1, 104);
  ck_assert(consecutive(peer.sequences()));
}
END_TEST

START_TEST(a_new_video_feed_waits_for_its_key_frame_and_asks_for_it) {
  Room room;
  one_to_many(room, 1);
  room.send_video(1, 7, true);
  room.add(3);
  room.router.set_incoming(LegId{3}, {{Source::kCamera, "01", {32}}});
  room.router.feed(StreamId{1}, LegId{3});
  room.pass(0s);
  const auto asked = room.peers.at(3)->items<rtp::PictureLossIndication>();
  ck_assert_uint_eq(asked.size(), 1);
  ck_assert_uint_eq(asked[0].media_ssrc, 32);
  room.send_video(3, 1, false);
  room.send_video(3, 2, true);
  room.send_video(3, 3, false);
  ck_assert_uint_eq(room.peers.at(2)->rtp.size(), 3);
  ck_assert(consecutive(room.peers.at(2)->sequences()));
}
END_TEST

START_TEST(picture_ids_go_on_across_a_change_of_feed) {
  Room room;
  one_to_many(room, 2);
  room.add(3 + 1);
  room.router.set_incoming(LegId{4}, {{Source::kCamera, "01", {42}}});
  std::uint16_t sequence = 0;
  const auto frame = [&](std::uint64_t leg, std::uint32_t ssrc, std::uint16_t id, bool key) {
    room.send(leg, {.ssrc = ssrc,
                    .sequence = ++sequence,
                    .timestamp = 3000U * sequence,
                    .payload_type = kVp8,
                    .payload = {0x90, 0x80, static_cast<std::uint8_t>(0x80U | id >> 8U),
                                static_cast<std::uint8_t>(id),
                                static_cast<std::uint8_t>(key ? 0 : 1), 9}});
  };
  frame(1, 12, 0x7ffe, true);
  frame(1, 12, 0x7fff, false);
  room.receive(3, {});  // the one of them pauses, and so is at another number
  frame(1, 12, 0, false);
  room.receive(3, {1});
  room.router.feed(StreamId{1}, LegId{4});
  frame(4, 42, 0x123, true);
  frame(4, 42, 0x124, false);
  const auto ids = [&](std::uint64_t leg) {
    std::vector<int> out;
    const Peer& peer = *room.peers.at(leg);
    for (std::size_t i = 0; i < peer.rtp.size(); ++i) {
      const auto payload = peer.packet(i).payload();
      out.push_back((payload[2] & 0x7f) << 8 | payload[3]);
      ck_assert_int_eq(payload[5], 9);
    }
    return out;
  };
  ck_assert((ids(2) == std::vector<int>{0x7ffe, 0x7fff, 0, 1, 2}));
  ck_assert((ids(3) == std::vector<int>{0x7ffe, 0x7fff, 0, 1}));
}
END_TEST

int main() {
  return parley::test::run(
      "router feed", {a_mute_outlives_a_change_of_device, a_change_of_feed_is_one_continuous_track,
                      a_new_video_feed_waits_for_its_key_frame_and_asks_for_it,
                      picture_ids_go_on_across_a_change_of_feed});
}
