// What the tool reads from and writes into packets and session descriptions.
#include <string>
#include <vector>

#include "bytes.h"
#include "negotiation.h"
#include "rtp.h"
#include "session_description.h"
#include "web_socket.h"

// Behind the C++ headers: it defines `fail`.
#include <check.h>

namespace {

using namespace parley::load;

using Bytes = std::vector<std::uint8_t>;

// An offer as an ICE-lite server makes it: two lines for what we send, one of another participant.
constexpr const char* kOffer =
    "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=ice-lite\r\na=group:BUNDLE 00 01 02\r\n"
    "a=ice-ufrag:UF\r\na=ice-pwd:PW\r\na=fingerprint:sha-256 AA:BB\r\na=setup:actpass\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:00\r\na=recvonly\r\na=rtpmap:111 opus/48000/2\r\n"
    "a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
    "a=candidate:1 1 UDP 2130706431 127.0.0.1 4000 typ host\r\n"
    "m=video 9 UDP/TLS/RTP/SAVPF 98 96 97\r\na=mid:01\r\na=recvonly\r\na=rtpmap:98 VP9/90000\r\n"
    "a=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"
    "a=rtcp-fb:96 nack pli\r\n"
    "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:02\r\na=sendonly\r\na=rtpmap:96 VP8/90000\r\n";

Negotiation fresh() { return Negotiation({"uf", "pw", "CC:DD", "127.0.0.1", 5000}, true); }

START_TEST(reads_lines_codecs_and_transport) {
  const SessionDescription sdp = parse_sdp(kOffer);
  ck_assert(sdp.ice_lite);
  ck_assert_uint_eq(sdp.media.size(), 3);
  ck_assert_str_eq(sdp.media[1].pwd.c_str(), "PW");
  ck_assert_int_eq(sdp.media[1].find_codec("vp8"), 96);
  ck_assert_int_eq(sdp.media[1].find_rtx(96), 97);
  ck_assert_int_eq(sdp.media[1].find_rtx(9), -1);
  ck_assert(sdp.media[2].peer_sends() && !sdp.media[2].peer_receives());
}
END_TEST

START_TEST(a_publisher_sends_on_the_first_lines_and_receives_the_others) {
  Negotiation negotiation = fresh();
  const SessionDescription answer = parse_sdp(negotiation.answer(kOffer, true, true));
  ck_assert_uint_eq(answer.media.size(), 3);
  ck_assert_str_eq(answer.media[0].direction.c_str(), "sendonly");
  ck_assert_str_eq(answer.media[1].direction.c_str(), "sendonly");
  ck_assert_str_eq(answer.media[2].direction.c_str(), "recvonly");
  ck_assert_str_eq(negotiation.sending(Kind::kVideo)->mid.c_str(), "01");
  ck_assert_int_eq(negotiation.sending(Kind::kVideo)->rtx_payload_type, 97);
  ck_assert(negotiation.dtls_active());
  ck_assert(negotiation.remote().lite);
}
END_TEST

START_TEST(a_viewer_leaves_the_lines_for_its_own_media_inactive) {
  Negotiation negotiation = fresh();
  const SessionDescription answer = parse_sdp(negotiation.answer(kOffer, false, false));
  ck_assert_str_eq(answer.media[0].direction.c_str(), "inactive");
  ck_assert_str_eq(answer.media[2].direction.c_str(), "recvonly");
  ck_assert_ptr_null(negotiation.sending(Kind::kAudio));
}
END_TEST

START_TEST(keeps_its_ssrc_when_it_is_offered_again) {
  Negotiation negotiation = fresh();
  (void)negotiation.answer(kOffer, true, true);
  const std::uint32_t ssrc = negotiation.sending(Kind::kAudio)->ssrc;
  (void)negotiation.answer(kOffer, true, true);
  ck_assert_uint_eq(negotiation.sending(Kind::kAudio)->ssrc, ssrc);
}
END_TEST

START_TEST(an_answer_with_too_many_lines_is_refused) {
  Negotiation negotiation = fresh();
  negotiation.add_line(Kind::kAudio, "sendonly", "");
  ck_assert(!negotiation.accept_answer(kOffer).empty());
}
END_TEST

START_TEST(a_retransmission_carries_the_original_number) {
  Bytes packet(64);
  packet[0] = 0x90;
  packet[1] = 0x80 | 96;
  put16(&packet[2], 4711);
  put16(&packet[12], 0xBEDE);
  put16(&packet[14], 1);
  packet[20] = 0x77;  // first byte of the payload
  int size = 40;
  make_rtx(packet.data(), size, 97, 0x01020304, 9);
  ck_assert_int_eq(size, 42);
  ck_assert_uint_eq(packet[1], 0x80 | 97);
  ck_assert_uint_eq(get16(&packet[2]), 9);
  ck_assert_uint_eq(get32(&packet[8]), 0x01020304);
  ck_assert_uint_eq(get16(&packet[20]), 4711);
  ck_assert_uint_eq(packet[22], 0x77);
}
END_TEST

START_TEST(a_nack_of_twenty_takes_two_entries) {
  Bytes packet;
  append_nack(packet, 1, 2, 65530, 20);
  ck_assert_uint_eq(packet.size(), 12 + 2 * 4);
  ck_assert_uint_eq(get16(&packet[12]), 65530);
  ck_assert_uint_eq(get16(&packet[14]), 0xffff);
  ck_assert_uint_eq(get16(&packet[16]), 11);  // 65530 + 17, across the wrap
  ck_assert_uint_eq(get16(&packet[18]), 3);
}
END_TEST

START_TEST(transport_feedback_tells_arrivals_holes_and_the_way_back) {
  const std::vector<Arrival> arrivals{{65535, 640'000}, {1, 641'000}, {2, 640'500}};
  Bytes packet;
  append_transport_cc(packet, 1, 2, 7, arrivals);
  ck_assert_uint_eq(get16(&packet[12]), 65535);  // base
  ck_assert_uint_eq(get16(&packet[14]), 4);      // numbers 65535, 0, 1, 2
  // Two-bit symbols: small, none, small, large or negative.
  ck_assert_uint_eq(get16(&packet[20]), 0xC000 | 1U << 12 | 1U << 8 | 2U << 6);
  ck_assert_uint_eq(packet[22], 0);  // 640 ms is the reference, 10 * 64 ms
  ck_assert_uint_eq(packet[23], 4);  // + 1 ms
  ck_assert_int_eq(static_cast<std::int16_t>(get16(&packet[24])), -2);
  ck_assert_uint_eq(packet.size() % 4, 0);
  ck_assert_uint_eq(packet.size(), 4U * get16(&packet[2]) + 4);
}
END_TEST

START_TEST(a_compound_packet_is_taken_apart_and_a_cut_one_ends_it) {
  Bytes packet;
  append_receiver_report(packet, 1, {});
  append_pli(packet, 1, 2);
  packet.resize(packet.size() + 6);
  int parts = 0;
  each_rtcp(packet, [&](std::uint8_t type, int, std::span<const std::uint8_t> part) {
    ck_assert_uint_eq(type, parts == 0 ? 201 : 206);
    ck_assert_uint_eq(part.size(), parts == 0 ? 8 : 12);
    parts++;
  });
  ck_assert_int_eq(parts, 2);
}
END_TEST

START_TEST(key_frames_are_told_from_others) {
  const Bytes key{0x90, 0x80, 0x81, 0x02, 0x10, 0, 0};
  const Bytes delta{0x90, 0x80, 0x81, 0x02, 0x11, 0, 0};
  const Bytes middle{0x80, 0x80, 0x81, 0x02, 0x10, 0, 0};
  ck_assert(begins_vp8_key_frame(key));
  ck_assert(!begins_vp8_key_frame(delta));
  ck_assert(!begins_vp8_key_frame(middle));
}
END_TEST

START_TEST(addresses_are_numeric_and_ports_numbers) {
  WebSocketUrl url;
  ck_assert(parse_url("ws://localhost:8080/ws", url));
  ck_assert_str_eq(url.host.c_str(), "127.0.0.1");
  ck_assert_uint_eq(url.port, 8080);
  ck_assert_str_eq(url.path.c_str(), "/ws");
  for (const char* wrong : {"http://127.0.0.1/", "ws://somewhere/", "ws://127.0.0.1:x/"}) {
    ck_assert(!parse_url(wrong, url));
  }
}
END_TEST

}  // namespace

int main() {
  Suite* suite = suite_create("formats");
  TCase* cases = tcase_create("formats");
  for (const TTest* test :
       {reads_lines_codecs_and_transport,
        a_publisher_sends_on_the_first_lines_and_receives_the_others,
        a_viewer_leaves_the_lines_for_its_own_media_inactive,
        keeps_its_ssrc_when_it_is_offered_again, an_answer_with_too_many_lines_is_refused,
        a_retransmission_carries_the_original_number, a_nack_of_twenty_takes_two_entries,
        transport_feedback_tells_arrivals_holes_and_the_way_back,
        a_compound_packet_is_taken_apart_and_a_cut_one_ends_it, key_frames_are_told_from_others,
        addresses_are_numeric_and_ports_numbers}) {
    tcase_add_test(cases, test);
  }
  suite_add_tcase(suite, cases);
  SRunner* runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? 0 : 1;
}
