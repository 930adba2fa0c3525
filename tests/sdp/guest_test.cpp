#include "sdp/guest.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "sdp/peer.h"
#include "support/check_main.h"

using parley::base::Code;
using parley::base::Kind;
using parley::sdp::check_guest_fragment;
using parley::sdp::check_guest_offer;
using parley::sdp::GuestMedia;
using parley::sdp::GuestOffer;
using parley::sdp::Setup;
using parley::test::bent;
using parley::test::kPeerDigest;
using parley::test::lines_of;
using parley::test::transport;

namespace {

std::string read(const std::string& name) {
  std::ifstream file(std::string(PARLEY_SDP_DATA) + "/" + name, std::ios::binary);
  ck_assert_msg(file.good(), "cannot read %s", name.c_str());
  return {std::istreambuf_iterator<char>(file), {}};
}

GuestOffer good(const std::string& sdp, bool publishes) {
  auto offer = check_guest_offer(sdp, publishes);
  ck_assert_msg(offer.has_value(), "%s", offer ? "" : offer.error().message.c_str());
  return *offer;
}

void refused(const std::string& sdp, Code code, std::string_view why, bool publishes = true) {
  const auto offer = check_guest_offer(sdp, publishes);
  ck_assert_msg(!offer.has_value(), "taken, but: %s", std::string(why).c_str());
  ck_assert_msg(offer.error().code == code && offer.error().message.find(why) != std::string::npos,
                "%s", offer.error().message.c_str());
}

std::string section(const std::string& kind, const std::string& mid, const std::string& formats,
                    const std::string& attributes) {
  return "m=" + kind + " 9 UDP/TLS/RTP/SAVPF" + formats +
         "\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:pEEr\r\na=ice-pwd:peer/password+of22chars\r\n"
         "a=fingerprint:sha-256 " +
         std::string(kPeerDigest) + "\r\na=setup:actpass\r\na=mid:" + mid +
         "\r\na=sendonly\r\na=rtcp-mux\r\n" + attributes;
}

std::string small_offer(
    const std::string& video_attributes =
        "a=rtpmap:97 VP8/90000\r\na=rtcp-fb:97 nack pli\r\na=ssrc:22 cname:x\r\n",
    const std::string& video_formats = " 97") {
  return "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE a v\r\n" +
         section("audio", "a", " 96", "a=rtpmap:96 OPUS/48000/2\r\na=ssrc:11 cname:x\r\n") +
         section("video", "v", video_formats, video_attributes);
}

std::vector<std::string> m_lines(const std::string& sdp) {
  std::vector<std::string> out;
  for (const std::string& line : lines_of(sdp))
    if (line.starts_with("m=")) out.push_back(line);
  return out;
}

bool has_line(const std::string& sdp, const std::string& line) {
  const auto lines = lines_of(sdp);
  return std::find(lines.begin(), lines.end(), line) != lines.end();
}

}  // namespace

START_TEST(offers_of_browsers_and_of_webrtcbin_are_taken_in_their_own_numbers) {
  struct Expected {
    const char* name;
    unsigned opus;
    unsigned vp8;
    std::size_t watched;  // video codecs that a watcher of ours may get
  };
  for (const Expected& e : {Expected{"chromium", 111, 96, 4}, Expected{"firefox", 109, 120, 3}}) {
    const GuestOffer publish = good(read(std::string(e.name) + "-guest-publish.sdp"), true);
    const GuestMedia* audio = publish.accepted(Kind::kAudio);
    const GuestMedia* video = publish.accepted(Kind::kVideo);
    ck_assert(audio != nullptr && video != nullptr);
    ck_assert_uint_eq(audio->formats.size(), 1);
    ck_assert_uint_eq(audio->formats[0].theirs, e.opus);
    ck_assert_uint_eq(audio->formats[0].ours, 111);
    ck_assert_uint_eq(video->formats.size(), 1);
    ck_assert_uint_eq(video->formats[0].theirs, e.vp8);
    ck_assert_uint_eq(video->formats[0].ours, 96);
    ck_assert_uint_ge(video->ssrcs.size(), 1);
    ck_assert(publish.setup == Setup::kActive);
    ck_assert_uint_ge(video->extensions.size(), 1);  // transport-cc, by the browser's own id
    const std::string told = write_guest_answer(publish, transport(), 1, {});
    ck_assert(has_line(told, "a=rtcp-fb:" + std::to_string(e.vp8) + " transport-cc"));
    refused(read(std::string(e.name) + "-guest-publish.sdp"), Code::kConflict, "a=recvonly", false);

    const GuestOffer watch = good(read(std::string(e.name) + "-guest-watch.sdp"), false);
    ck_assert_uint_ge(watch.accepted(Kind::kVideo)->formats.size(), e.watched);
    ck_assert(watch.accepted(Kind::kVideo)->ssrcs.empty());

    // Two cameras and a data channel: one of each kind is taken, the rest is not.
    const std::string text = read(std::string(e.name) + "-guest-both.sdp");
    const GuestOffer both = good(text, true);
    const std::string answer = write_guest_answer(both, transport(), 1, {});
    const auto lines = m_lines(answer);
    ck_assert_uint_eq(lines.size(), m_lines(text).size());
    ck_assert_uint_eq(std::count_if(lines.begin(), lines.end(),
                                    [](const auto& l) { return l.find(" 0 ") != l.npos; }),
                      static_cast<long>(lines.size()) - 2);
  }
  const GuestOffer published = good(read("webrtcbin-guest-publish.sdp"), true);
  ck_assert_uint_eq(published.accepted(Kind::kAudio)->formats[0].theirs, 97);
  ck_assert_uint_eq(published.accepted(Kind::kVideo)->formats[0].theirs, 98);
  const GuestOffer watched = good(read("webrtcbin-guest-watch.sdp"), false);
  ck_assert_uint_eq(watched.accepted(Kind::kVideo)->formats[0].theirs, 98);
}
END_TEST

