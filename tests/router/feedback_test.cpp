// Reports in both directions, and requests for key frames.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "router/room.h"
#include "support/check_main.h"

using namespace parley::test;  // NOLINT(google-build-using-namespace)
using parley::base::LegId;
using parley::base::Source;
using parley::base::StreamId;
namespace rtp = parley::rtp;
using Pli = rtp::PictureLossIndication;

namespace {

constexpr std::uint32_t kCamera1 = 12;  // Room::ssrc(1, Source::kCamera)

// Leg 1 publishes to legs 2 and 3; the first key frames are over.
void settle(Room& room) {
  room.add(1);
  room.publish(1);
  for (const std::uint64_t leg : {2U, 3U}) {
    room.add(leg);
    room.receive(leg, {1});
  }
  room.pass(0s);
  room.send_video(1, 1, true);
  room.send_audio(1, 1);
  room.pass(2s);
  for (auto& [id, peer] : room.peers) peer->clear();
}

void send_report(Room& room, std::uint64_t leg, Source source, parley::base::Duration clock,
                 std::uint32_t timestamp) {
  rtp::RtcpWriter compound;
  compound.add_sender_report({.ssrc = Room::ssrc(leg, source),
                              .ntp = rtp::ntp_from(clock),
                              .timestamp = timestamp,
                              .packets = 1,
                              .octets = 2,
                              .blocks = {}});
  ck_assert(room.send_rtcp(leg, compound.bytes()));
}

}  // namespace

START_TEST(a_late_joiner_asks_for_a_key_frame_at_once) {
  Room room;
  settle(room);
  room.add(4);
  room.receive(4, {1});
  ck_assert(room.router.deadline() <= room.now);
  room.pass(0s);
  const auto asked = room.peers.at(1)->items<Pli>();
  ck_assert_uint_eq(asked.size(), 1);
  ck_assert_uint_eq(asked[0].media_ssrc, kCamera1);
  room.send_video(1, 2, false);
  room.send_video(1, 3, true);
  ck_assert_uint_eq(room.peers.at(4)->rtp.size(), 1);
  ck_assert_uint_eq(room.peers.at(2)->rtp.size(), 2);  // was not held up
  room.pass(3s);
  ck_assert_uint_eq(room.peers.at(1)->items<Pli>().size(), 1);
}
END_TEST

START_TEST(who_has_seen_nothing_yet_does_not_wait_for_the_interval) {
  Room room;
  settle(room);
  room.send_pli(2, Room::ssrc(2, 1, Source::kCamera));
  room.send_video(1, 2, true);
  room.pass(60ms);
  room.add(4);
  room.receive(4, {1});
  room.pass(39ms);
  ck_assert_uint_eq(room.peers.at(1)->items<Pli>().size(), 1);
  room.pass(1ms);
  ck_assert_uint_eq(room.peers.at(1)->items<Pli>().size(), 2);
  // What is asked for already will do for the next one.
  room.pass(300ms);
  room.add(5);
  room.receive(5, {1});
  room.pass(199ms);
  ck_assert_uint_eq(room.peers.at(1)->items<Pli>().size(), 2);
  room.send_video(1, 3, true);
  ck_assert_uint_eq(room.peers.at(4)->rtp.size(), 1);
  ck_assert_uint_eq(room.peers.at(5)->rtp.size(), 1);
  // A pause is no beginning.
  room.receive(5, {});
  room.receive(5, {1});
  room.pass(0ms);
  ck_assert_uint_eq(room.peers.at(1)->items<Pli>().size(), 2);
  room.pass(1ms);
  ck_assert_uint_eq(room.peers.at(1)->items<Pli>().size(), 3);
}
END_TEST

START_TEST(a_thousand_requests_in_a_second_become_two_or_three) {
  Room room;
  settle(room);
  for (int i = 0; i < 1000; ++i) {
    room.send_pli(2 + i % 2, Room::ssrc(2 + i % 2, 1, Source::kCamera));
    room.pass(1ms);
  }
  room.pass(2s);
  const std::size_t asked = room.peers.at(1)->items<Pli>().size();
  ck_assert_msg(asked >= 2 && asked <= 3, "%zu", asked);
  ck_assert_uint_eq(room.router.stats().keyframe_requests, 1 + asked);
}
END_TEST

