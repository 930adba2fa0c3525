#include <string>

#include "sdp/leg_session.h"
#include "sdp/peer.h"
#include "support/check_main.h"

using parley::base::Code;
using parley::sdp::Answer;
using parley::sdp::answer_for_webrtcbin;
using parley::sdp::fingerprint_of;
using parley::sdp::Setup;
using parley::test::bent;

namespace {

// As GStreamer 1.22's webrtcbin writes it for one sendrecv and one recvonly transceiver.
const std::string kBaseOffer =
    "v=0\r\no=- 7126394102938463520 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=ice-options:trickle\r\n"
    "a=group:BUNDLE audio0 video1\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=setup:actpass\r\n"
    "a=ice-ufrag:xKJ4Yd0S\r\na=ice-pwd:Vc6SFzXH0l2j9YJ1tHbjDw5vQ0qS1oZ2\r\na=rtcp-mux\r\n"
    "a=rtcp-rsize\r\na=sendrecv\r\na=rtpmap:111 OPUS/48000/2\r\na=fmtp:111 useinbandfec=1\r\n"
    "a=ssrc:1853917331 msid:user1 webrtctransceiver0\r\na=mid:audio0\r\n"
    "a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:"
    "77:88:99:AA:BB:CC:DD:EE:FF\r\n"
    "m=video 9 UDP/TLS/RTP/SAVPF 96 98\r\nc=IN IP4 0.0.0.0\r\na=setup:actpass\r\n"
    "a=ice-ufrag:xKJ4Yd0S\r\na=ice-pwd:Vc6SFzXH0l2j9YJ1tHbjDw5vQ0qS1oZ2\r\na=rtcp-mux\r\n"
    "a=recvonly\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack pli\r\na=rtpmap:98 VP9/90000\r\n"
    "a=mid:video1\r\n"
    "a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:"
    "77:88:99:AA:BB:CC:DD:EE:FF\r\n";

Answer peer_answer() {
  Answer answer;
  answer.ufrag = "pEEr";
  answer.pwd = "peer/password+of22chars";
  answer.setup = Setup::kPassive;
  answer.fingerprints = {{"sha-256", std::vector<std::uint8_t>(32, 0x25)},
                         {"sha-512", std::vector<std::uint8_t>(64, 0x51)},
                         {"sha-384", std::vector<std::uint8_t>(48, 0x38)}};
  return answer;
}

}  // namespace

START_TEST(answers_webrtcbins_base_lines_with_one_codec_each) {
  auto answer = peer_answer();
  answer.fingerprints.resize(1);
  const auto text = answer_for_webrtcbin(kBaseOffer, answer);
  ck_assert(text.has_value());
  std::string digest = "25";
  for (int i = 1; i < 32; ++i) digest += ":25";
  const std::string transport =
      "c=IN IP4 0.0.0.0\r\na=rtcp-mux\r\na=ice-ufrag:pEEr\r\na=ice-pwd:peer/password+of22chars\r\n"
      "a=fingerprint:sha-256 " +
      digest + "\r\na=setup:passive\r\n";
  const std::string expected =
      "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE audio0 video1\r\n"
      "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n" +
      transport +
      "a=mid:audio0\r\na=sendrecv\r\na=rtpmap:111 OPUS/48000/2\r\na=fmtp:111 useinbandfec=1\r\n"
      "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n" +
      transport + "a=mid:video1\r\na=sendonly\r\na=rtpmap:96 VP8/90000\r\n";
  ck_assert_str_eq(text->c_str(), expected.c_str());
}
END_TEST

START_TEST(shows_webrtcbin_the_strongest_fingerprint_only) {
  const auto text = answer_for_webrtcbin(kBaseOffer, peer_answer());
  ck_assert(text.has_value());
  ck_assert(text->find("sha-512 51:51:") != std::string::npos);
  ck_assert(text->find("sha-256") == std::string::npos);
}
END_TEST

START_TEST(turns_directions_around) {
  for (const auto& [offered, answered] :
       {std::pair("a=sendonly", "a=recvonly"), std::pair("a=recvonly", "a=sendonly"),
        std::pair("a=inactive", "a=inactive"), std::pair("a=sendrecv", "a=sendrecv")}) {
    const auto text =
        answer_for_webrtcbin(bent(kBaseOffer, "m=audio", "a=sendrecv", offered), peer_answer());
    ck_assert(text.has_value());
    const auto audio = text->substr(0, text->find("m=video"));
    ck_assert_msg(audio.find(answered) != std::string::npos, "%s", offered);
  }
}
END_TEST

START_TEST(refuses_base_offers_it_cannot_answer) {
  ck_assert(!answer_for_webrtcbin("", peer_answer()).has_value());
  ck_assert(
      !answer_for_webrtcbin("v=0\r\no=- 1 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n", peer_answer())
           .has_value());
  ck_assert(!answer_for_webrtcbin(bent(kBaseOffer, "", "m=audio", "m=application"), peer_answer())
                 .has_value());
  ck_assert(!answer_for_webrtcbin(bent(kBaseOffer, "", "a=mid:audio0\r\n", ""), peer_answer())
                 .has_value());
  auto nameless = peer_answer();
  nameless.fingerprints.clear();
  ck_assert(!answer_for_webrtcbin(kBaseOffer, nameless).has_value());
}
END_TEST

START_TEST(finds_the_fingerprint_of_our_certificate) {
  const auto fingerprint = fingerprint_of(kBaseOffer);
  ck_assert(fingerprint.has_value());
  ck_assert(fingerprint->hash == "sha-256");
  ck_assert_uint_eq(fingerprint->digest.size(), 32);
  ck_assert_uint_eq(fingerprint->digest[1], 0x11);
  ck_assert_uint_eq(fingerprint->digest[31], 0xff);
}
END_TEST

START_TEST(says_when_there_is_no_fingerprint) {
  std::string without = kBaseOffer;
  for (auto at = without.find("a=fingerprint"); at != std::string::npos;
       at = without.find("a=fingerprint"))
    without.replace(at, 13, "a=x");
  const auto fingerprint = fingerprint_of(without);
  ck_assert(!fingerprint.has_value());
  ck_assert(fingerprint.error().code == Code::kInvalid);
  ck_assert(!fingerprint_of(bent(kBaseOffer, "", "sha-256 00:", "sha-256 ")).has_value());
}
END_TEST

int main() {
  return parley::test::run(
      "webrtcbin", {answers_webrtcbins_base_lines_with_one_codec_each,
                    shows_webrtcbin_the_strongest_fingerprint_only, turns_directions_around,
                    refuses_base_offers_it_cannot_answer, finds_the_fingerprint_of_our_certificate,
                    says_when_there_is_no_fingerprint});
}