START_TEST(an_answer_says_what_was_agreed_and_nothing_more) {
  const GuestOffer offer = good(small_offer(), true);
  const std::string answer = write_guest_answer(offer, transport(), 7, {});
  ck_assert(has_line(answer, "a=group:BUNDLE a v"));
  ck_assert(has_line(answer, "a=ice-lite"));
  ck_assert(has_line(answer, "a=setup:passive"));
  ck_assert(has_line(answer, "a=recvonly"));
  ck_assert(has_line(answer, "m=audio 9 UDP/TLS/RTP/SAVPF 96"));
  ck_assert(has_line(answer, "m=video 9 UDP/TLS/RTP/SAVPF 97"));
  ck_assert(has_line(answer, "a=rtcp-fb:97 nack pli"));
  ck_assert(!has_line(answer, "a=rtcp-fb:97 ccm fir"));  // was not offered
  ck_assert(answer.find("a=extmap") == std::string::npos);
  ck_assert(answer.find("a=ssrc") == std::string::npos);
  ck_assert(answer.find(" 40000 typ host") != std::string::npos);

  std::string watching = small_offer();
  for (int i = 0; i < 2; ++i) watching = bent(watching, "", "a=sendonly", "a=recvonly");
  const std::string sent = write_guest_answer(good(watching, false), transport(), 7, {5, 6});
  ck_assert(has_line(sent, "a=sendonly"));
  ck_assert(has_line(sent, "a=ssrc:5 cname:parley"));
  ck_assert(has_line(sent, "a=ssrc:6 cname:parley"));
  ck_assert(has_line(sent, "a=msid:parley parley-video"));

  // Who wants to be the server of DTLS is.
  std::string passive = small_offer();
  for (int i = 0; i < 2; ++i) passive = bent(passive, "", "setup:actpass", "setup:passive");
  const GuestOffer server = good(passive, true);
  ck_assert(server.setup == Setup::kPassive);
  ck_assert(has_line(write_guest_answer(server, transport(), 1, {}), "a=setup:active"));
  ck_assert(peer_of(server).setup == Setup::kPassive);
  ck_assert_uint_eq(peer_of(server).fingerprints.size(), 1);
}
END_TEST

START_TEST(codecs_are_taken_by_configuration_and_in_our_preference) {
  // VP8 stands behind H264 here and is preferred all the same.
  const auto chosen = [](const std::string& attributes, const std::string& formats) {
    const GuestOffer offer = good(small_offer(attributes, formats), true);
    const GuestMedia* video = offer.accepted(Kind::kVideo);
    return video == nullptr ? 0U : video->formats[0].theirs;
  };
  const std::string h264 =
      "a=rtpmap:100 H264/90000\r\na=fmtp:100 packetization-mode=1;"
      "level-asymmetry-allowed=1; profile-level-id=";
  ck_assert_uint_eq(chosen(h264 + "42e01f\r\na=rtpmap:101 vp8/90000\r\n", " 100 101"), 101);
  ck_assert_uint_eq(chosen(h264 + "42c015\r\n", " 100"), 100);
  ck_assert_uint_eq(chosen(h264 + "42001f\r\n", " 100"), 0);  // not constrained
  ck_assert_uint_eq(chosen(h264 + "640028\r\n", " 100"), 0);
  ck_assert_uint_eq(chosen(h264 + "42e0\r\n", " 100"), 0);
  ck_assert_uint_eq(
      chosen("a=rtpmap:100 H264/90000\r\na=fmtp:100 profile-level-id=42e01f\r\n", " 100"),
      0);  // packetization mode 0
  ck_assert_uint_eq(chosen("a=rtpmap:98 VP9/90000\r\na=fmtp:98 profile-id=2\r\n", " 98"), 0);
  ck_assert_uint_eq(chosen("a=rtpmap:98 VP9/90000\r\n", " 98"), 98);
  ck_assert_uint_eq(chosen("a=rtpmap:45 AV1/90000\r\na=fmtp:45 profile=0\r\n", " 45"), 45);

  const GuestOffer offer = good(small_offer(h264 + "42c015\r\n", " 100"), true);
  ck_assert(has_line(write_guest_answer(offer, transport(), 1, {}),
                     "a=fmtp:100 level-asymmetry-allowed=1;packetization-mode=1;"
                     "profile-level-id=42c015;x-google-start-bitrate=1000"));
}
END_TEST