START_TEST(a_request_inside_the_interval_is_postponed_not_lost) {
  Room room;
  settle(room);
  room.send_pli(2, Room::ssrc(2, 1, Source::kCamera));
  ck_assert_uint_eq(room.peers.at(1)->items<Pli>().size(), 1);
  room.pass(100ms);
  room.send_pli(3, Room::ssrc(3, 1, Source::kCamera));
  room.pass(399ms);
  ck_assert_uint_eq(room.peers.at(1)->items<Pli>().size(), 1);
  room.pass(1ms);
  ck_assert_uint_eq(room.peers.at(1)->items<Pli>().size(), 2);
  room.pass(5s);
  ck_assert_uint_eq(room.peers.at(1)->items<Pli>().size(), 2);
}
END_TEST

START_TEST(a_postponed_request_is_fulfilled_by_a_key_frame_on_the_way) {
  Room room;
  settle(room);
  room.send_pli(2, Room::ssrc(2, 1, Source::kCamera));
  room.send_pli(3, Room::ssrc(3, 1, Source::kCamera));
  room.send_video(1, 2, true);
  room.pass(5s);
  ck_assert_uint_eq(room.peers.at(1)->items<Pli>().size(), 1);
}
END_TEST

START_TEST(a_request_that_brought_nothing_is_repeated_while_somebody_waits) {
  Room room;
  settle(room);
  room.add(4);
  room.receive(4, {1});
  room.pass(0s);
  for (std::uint16_t i = 2; i < 62; ++i) {
    room.send_video(1, i, false);
    room.pass(33ms);
  }
  const std::size_t asked = room.peers.at(1)->items<Pli>().size();
  ck_assert_msg(asked >= 4 && asked <= 5, "%zu in 2 s", asked);
}
END_TEST

START_TEST(fir_is_a_request_too_and_audio_has_no_key_frames) {
  Room room;
  settle(room);
  Bytes fir = {0x84, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0};
  rtp::store32(&fir[12], Room::ssrc(2, 1, Source::kCamera));
  ck_assert(room.send_rtcp(2, fir));
  ck_assert_uint_eq(room.peers.at(1)->items<Pli>().size(), 1);
  room.pass(2s);
  room.send_pli(2, Room::ssrc(2, 1, Source::kMic));
  room.send_pli(2, Room::ssrc(3, 1, Source::kCamera));  // another's SSRC
  room.send_pli(2, 4711);
  room.pass(2s);
  ck_assert_uint_eq(room.peers.at(1)->items<Pli>().size(), 1);
}
END_TEST

START_TEST(a_muted_track_is_not_asked_for_key_frames) {
  Room room;
  settle(room);
  room.router.mute(StreamId{1}, false, true);
  room.send_pli(2, Room::ssrc(2, 1, Source::kCamera));
  room.pass(2s);
  ck_assert(room.peers.at(1)->items<Pli>().empty());
}
END_TEST

START_TEST(the_publisher_is_told_of_loss_each_second) {
  Room room;
  settle(room);
  for (std::uint16_t i = 2; i < 52; ++i)
    if (i % 5 != 0) room.send_audio(1, i);  // 10 of 50 lost
  room.pass(1s);
  const auto reports = room.peers.at(1)->items<rtp::ReceiverReport>();
  ck_assert_uint_eq(reports.size(), 1);
  ck_assert_uint_eq(reports[0].blocks.size(), 2);
  for (std::size_t i = 0; i < 2; ++i) {
    const rtp::ReportBlock block = reports[0].blocks[i];
    if (block.ssrc != Room::ssrc(1, Source::kMic)) continue;
    ck_assert_int_eq(block.cumulative_lost, 10);
    ck_assert_uint_eq(block.fraction_lost, 10 * 256 / 50);
    ck_assert_uint_eq(block.highest_sequence, 51);
    ck_assert_uint_eq(block.last_report, 0);
  }
  room.peers.at(1)->clear();
  room.pass(4s);
  ck_assert_uint_eq(room.peers.at(1)->items<rtp::ReceiverReport>().size(), 4);
}
END_TEST

