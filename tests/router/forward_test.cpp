// What comes in from a publisher, and what each receiver gets of it.

#include <malloc.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "router/room.h"
#include "support/check_main.h"

using namespace parley::test;  // NOLINT(google-build-using-namespace)
using parley::base::LegId;
using parley::base::Source;
using parley::base::StreamId;
using parley::router::OutgoingTrack;
namespace rtp = parley::rtp;

namespace {

// Always 0 under a sanitizer, which has an allocator of its own.
std::size_t allocated_bytes() {
  const auto info = mallinfo2();
  return info.uordblks + info.hblkhd;  // small and large blocks
}

bool consecutive(const std::vector<std::uint16_t>& sequences) {
  for (std::size_t i = 1; i < sequences.size(); ++i)
    if (sequences[i] != static_cast<std::uint16_t>(sequences[i - 1] + 1)) return false;
  return true;
}

std::string text(std::span<const std::uint8_t> bytes) { return {bytes.begin(), bytes.end()}; }

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

START_TEST(every_receiver_gets_every_packet_with_its_own_ssrc) {
  Room room;
  one_to_many(room, 5);
  for (std::uint16_t i = 0; i < 50; ++i) ck_assert(room.send_audio(1, 500 + i));
  for (std::uint64_t leg = 2; leg < 7; ++leg) {
    const Peer& peer = *room.peers.at(leg);
    ck_assert_uint_eq(peer.rtp.size(), 50);
    ck_assert(consecutive(peer.sequences()));
    ck_assert_uint_eq(peer.unreadable, 0);
    for (std::size_t i = 0; i < 50; ++i) {
      const rtp::Packet packet = peer.packet(i);
      ck_assert_uint_eq(packet.ssrc(), Room::ssrc(leg, 1, Source::kMic));
      ck_assert_uint_eq(packet.payload_type(), kOpus);
      ck_assert_uint_eq(packet.timestamp() - peer.packet(0).timestamp(), 960 * i);
      ck_assert(std::ranges::equal(packet.payload(), Bytes(40, 0x5a)));
    }
  }
  ck_assert(room.peers.at(1)->rtp.empty());
  ck_assert_uint_eq(room.router.stats().packets_in, 50);
  ck_assert_uint_eq(room.router.stats().packets_out, 250);
}
END_TEST

START_TEST(streams_do_not_mix) {
  Room room;
  for (std::uint64_t leg = 1; leg <= 4; ++leg) {
    room.add(leg);
    room.publish(leg);
  }
  room.receive(1, {2});
  room.receive(2, {1});
  room.receive(3, {4});
  room.receive(4, {3});
  for (std::uint64_t leg = 1; leg <= 4; ++leg)
    room.send(leg, {.ssrc = Room::ssrc(leg, Source::kMic),
                    .payload = Bytes(20, static_cast<std::uint8_t>(leg))});
  const std::array<std::uint8_t, 5> from = {0, 2, 1, 4, 3};
  for (std::uint64_t leg = 1; leg <= 4; ++leg) {
    const Peer& peer = *room.peers.at(leg);
    ck_assert_uint_eq(peer.rtp.size(), 1);
    ck_assert_uint_eq(peer.packet(0).payload()[0], from[leg]);
    ck_assert_uint_eq(peer.packet(0).ssrc(), Room::ssrc(leg, from[leg], Source::kMic));
  }
}
END_TEST

START_TEST(an_ssrc_of_another_leg_is_not_taken) {
  Room room;
  one_to_many(room, 1);
  room.add(9);
  room.publish(9);
  ck_assert(room.send(9, {.ssrc = Room::ssrc(1, Source::kMic)}));
  ck_assert(room.peers.at(2)->rtp.empty());
  ck_assert_uint_eq(room.router.stats().unroutable, 1);
}
END_TEST

START_TEST(a_closed_gate_lets_nothing_in_or_out) {
  Room room;
  room.add(1, false);
  room.publish(1);
  room.add(2, false);
  room.receive(2, {1});
  ck_assert(!room.send_audio(1, 1));
  room.pass(3s);
  ck_assert(room.outbox.empty());
  ck_assert_uint_eq(room.router.stats().packets_in, 0);

  room.open(1);
  ck_assert(room.send_audio(1, 2));
  ck_assert(room.peers.at(2)->rtp.empty());
  room.open(2);
  ck_assert(room.send_audio(1, 3));
  ck_assert_uint_eq(room.peers.at(2)->rtp.size(), 1);
}
END_TEST

START_TEST(a_muted_kind_is_not_forwarded_and_leaves_no_hole) {
  Room room;
  one_to_many(room, 1);
  Peer& peer = *room.peers.at(2);
  room.send_audio(1, 10);
  room.send_video(1, 10, true);
  room.router.mute(StreamId{1}, true, false);
  for (std::uint16_t i = 11; i < 20; ++i) {
    room.send_audio(1, i);
    room.send_video(1, i, false);
  }
  ck_assert_uint_eq(peer.rtp.size(), 2 + 9);
  room.router.mute(StreamId{1}, false, false);
  room.send_audio(1, 20);
  ck_assert_uint_eq(peer.rtp.size(), 2 + 9 + 1);
  ck_assert_uint_eq(peer.packet(11).sequence(), peer.packet(0).sequence() + 1);
  // The pause stays visible as time.
  ck_assert_uint_eq(peer.packet(11).timestamp() - peer.packet(0).timestamp(), 10 * 960);
}
END_TEST

START_TEST(after_unmuting_video_a_key_frame_is_asked_for_and_waited_for) {
  Room room;
  one_to_many(room, 1);
  room.send_video(1, 1, true);
  room.pass(2s);
  room.router.mute(StreamId{1}, false, true);
  room.send_video(1, 2, false);
  room.peers.at(1)->clear();
  room.pass(2s);
  ck_assert(room.peers.at(1)->items<rtp::PictureLossIndication>().empty());
  room.router.mute(StreamId{1}, false, false);
  room.pass(0s);
  ck_assert_uint_eq(room.peers.at(1)->items<rtp::PictureLossIndication>().size(), 1);
  room.send_video(1, 3, false);
  ck_assert_uint_eq(room.peers.at(2)->rtp.size(), 1);
  room.send_video(1, 4, true);
  ck_assert_uint_eq(room.peers.at(2)->rtp.size(), 2);
  ck_assert(consecutive(room.peers.at(2)->sequences()));
}
END_TEST

START_TEST(who_mutes_microphone_and_camera_may_still_show_a_screen) {
  Room room;
  one_to_many(room, 1);
  constexpr std::uint32_t kScreen = 13;
  room.router.set_incoming(LegId{1}, {{Source::kCamera, "01", {Room::ssrc(1, Source::kCamera)}},
                                      {Source::kScreen, "02", {kScreen}}});
  auto tracks = Room::tracks(2, 1);
  auto screen = tracks.back();
  screen.source = Source::kScreen;
  screen.ssrc += 1;
  screen.mid = {'a', 's'};
  tracks.push_back(screen);
  room.router.set_outgoing(LegId{2}, tracks);
  room.router.mute(StreamId{1}, true, true);
  room.send_video(1, 1, true);
  ck_assert(room.peers.at(2)->rtp.empty());
  ck_assert(
      room.send(1, {.ssrc = kScreen, .sequence = 1, .payload_type = kVp8, .payload = vp8_key()}));
  ck_assert_uint_eq(room.peers.at(2)->rtp.size(), 1);
  ck_assert_uint_eq(room.peers.at(2)->packet(0).ssrc(), screen.ssrc);
}
END_TEST

START_TEST(video_starts_with_a_key_frame) {
  Room room;
  one_to_many(room, 1);
  for (std::uint16_t i = 0; i < 5; ++i) room.send_video(1, i, false);
  ck_assert(room.peers.at(2)->rtp.empty());
  room.send_video(1, 5, true);
  for (std::uint16_t i = 6; i < 9; ++i) room.send_video(1, i, false);
  room.send_video(1, 4, false);  // late, from before the key frame
  ck_assert_uint_eq(room.peers.at(2)->rtp.size(), 4);
  ck_assert(consecutive(room.peers.at(2)->sequences()));
}
END_TEST

START_TEST(padding_only_packets_go_to_nobody_and_leave_no_hole) {
  Room room;
  one_to_many(room, 2);
  room.send_video(1, 65534, true);
  room.send(1, {.ssrc = Room::ssrc(1, Source::kCamera),
                .sequence = 65535,
                .payload_type = kVp8,
                .payload = {},
                .padding = 200});
  room.send_video(1, 0, false);
  room.send(1, {.ssrc = Room::ssrc(1, Source::kCamera),
                .sequence = 1,
                .payload_type = kVp8,
                .payload = vp8_delta(),
                .padding = 4});
  for (const std::uint64_t leg : {2U, 3U}) {
    const Peer& peer = *room.peers.at(leg);
    ck_assert_uint_eq(peer.rtp.size(), 3);
    ck_assert(consecutive(peer.sequences()));
    ck_assert(std::ranges::equal(peer.packet(2).payload(), vp8_delta()));
  }
}
END_TEST

START_TEST(loss_and_reordering_of_the_publisher_stay_visible) {
  Room room;
  one_to_many(room, 1);
  for (const std::uint16_t sequence : {10, 11, 13, 12, 16}) room.send_audio(1, sequence);
  const auto out = room.peers.at(2)->sequences();
  ck_assert_uint_eq(out.size(), 5);
  const std::array<int, 5> expected = {0, 1, 3, 2, 6};
  for (std::size_t i = 0; i < 5; ++i)
    ck_assert_int_eq(static_cast<std::int16_t>(out[i] - out[0]), expected[i]);
}
END_TEST

START_TEST(an_unannounced_ssrc_is_learned_by_its_mid) {
  Room room;
  one_to_many(room, 1);
  room.router.set_incoming(LegId{1}, {{Source::kMic, "00", {}}, {Source::kCamera, "01", {}}});
  ck_assert(room.send(1, {.ssrc = 777, .sequence = 1}));
  ck_assert_uint_eq(room.router.stats().unroutable, 1);
  ck_assert(room.send(
      1, {.ssrc = 777, .sequence = 2, .extensions = {{rtp::kMidExtension, text_bytes("00")}}}));
  ck_assert(room.send(1, {.ssrc = 777, .sequence = 3}));
  ck_assert_uint_eq(room.peers.at(2)->rtp.size(), 2);
  ck_assert_uint_eq(room.peers.at(2)->packet(0).ssrc(), Room::ssrc(2, 1, Source::kMic));
  // A new answer that names the same m-lines changes nothing for it.
  room.router.set_incoming(LegId{1}, {{Source::kMic, "00", {}}, {Source::kCamera, "01", {}}});
  ck_assert(room.send(1, {.ssrc = 777, .sequence = 4}));
  ck_assert_uint_eq(room.peers.at(2)->rtp.size(), 3);
  ck_assert(consecutive(room.peers.at(2)->sequences()));
}
END_TEST

START_TEST(a_second_ssrc_takes_a_track_over_only_from_a_silent_one) {
  Room room;
  one_to_many(room, 1);
  room.router.set_incoming(LegId{1}, {{Source::kMic, "00", {11, 12}}});
  room.send(1, {.ssrc = 11, .sequence = 1});
  room.send(1, {.ssrc = 12, .sequence = 900});
  ck_assert_uint_eq(room.peers.at(2)->rtp.size(), 1);
  room.pass(600ms);
  room.send(1, {.ssrc = 12, .sequence = 901});
  room.send(1, {.ssrc = 12, .sequence = 902});
  ck_assert_uint_eq(room.peers.at(2)->rtp.size(), 3);
  ck_assert(consecutive(room.peers.at(2)->sequences()));
}
END_TEST

START_TEST(extensions_are_the_receivers_and_made_anew) {
  Room room;
  one_to_many(room, 2);
  auto without = Room::tracks(3, 1);
  for (OutgoingTrack& track : without) track.extensions = {rtp::kAudioLevelExtension};
  room.router.set_outgoing(LegId{3}, without);
  room.now = TimePoint(1003s + 500ms);
  room.send(1, {.ssrc = Room::ssrc(1, Source::kMic),
                .sequence = 1,
                .extensions = {{rtp::kMidExtension, text_bytes("00")},
                               {rtp::kAudioLevelExtension, {0x85}},
                               {rtp::kAbsSendTimeExtension, {1, 2, 3}},
                               {rtp::kTransportCcExtension, {0, 7}},
                               {rtp::kRidExtension, text_bytes("hi")},
                               {rtp::kRepairedRidExtension, text_bytes("lo")},
                               {9, {1}}}});
  const rtp::Packet all = room.peers.at(2)->packet(0);
  ck_assert(text(all.extension(rtp::kMidExtension)) == "am");
  ck_assert_uint_eq(all.extension(rtp::kAudioLevelExtension)[0], 0x85);
  // 1003.5 s modulo 64 s is 43.5 s, in 6.18 fixed point.
  ck_assert_uint_eq(rtp::load24(all.extension(rtp::kAbsSendTimeExtension).data()),
                    43 << 18 | 1 << 17);
  for (const std::uint8_t id : {4, 5, 6, 9}) ck_assert(all.extension(id).empty());

  const rtp::Packet few = room.peers.at(3)->packet(0);
  ck_assert_uint_eq(few.extension(rtp::kAudioLevelExtension)[0], 0x85);
  for (const std::uint8_t id : {1, 3, 4, 5, 6, 9}) ck_assert(few.extension(id).empty());
}
END_TEST

START_TEST(a_payload_type_the_receiver_does_not_take_is_not_sent) {
  Room room;
  one_to_many(room, 1);
  room.send_audio(1, 1);
  room.send(1, {.ssrc = Room::ssrc(1, Source::kMic), .sequence = 2, .payload_type = 9});
  room.send_audio(1, 3);
  ck_assert_uint_eq(room.peers.at(2)->rtp.size(), 2);
  ck_assert(consecutive(room.peers.at(2)->sequences()));
  ck_assert_uint_eq(room.router.stats().unroutable, 1);
}
END_TEST

START_TEST(refused_packets_are_counted_by_reason) {
  Room room;
  one_to_many(room, 1);
  const Bytes plain = make_rtp({.ssrc = Room::ssrc(1, Source::kMic), .sequence = 1});
  Bytes sealed(plain.size() + 16);
  sealed.resize(room.peers.at(1)->seal.protect(plain, sealed.data()));
  ck_assert(room.hand_in(1, sealed));
  ck_assert(!room.hand_in(1, sealed));
  ck_assert_uint_eq(room.router.stats().replays, 1);
  sealed[3] = 9;
  ck_assert(!room.hand_in(1, sealed));
  ck_assert_uint_eq(room.router.stats().auth_failures, 1);
  ck_assert(!room.hand_in(1, Bytes(20, 0x80)));
  ck_assert_uint_eq(room.router.stats().malformed, 1);
  ck_assert(!room.hand_in(1, {0x80}));
  ck_assert(!room.hand_in(77, sealed));
  ck_assert_uint_eq(room.peers.at(2)->rtp.size(), 1);
}
END_TEST

START_TEST(sources_are_bounded_per_publisher) {
  Room room;
  one_to_many(room, 1);
  for (std::uint32_t ssrc = 1000; ssrc < 1050; ++ssrc)
    room.send(1, {.ssrc = ssrc, .extensions = {{rtp::kMidExtension, text_bytes("00")}}});
  ck_assert_uint_eq(room.router.stats().unroutable, 30);
  // Those that fell silent make room: a browser takes a new SSRC with each screen it shares.
  room.pass(11s);
  for (std::uint32_t ssrc = 2000; ssrc < 2020; ++ssrc)
    room.send(1, {.ssrc = ssrc, .extensions = {{rtp::kMidExtension, text_bytes("00")}}});
  ck_assert_uint_eq(room.router.stats().unroutable, 30);
}
END_TEST

START_TEST(an_ssrc_that_comes_back_goes_on_where_it_was) {
  Room room;
  one_to_many(room, 1);
  for (std::uint16_t i = 0; i < 5; ++i) room.send_audio(1, i);
  room.receive(2, {});
  room.send_audio(1, 5);
  room.receive(2, {1});
  for (std::uint16_t i = 6; i < 9; ++i) room.send_audio(1, i);
  ck_assert_uint_eq(room.peers.at(2)->rtp.size(), 8);
  ck_assert(consecutive(room.peers.at(2)->sequences()));
}
END_TEST

START_TEST(a_leg_removed_in_the_middle_of_a_batch_leaves_nothing_behind) {
  Room room;
  one_to_many(room, 3);
  const Bytes plain = make_rtp({.ssrc = Room::ssrc(1, Source::kMic), .sequence = 1});
  Bytes sealed(plain.size() + 16);
  sealed.resize(room.peers.at(1)->seal.protect(plain, sealed.data()));
  ck_assert(room.router.on_datagram(LegId{1}, sealed, room.now));
  room.router.remove_leg(LegId{3});
  room.deliver();
  ck_assert_uint_eq(room.peers.at(2)->rtp.size(), 1);
  ck_assert(room.peers.at(3)->rtp.empty());
  ck_assert_uint_eq(room.peers.at(4)->rtp.size(), 1);
  room.send_audio(1, 2);
  room.router.remove_leg(LegId{1});
  ck_assert(!room.send_audio(1, 3));
  room.router.remove_leg(LegId{2});
  room.router.remove_leg(LegId{4});
  ck_assert(!room.router.deadline().has_value());
  room.router.on_timer(room.now + 10s);
  ck_assert(room.outbox.empty());
}
END_TEST

START_TEST(a_fan_out_larger_than_the_outbox_loses_nothing) {
  Room room(4);
  one_to_many(room, 30);
  room.send_audio(1, 1);
  for (std::uint64_t leg = 2; leg < 32; ++leg) ck_assert_uint_eq(room.peers.at(leg)->rtp.size(), 1);
  ck_assert_uint_eq(room.router.stats().outbox_drops, 0);
}
END_TEST

START_TEST(orders_about_unknown_legs_and_streams_do_no_harm) {
  Room room;
  room.router.remove_leg(LegId{5});
  room.router.set_incoming(LegId{5}, {{Source::kMic, "00", {1}}});
  room.router.set_outgoing(LegId{5}, Room::tracks(5, 1));
  room.open(5);
  room.router.feed(StreamId{5}, LegId{5});
  room.router.mute(StreamId{6}, false, false);
  room.router.forget(StreamId{7});
  // The leg that feeds may come after the feed.
  room.add(5);
  room.router.set_incoming(LegId{5}, {{Source::kMic, "00", {51}}});
  room.add(2);
  room.receive(2, {5});
  ck_assert(room.send_audio(5, 1));
  ck_assert_uint_eq(room.peers.at(2)->rtp.size(), 1);
}
END_TEST

// A guest made the offer: its payload types are its own, its extensions and SSRCs unknown.
START_TEST(a_guest_is_spoken_to_in_its_own_payload_types) {
  Room room;
  Peer& viewer = room.add(2);
  Peer& guest_viewer = room.add(3);
  room.add(1);
  room.router.set_incoming(
      LegId{1}, {{Source::kMic, "0", {}, {{109, kOpus}}, false, {{6, rtp::kAudioLevelExtension}}},
                 {Source::kCamera, "1", {}, {{120, kVp8}}}});
  room.router.feed(StreamId{1}, LegId{1});
  room.receive(2, {1});
  auto tracks = Room::tracks(3, 1);
  for (auto& track : tracks) {
    track.extensions.clear();
    track.payload_names = {{100, kOpus}, {101, kVp8}};
  }
  room.router.set_outgoing(LegId{3}, tracks);

  // Id 1 is not the MID to it, and id 4 no number of transport-cc.
  ck_assert(room.send(1, {.ssrc = 7,
                          .sequence = 1,
                          .payload_type = 109,
                          .extensions = {{1, text_bytes("00")}, {4, {0, 1}}, {6, {0x85}}}}));
  ck_assert(room.send(
      1, {.ssrc = 8, .sequence = 1, .payload_type = 120, .payload = vp8_key(), .marker = true}));
  ck_assert(room.send(1, {.ssrc = 9, .sequence = 1, .payload_type = kVp8, .payload = vp8_key()}));
  ck_assert_uint_eq(room.router.stats().unroutable, 1);  // what it did not offer as such

  ck_assert_uint_eq(viewer.rtp.size(), 2);
  ck_assert_uint_eq(viewer.packet(0).payload_type(), kOpus);
  ck_assert_uint_eq(viewer.packet(1).payload_type(), kVp8);
  ck_assert_uint_eq(viewer.packet(0).extension(rtp::kAudioLevelExtension)[0], 0x85);
  ck_assert_uint_eq(guest_viewer.rtp.size(), 2);
  ck_assert_uint_eq(guest_viewer.packet(0).payload_type(), 100);
  ck_assert_uint_eq(guest_viewer.packet(1).payload_type(), 101);
  ck_assert(guest_viewer.packet(1).marker());
  ck_assert_uint_eq(guest_viewer.rtp[0][0] & 0x10U, 0);  // no extension

  // A key frame is asked for by the SSRC that was learned.
  room.pass(1s);
  room.peers.at(1)->clear();
  ck_assert(room.send_pli(3, Room::ssrc(3, 1, Source::kCamera)));
  room.pass(1s);
  const auto asked = room.peers.at(1)->items<rtp::PictureLossIndication>();
  ck_assert_uint_eq(asked.size(), 1);
  ck_assert_uint_eq(asked[0].media_ssrc, 8);
}
END_TEST

// Each SSRC is new, as it is each time somebody turns a camera off and on.
START_TEST(tracks_that_ended_leave_no_memory_behind) {
  Room room;
  room.add(1);
  Peer& peer = room.add(2);
  room.publish(1);
  std::size_t before = 0;
  for (std::uint32_t i = 0; i < 20'000; ++i) {
    if (i == 2000) before = allocated_bytes();
    auto tracks = Room::tracks(2, 1);
    for (std::size_t t = 0; t < tracks.size(); ++t)
      tracks[t].ssrc = static_cast<std::uint32_t>(1000 + 2 * i + t);
    const std::array<std::uint32_t, 2> ssrcs = {tracks[0].ssrc, tracks[1].ssrc};
    room.router.set_outgoing(peer.id, tracks);
    ck_assert(room.send_audio(1, static_cast<std::uint16_t>(i)));
    ck_assert_uint_eq(peer.rtp.size() + peer.unreadable, 1);
    peer.rtp = {};
    peer.unreadable = 0;
    room.router.set_outgoing(peer.id, {}, ssrcs);
  }
  ck_assert_uint_le(allocated_bytes(), before + 64 * 1024);
}
END_TEST

int main() {
  return parley::test::run("router forward",
                           {every_receiver_gets_every_packet_with_its_own_ssrc,
                            streams_do_not_mix,
                            an_ssrc_of_another_leg_is_not_taken,
                            a_closed_gate_lets_nothing_in_or_out,
                            a_muted_kind_is_not_forwarded_and_leaves_no_hole,
                            after_unmuting_video_a_key_frame_is_asked_for_and_waited_for,
                            who_mutes_microphone_and_camera_may_still_show_a_screen,
                            video_starts_with_a_key_frame,
                            padding_only_packets_go_to_nobody_and_leave_no_hole,
                            loss_and_reordering_of_the_publisher_stay_visible,
                            an_unannounced_ssrc_is_learned_by_its_mid,
                            a_second_ssrc_takes_a_track_over_only_from_a_silent_one,
                            extensions_are_the_receivers_and_made_anew,
                            a_payload_type_the_receiver_does_not_take_is_not_sent,
                            refused_packets_are_counted_by_reason,
                            sources_are_bounded_per_publisher,
                            an_ssrc_that_comes_back_goes_on_where_it_was,
                            a_leg_removed_in_the_middle_of_a_batch_leaves_nothing_behind,
                            a_fan_out_larger_than_the_outbox_loses_nothing,
                            orders_about_unknown_legs_and_streams_do_no_harm,
                            a_guest_is_spoken_to_in_its_own_payload_types,
                            tracks_that_ended_leave_no_memory_behind});
}