START_TEST(what_is_wrong_with_an_offer_is_said) {
  const std::string offer = small_offer();
  refused("", Code::kInvalid, "t=");
  refused("hello", Code::kInvalid, "line 1");
  refused("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n", Code::kInvalid, "no m-line");
  refused(std::string(parley::sdp::kMaxBytes + 1, 'a'), Code::kInvalid, "65536");
  refused(bent(offer, "", "a=group:BUNDLE a v", "a=group:BUNDLE a"), Code::kInvalid, "BUNDLE");
  refused(bent(offer, "", "a=rtcp-mux", "a=x"), Code::kInvalid, "rtcp-mux");
  refused(bent(offer, "m=video", "pEEr", "pEEE"), Code::kInvalid, "bundled");
  refused(bent(offer, "", "a=ice-pwd:peer/", "a=ice-pwd:"), Code::kInvalid, "22");
  refused(bent(offer, "", "AB:CD", "AB:C"), Code::kInvalid, "fingerprint");
  refused(bent(offer, "", "setup:actpass", "setup:holdconn"), Code::kInvalid, "actpass");
  refused(bent(offer, "", "UDP/TLS/RTP/SAVPF", "RTP/AVP"), Code::kInvalid, "UDP/TLS/RTP/SAVPF");
  refused(bent(offer, "", "a=mid:v", "a=mid:a"), Code::kInvalid, "twice");
  refused(bent(bent(offer, "", "a=ssrc:11", "a=extmap:3 urn:a\r\na=ssrc:11"), "", "a=ssrc:22",
               "a=extmap:3 urn:b\r\na=ssrc:22"),
          Code::kInvalid, "two meanings");
  refused(bent(offer, "", "a=ssrc:22", "a=extmap:0 urn:b\r\na=ssrc:22"), Code::kInvalid, "255");
  refused(bent(offer, "", "a=ssrc:22", "a=ssrc:11"), Code::kInvalid, "two m-lines");
  refused(small_offer("a=rtpmap:96 VP8/90000\r\n", " 96"), Code::kInvalid, "two m-lines");
  refused(bent(offer, "", "a=group", "a=ice-lite\r\na=group"), Code::kConflict, "ICE-lite");
  refused(bent(bent(offer, "", "OPUS/48000/2", "PCMU/8000"), "", "VP8", "H265"), Code::kConflict,
          "VP8");
  refused(offer, Code::kConflict, "a=recvonly", false);
  std::string bare = offer;
  for (int i = 0; i < 2; ++i)
    bare = bent(bare, "", "a=fingerprint:sha-256 " + std::string(kPeerDigest) + "\r\n", "");
  refused(bare, Code::kInvalid, "fingerprint");
}
END_TEST

START_TEST(a_fragment_brings_candidates_or_new_credentials) {
  const auto trickled = check_guest_fragment(
      "a=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:EsAw\r\n"
      "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n"
      "a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ "
      "host\r\na=end-of-candidates\r\n");
  ck_assert(trickled.has_value());
  ck_assert_str_eq(trickled->ufrag.c_str(), "EsAw");
  ck_assert_str_eq(trickled->pwd.c_str(), "P2uYro0UCOQ4zxjKXaWCBui1");
  const auto plain = check_guest_fragment("a=mid:0\r\na=end-of-candidates\r\n");
  ck_assert(plain.has_value() && plain->ufrag.empty());

  const auto wrong = [](const std::string& text, std::string_view why) {
    const auto fragment = check_guest_fragment(text);
    ck_assert(!fragment.has_value());
    ck_assert_msg(fragment.error().message.find(why) != std::string::npos, "%s",
                  fragment.error().message.c_str());
  };
  wrong("", "empty");
  wrong("v=0\r\n", "line 1");
  wrong("a=mid:0\r\nb=AS:1\r\nx\r\n", "line 3");
  wrong("a=ice-ufrag:EsAw\r\n", "together");
  wrong("a=mid:0\r\na=ice-ufrag:E\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n", "line 2");
  wrong(std::string(parley::sdp::kMaxFragmentBytes + 1, 'a'), "16384");

  const std::string ours = write_guest_fragment(good(small_offer(), true), transport());
  const auto read_back = check_guest_fragment(ours);
  ck_assert(read_back.has_value());
  ck_assert(read_back->ufrag == transport().ufrag);
  ck_assert_uint_eq(m_lines(ours).size(), 1);
}
END_TEST

int main() {
  return parley::test::run(
      "sdp guest",
      {offers_of_browsers_and_of_webrtcbin_are_taken_in_their_own_numbers,
       an_answer_says_what_was_agreed_and_nothing_more,
       codecs_are_taken_by_configuration_and_in_our_preference, what_is_wrong_with_an_offer_is_said,
       a_fragment_brings_candidates_or_new_credentials});
}