START_TEST(the_publisher_can_measure_the_round_trip) {
  Room room;
  settle(room);
  const auto clock = 3'900'000'000s + 250ms;
  send_report(room, 1, Source::kMic, clock, 5000);
  room.peers.at(1)->clear();
  room.pass(1s);
  const auto reports = room.peers.at(1)->items<rtp::ReceiverReport>();
  ck_assert(!reports.empty());
  bool seen = false;
  for (std::size_t i = 0; i < reports[0].blocks.size(); ++i) {
    const rtp::ReportBlock block = reports[0].blocks[i];
    if (block.ssrc != Room::ssrc(1, Source::kMic)) continue;
    seen = true;
    ck_assert_uint_eq(block.last_report, rtp::compact(rtp::ntp_from(clock)));
    ck_assert_uint_le(block.delay_since_last_report, 65536);
    ck_assert_uint_gt(block.delay_since_last_report, 0);
  }
  ck_assert(seen);
}
END_TEST

START_TEST(receivers_get_sender_reports_that_keep_audio_and_video_in_step) {
  Room room;
  settle(room);
  // The publisher's clock read 1234 s when its microphone was at 480000 and its camera at 900000;
  // the camera's report comes 300 ms later, and 20 ms slower.
  send_report(room, 1, Source::kMic, 1234s, 480'000);
  room.pass(320ms);
  send_report(room, 1, Source::kCamera, 1234s + 300ms, 927'000);
  for (auto& [id, peer] : room.peers) peer->clear();
  room.send_audio(1, 2);
  room.send_video(1, 2, false);
  room.pass(1s);

  const Peer& peer = *room.peers.at(2);
  const auto reports = peer.items<rtp::SenderReport>();
  ck_assert_uint_ge(reports.size(), 2);
  rtp::SenderReport audio;
  rtp::SenderReport video;
  for (const rtp::SenderReport& report : reports)
    (report.ssrc == Room::ssrc(2, 1, Source::kMic) ? audio : video) = report;
  ck_assert_uint_eq(video.ssrc, Room::ssrc(2, 1, Source::kCamera));
  ck_assert_uint_eq(audio.packets, 2);
  ck_assert_uint_eq(audio.octets, 80);
  ck_assert_uint_eq(video.packets, 2);

  // Out = in + constant, per track; take it from the packets, then go back to the publisher's time.
  std::uint32_t audio_shift = 0;
  std::uint32_t video_shift = 0;
  for (std::size_t i = 0; i < peer.rtp.size(); ++i) {
    const rtp::Packet packet = peer.packet(i);
    if (packet.ssrc() == audio.ssrc)
      audio_shift = packet.timestamp() - 2 * 960;
    else
      video_shift = packet.timestamp() - 2 * 3000;
  }
  const double ntp_seconds = static_cast<double>(audio.ntp >> 32U) -
                             static_cast<double>(video.ntp >> 32U) +
                             (static_cast<double>(audio.ntp & 0xffffffffU) -
                              static_cast<double>(video.ntp & 0xffffffffU)) /
                                 4294967296.0;
  const double audio_seconds = (audio.timestamp - audio_shift - 480'000) / 48'000.0;
  const double video_seconds = (video.timestamp - video_shift - 900'000) / 90'000.0;
  const double apart = audio_seconds - video_seconds - ntp_seconds;
  ck_assert_msg(apart > -0.002 && apart < 0.002, "%f s", apart);
}
END_TEST

START_TEST(reports_name_one_sender_for_the_tracks_of_a_stream) {
  Room room;
  settle(room);
  send_report(room, 1, Source::kMic, 50s, 1);
  send_report(room, 1, Source::kCamera, 50s, 1);
  room.send_audio(1, 2);
  room.send_video(1, 2, false);
  room.pass(1s);
  std::map<std::uint32_t, Bytes> cnames;
  for (const auto& description : room.peers.at(2)->items<rtp::SourceDescription>()) {
    const auto chunk = description.chunks;
    cnames[rtp::load32(chunk.data())] = Bytes(chunk.begin() + 6, chunk.begin() + 6 + chunk[5]);
  }
  ck_assert_uint_eq(cnames.count(Room::ssrc(2, 1, Source::kMic)), 1);
  ck_assert(cnames.at(Room::ssrc(2, 1, Source::kMic)) ==
            cnames.at(Room::ssrc(2, 1, Source::kCamera)));
  ck_assert(!cnames.at(Room::ssrc(2, 1, Source::kMic)).empty());
}
END_TEST

START_TEST(a_receiver_of_many_tracks_gets_reports_that_fit_into_datagrams) {
  Room room;
  std::vector<std::uint64_t> streams;
  for (std::uint64_t leg = 1; leg <= 40; ++leg) {
    room.add(leg);
    room.publish(leg);
    streams.push_back(leg);
  }
  room.add(99);
  room.receive(99, streams);
  for (const std::uint64_t leg : streams) {
    room.send_audio(leg, 1);
    room.send_video(leg, 1, true);
    send_report(room, leg, Source::kMic, 50s, 1);
    send_report(room, leg, Source::kCamera, 50s, 1);
  }
  room.peers.at(99)->clear();
  room.pass(500ms);
  ck_assert_uint_eq(room.peers.at(99)->items<rtp::SenderReport>().size(), 80);
  for (const Bytes& compound : room.peers.at(99)->rtcp) {
    ck_assert_uint_le(compound.size(), 1200);
    ck_assert_uint_eq(compound[1], 201);  // a compound starts with a report
  }
}
END_TEST

START_TEST(malformed_and_oversized_rtcp_is_counted_and_not_used) {
  Room room;
  settle(room);
  rtp::RtcpWriter compound;
  compound.add_picture_loss(1, Room::ssrc(2, 1, Source::kCamera));
  Bytes broken(compound.bytes().begin(), compound.bytes().end());
  for (const std::uint8_t byte : {0x80, 201, 0, 9})
    broken.push_back(static_cast<std::uint8_t>(byte));
  ck_assert(room.send_rtcp(2, broken));
  ck_assert_uint_eq(room.router.stats().malformed, 1);
  Bytes large;
  while (large.size() < 1600)
    for (const std::uint8_t byte : {0x80, 201, 0, 1, 0, 0, 0, 1})
      large.push_back(static_cast<std::uint8_t>(byte));
  ck_assert(!room.send_rtcp(2, large));
  ck_assert_uint_eq(room.router.stats().malformed, 2);
  room.pass(1s);
  ck_assert(room.peers.at(1)->items<Pli>().empty());
}
END_TEST

START_TEST(a_publisher_that_numbers_its_packets_is_told_of_their_arrival) {
  Room room;
  settle(room);
  for (std::uint16_t i = 0; i < 5; ++i)
    room.send(1,
              {.ssrc = Room::ssrc(1, Source::kMic),
               .sequence = static_cast<std::uint16_t>(10 + i),
               .extensions = {{rtp::kTransportCcExtension, {0x12, static_cast<std::uint8_t>(i)}}}});
  room.pass(100ms);
  std::size_t reports = 0;
  for (const Bytes& compound : room.peers.at(1)->rtcp) {
    ck_assert_uint_eq(compound[1], 201);
    for (std::size_t at = 0; at < compound.size();
         at += 4 * (rtp::load16(&compound[at + 2]) + 1U)) {
      if (compound[at] != 0x8f || compound[at + 1] != 205) continue;
      ++reports;
      ck_assert_uint_eq(rtp::load16(&compound[at + 12]), 0x1200);
      ck_assert_uint_eq(rtp::load16(&compound[at + 14]), 5);
    }
  }
  ck_assert_uint_eq(reports, 1);
  room.peers.at(1)->clear();
  room.pass(300ms);
  ck_assert(room.peers.at(1)->rtcp.empty());  // nothing new to tell
  ck_assert(room.peers.at(2)->packet(0).extension(rtp::kTransportCcExtension).empty());
}
END_TEST

int main() {
  return parley::test::run(
      "router feedback",
      {a_late_joiner_asks_for_a_key_frame_at_once,
       who_has_seen_nothing_yet_does_not_wait_for_the_interval,
       a_thousand_requests_in_a_second_become_two_or_three,
       a_request_inside_the_interval_is_postponed_not_lost,
       a_postponed_request_is_fulfilled_by_a_key_frame_on_the_way,
       a_request_that_brought_nothing_is_repeated_while_somebody_waits,
       fir_is_a_request_too_and_audio_has_no_key_frames, a_muted_track_is_not_asked_for_key_frames,
       the_publisher_is_told_of_loss_each_second, the_publisher_can_measure_the_round_trip,
       receivers_get_sender_reports_that_keep_audio_and_video_in_step,
       reports_name_one_sender_for_the_tracks_of_a_stream,
       a_receiver_of_many_tracks_gets_reports_that_fit_into_datagrams,
       a_publisher_that_numbers_its_packets_is_told_of_their_arrival,
       malformed_and_oversized_rtcp_is_counted_and_not_used});
}
