#include <string>
#include <vector>

#include "sdp/leg_session.h"
#include "sdp/peer.h"
#include "support/check_main.h"

using parley::base::Code;
using parley::base::Result;
using parley::base::Source;
using parley::sdp::Answer;
using parley::sdp::Extension;
using parley::sdp::LegSession;
using parley::sdp::Offer;
using parley::sdp::Setup;
using parley::test::answer_to;
using parley::test::bent;
using parley::test::key;
using parley::test::transport;

namespace {

// A leg with one other participant, its first offer out: lines 00 and 01 up, 02 and 03 down.
struct Leg {
  LegSession session{1, transport()};
  Offer offer;
  std::string answer;

  Leg() {
    ck_assert(session.add_track(key(7, Source::kMic), "x", 71).has_value());
    ck_assert(session.add_track(key(7, Source::kCamera), "x", 72).has_value());
    offer = session.make_offer();
    answer = answer_to(offer.sdp);
  }
  Result<Answer> take(const std::string& text) { return session.accept_answer(offer.rev, text); }
};

// The right answer, bent in one place.
struct Bend {
  const char* after;
  const char* what;
  const char* with;
  const char* complaint;  // must stand in the error sentence
};

void refuse(const std::string& text, std::string_view complaint) {
  Leg leg;
  const auto answer = leg.take(text);
  ck_assert_msg(!answer.has_value(), "taken, but: %s", std::string(complaint).c_str());
  ck_assert(answer.error().code == Code::kInvalid);
  const std::string& message = answer.error().message;
  ck_assert_msg(message.find(complaint) != std::string::npos, "%s\n  is not: %s", message.c_str(),
                std::string(complaint).c_str());
  ck_assert(leg.session.offer_pending());
  ck_assert(leg.take(leg.answer).has_value());  // nothing has changed
}

void refuse_all(const std::vector<Bend>& bends) {
  const Leg leg;
  for (const Bend& b : bends) refuse(bent(leg.answer, b.after, b.what, b.with), b.complaint);
}

void accept_all(const std::vector<Bend>& bends) {
  for (const Bend& b : bends) {
    Leg leg;
    const std::string text = bent(leg.answer, b.after, b.what, b.with);
    const auto answer = leg.take(text);
    ck_assert_msg(answer.has_value(), "'%s': %s", b.with,
                  answer ? "" : answer.error().message.c_str());
  }
}

std::string with_ssrcs(const std::string& answer, const char* after, unsigned first, unsigned n) {
  std::string lines = "\r\n";
  for (unsigned i = first; i < first + n; ++i)
    lines +=
        "a=ssrc:" + std::to_string(i) + " cname:x\r\na=ssrc:" + std::to_string(i) + " msid:- t\r\n";
  lines.resize(lines.size() - 2);
  return bent(answer, after, "a=sendonly", "a=sendonly" + lines);
}

}  // namespace

START_TEST(reads_what_the_peer_agreed_to) {
  Leg leg;
  const auto answer = leg.take(with_ssrcs(leg.answer, "a=mid:00", 5001, 1));
  ck_assert(answer.has_value());
  ck_assert(answer->ufrag == "pEEr");
  ck_assert(answer->pwd == "peer/password+of22chars");
  ck_assert(answer->setup == Setup::kActive);
  ck_assert_uint_eq(answer->fingerprints.size(), 1);
  ck_assert(answer->fingerprints[0].hash == "sha-256");
  ck_assert_uint_eq(answer->fingerprints[0].digest.size(), 32);
  ck_assert_uint_eq(answer->fingerprints[0].digest[0], 0xab);
  ck_assert_uint_eq(answer->media.size(), 4);
  const auto& mic = answer->media[0];
  ck_assert(mic.mid == "00" && mic.accepted && mic.peer_sends && !mic.peer_receives);
  ck_assert(mic.payload_types == std::vector<std::uint8_t>{111});
  ck_assert(mic.ssrcs == std::vector<std::uint32_t>{5001});
  ck_assert(mic.extensions ==
            (std::set<Extension>{Extension::kMid, Extension::kAudioLevel, Extension::kAbsSendTime,
                                 Extension::kTransportCc}));
  const auto& other = answer->media[3];
  ck_assert(other.mid == "03" && !other.peer_sends && other.peer_receives);
  ck_assert(other.payload_types == (std::vector<std::uint8_t>{96, 98, 102, 45}));
}
END_TEST

START_TEST(takes_the_passive_role) {
  Leg leg;
  std::string text = leg.answer;
  for (auto at = text.find("setup:active"); at != std::string::npos; at = text.find("setup:active"))
    text.replace(at, 12, "setup:passive");
  const auto answer = leg.take(text);
  ck_assert(answer.has_value());
  ck_assert(answer->setup == Setup::kPassive);
}
END_TEST

START_TEST(keeps_the_peers_order_of_payload_types) {
  Leg leg;
  const auto answer = leg.take(bent(leg.answer, "m=video", "96 98 102 45", "45 96"));
  ck_assert(answer.has_value());
  ck_assert(answer->media[1].payload_types == (std::vector<std::uint8_t>{45, 96}));
}
END_TEST

START_TEST(takes_what_browsers_may_leave_out_or_add) {
  accept_all({
      {"a=mid:00", "a=sendonly", "a=inactive", ""},
      {"a=mid:02", "a=recvonly", "a=inactive", ""},
      // Only the first bundled line has to name the transport (RFC 8829, 5.3.1).
      {"m=video", "a=ice-ufrag:pEEr\r\n", "", ""},
      {"m=video", "a=setup:active\r\n", "", ""},
      {"m=video", "a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\r\n", "", ""},
      {"m=audio", "a=extmap:1 ", "a=extmap:1/sendonly ", ""},
      {"m=audio", "opus/48000/2", "OPUS/48000/2", ""},
      {"m=audio", "a=mid:00\r\n", "a=mid:00\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n", ""},
      {"m=audio", "a=mid:00\r\n", "a=mid:00\r\na=something:new\r\n", ""},
      {"m=audio", "a=mid:00\r\n", "a=mid:00\r\na=fingerprint:sha-1 AB\r\n", ""},
      {"t=0 0", "a=group:BUNDLE", "a=group:LS 00 01\r\na=group:BUNDLE", ""},
      // Firefox: the ssrc of its reports, where it only receives.
      {"a=mid:02", "a=recvonly", "a=recvonly\r\na=ssrc:1 cname:x\r\na=ssrc:0 cname:x", ""},
  });
}
END_TEST

START_TEST(takes_lines_that_end_in_a_line_feed_alone) {
  Leg leg;
  std::string text;
  for (const char c : leg.answer)
    if (c != '\r') text += c;
  ck_assert(leg.take(text).has_value());
}
END_TEST

START_TEST(takes_transport_words_from_the_session) {
  Leg leg;
  std::string text;
  for (const auto& line : parley::test::lines_of(leg.answer)) {
    bool moved = false;
    for (const char* start : {"a=ice-", "a=fingerprint:", "a=setup:"})
      moved = moved || parley::test::starts_with(line, start);
    if (!moved) text += line + "\r\n";
  }
  const std::string words =
      "t=0 0\r\na=ice-ufrag:pEEr\r\na=ice-pwd:peer/password+of22chars\r\n"
      "a=setup:active\r\na=fingerprint:SHA-256 " +
      std::string(parley::test::kPeerDigest);
  const auto answer = leg.take(bent(text, "", "t=0 0", words));
  ck_assert_msg(answer.has_value(), "%s", answer ? "" : answer.error().message.c_str());
  ck_assert(answer->ufrag == "pEEr");
}
END_TEST

START_TEST(takes_a_rejected_line_without_transport_or_mid) {
  Leg leg;
  const std::string cut = leg.answer.substr(0, leg.answer.rfind("m=video"));
  const auto answer =
      leg.take(bent(cut + "m=video 0 UDP/TLS/RTP/SAVPF 120\r\nc=IN IP4 0.0.0.0\r\na=inactive\r\n",
                    "", "BUNDLE 00 01 02 03", "BUNDLE 00 01 02"));
  ck_assert_msg(answer.has_value(), "%s", answer ? "" : answer.error().message.c_str());
  ck_assert(!answer->media[3].accepted);
  ck_assert(answer->media[3].mid == "03");
  ck_assert(answer->media[3].payload_types.empty());
}
END_TEST

START_TEST(refuses_what_is_no_session_description) {
  refuse("", "no t= line");
  refuse("hello", "line 1: expected a letter");
  refuse("o=x", "line 1: expected v=");
  refuse("v=1\r\n", "line 1: expected v=0");
  refuse(std::string("v=0\r\no=\0x\r\n", 11), "line 2: control characters");
  refuse(std::string(64 * 1024 + 1, 'v'), "at most 65536");
  refuse_all({
      {"t=0 0", "a=group", "=group", "line 5: expected a letter"},
      {"t=0 0", "a=group", "A=group", "line 5: 'A=' has no place here"},
      {"t=0 0", "t=0 0\r\n", "", "no t= line"},
      {"t=0 0", "t=0 0\r\n", "t=0 0\r\n\r\n", "line 5: expected a letter"},
      {"m=audio", "c=IN", "v=IN", "'v=' has no place here"},
      {"m=audio", "a=rtcp-mux", "a=rtcp\x01mux", "control characters"},
      {"m=audio", "a=rtcp-mux", "a=:x", "expected a=<name>"},
      {"m=audio", "m=audio 9", "m=audio x", "expected m="},
      {"m=audio", "m=audio 9", "m=audio 65536", "expected m="},
      {"m=audio", "m=audio 9", "m=audio 9/2", "expected m="},
      {"m=audio", "SAVPF 111", "SAVPF", "expected m="},
      {"m=audio", "SAVPF 111", "SAVPF  111", "one space"},
  });
}
END_TEST

START_TEST(refuses_more_than_the_bounds) {
  const Leg leg;
  std::string many;
  for (int i = 0; i < 257; ++i) many += "a=x\r\n";
  refuse(bent(leg.answer, "m=audio", "a=rtcp-mux\r\n", many), "more than 256 attributes");
  refuse(bent(leg.answer, "t=0 0", "a=group", many + "a=group"), "more than 256 attributes");
  std::string lines = leg.answer;
  for (int i = 0; i < 256; ++i) lines += "m=audio 0 x 0\r\n";
  refuse(lines, "more than 256 m-lines");
  std::string formats = "SAVPF";
  for (int i = 0; i < 129; ++i) formats += " 111";
  refuse(bent(leg.answer, "m=audio", "SAVPF 111", formats), "more than 128 formats");
}
END_TEST

START_TEST(refuses_m_lines_other_than_offered) {
  const Leg leg;
  refuse(leg.answer.substr(0, leg.answer.rfind("m=video")), "has 3 m-lines; the offer has 4");
  refuse(leg.answer + "m=audio 0 x 0\r\n", "has 5 m-lines; the offer has 4");
  refuse_all({
      {"t=0 0", "m=audio", "m=video", "m='video' where m=audio was offered"},
      {"t=0 0", "a=mid:00", "a=mid:01", "mid '01' where 00 was offered"},
      {"t=0 0", "a=mid:00\r\n", "", "no a=mid:00"},
      {"t=0 0", "a=mid:00\r\n", "a=mid:00\r\na=mid:00\r\n", "a=mid stands here twice"},
      {"t=0 0", "UDP/TLS/RTP/SAVPF", "RTP/AVP", "offered protocol is UDP/TLS/RTP/SAVPF"},
  });
}
END_TEST

START_TEST(refuses_a_bundle_that_is_not_whole) {
  refuse_all({
      {"t=0 0", "BUNDLE 00 01 02 03", "BUNDLE 00 01 02", "mid 03 must stand in a=group:BUNDLE"},
      {"t=0 0", "BUNDLE 00 01 02 03", "BUNDLE 00 01 02 03 04", "mid '04' was not offered"},
      {"t=0 0", "BUNDLE 00 01 02 03", "BUNDLE 00 01 02 03 00", "mid '00' stands twice"},
      {"t=0 0", "a=group:BUNDLE 00 01 02 03\r\n", "", "mid 00 must stand"},
      {"t=0 0", "a=group:BUNDLE", "a=group:BUNDLE\r\na=group:BUNDLE", "a second a=group:BUNDLE"},
      {"m=audio", "a=rtcp-mux\r\n", "", "no a=rtcp-mux"},
  });
}
END_TEST

START_TEST(refuses_codecs_and_extensions_that_were_not_offered) {
  refuse_all({
      {"m=audio", "SAVPF 111", "SAVPF 0", "payload type '0' was not offered"},
      {"m=audio", "SAVPF 111", "SAVPF 111 111", "payload type 111 stands twice"},
      {"m=audio", "SAVPF 111", "SAVPF 96", "payload type '96' was not offered"},
      {"m=audio", "SAVPF 111", "SAVPF 367", "was not offered"},
      {"m=audio", "SAVPF 111", "SAVPF -1", "was not offered"},
      {"m=audio", "opus/48000/2", "PCMU/8000", "payload type 111 was offered as opus/48000/2"},
      {"m=video", "a=rtpmap:96 VP8/90000\r\n", "", "payload type 96 has no a=rtpmap"},
      {"m=audio", "a=extmap:1 ", "a=extmap:9 ", "header extension '9' was not offered"},
      {"m=audio", "a=extmap:1 ", "a=extmap:2 ", "header extension '2' was not offered"},
      {"m=audio", "a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid",
       "a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
       "a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid",
       "header extension '1' stands twice"},
      {"m=video", "a=extmap:3 http",
       "a=extmap:2 urn:ietf:params:rtp-hdrext:ssrc-audio-level x\r\n"
       "a=extmap:3 http",
       "header extension '2' was not offered"},
      {"t=0 0", "a=group", "a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=group",
       "a=extmap belongs below the m-lines"},
  });
}
END_TEST

START_TEST(refuses_directions_that_do_not_answer_the_offer) {
  refuse_all({
      {"a=mid:00", "a=sendonly", "a=sendrecv", "the answer is a=sendonly or a=inactive"},
      {"a=mid:00", "a=sendonly", "a=recvonly", "the answer is a=sendonly or a=inactive"},
      {"a=mid:00", "a=sendonly\r\n", "", "has a=sendrecv"},
      {"a=mid:02", "a=recvonly", "a=sendonly", "the answer is a=recvonly or a=inactive"},
      {"a=mid:02", "a=recvonly", "a=sendrecv", "the answer is a=recvonly or a=inactive"},
      {"a=mid:02", "a=recvonly", "a=recvonly\r\na=inactive", "a second direction"},
  });
}
END_TEST

START_TEST(refuses_sending_on_a_stopped_line) {
  Leg leg;
  ck_assert(leg.take(leg.answer).has_value());
  leg.session.remove_track(key(7, Source::kMic));
  const Offer offer = leg.session.make_offer();
  const std::string answer = answer_to(offer.sdp);
  const auto refused =
      leg.session.accept_answer(offer.rev, bent(answer, "a=mid:02", "inactive", "recvonly"));
  ck_assert(!refused.has_value());
  ck_assert(refused.error().message.find("the answer is a=inactive") != std::string::npos);
  ck_assert(leg.session.accept_answer(offer.rev, answer).has_value());
}
END_TEST

START_TEST(refuses_transport_words_that_break_the_grammar) {
  refuse_all({
      {"m=audio", "a=ice-ufrag:pEEr", "a=ice-ufrag:pEE", "4 to 256"},
      {"m=audio", "a=ice-ufrag:pEEr", "a=ice-ufrag:pE:r", "4 to 256"},
      {"m=audio", "a=ice-pwd:peer/password+of22chars", "a=ice-pwd:short", "22 to 256"},
      {"m=audio", "a=ice-pwd:peer/", "a=ice-pwd:peer ", "22 to 256"},
      {"m=audio", "a=setup:active", "a=setup:actpass", "a=setup:active or a=setup:passive"},
      {"m=audio", "a=setup:active", "a=setup:holdconn", "a=setup:active or a=setup:passive"},
      {"m=audio", "a=setup:active", "a=setup:active\r\na=setup:active", "stands here twice"},
      {"t=0 0", "a=group", "a=ice-lite\r\na=group", "the peer must not be"},
  });
}
END_TEST

START_TEST(refuses_m_lines_that_disagree_about_the_transport) {
  refuse_all({
      {"m=video", "a=ice-ufrag:pEEr", "a=ice-ufrag:eLsE", "ice-ufrag and ice-pwd must be the same"},
      {"m=video", "a=ice-pwd:peer", "a=ice-pwd:else", "ice-ufrag and ice-pwd must be the same"},
      {"m=video", "a=setup:active", "a=setup:passive", "a=setup must be the same"},
      {"m=video", "sha-256 AB:CD:EF", "sha-256 AB:CD:EE", "fingerprints must be the same"},
      {"t=0 0", "a=group", "a=ice-ufrag:eLsE\r\na=group", "ice-ufrag and ice-pwd must be the same"},
  });
}
END_TEST

START_TEST(refuses_fingerprints_that_prove_nothing) {
  refuse_all({
      {"m=audio", "sha-256 AB:CD:", "sha-256 AB:", "32 hexadecimal bytes"},
      {"m=audio", "sha-256 AB:CD:", "sha-256 AB:CD:00:", "32 hexadecimal bytes"},
      {"m=audio", "sha-256 AB:CD:", "sha-256 AG:CD:", "32 hexadecimal bytes"},
      {"m=audio", "sha-256 AB:CD:", "sha-256 AB-CD:", "32 hexadecimal bytes"},
      {"m=audio", "sha-256 AB:CD:", "sha-256  AB:CD:", "32 hexadecimal bytes"},
      {"m=audio", "sha-256 AB:CD:", "sha-384 AB:CD:", "48 hexadecimal bytes"},
  });
  const Leg leg;
  const std::string digest(parley::test::kPeerDigest);
  std::string weak = leg.answer;
  for (auto at = weak.find("sha-256"); at != std::string::npos; at = weak.find("sha-256"))
    weak.replace(at, 7, "sha-1");
  refuse(weak, "no a=fingerprint of sha-256, sha-384 or sha-512");
  refuse(bent(leg.answer, "m=audio", "a=setup",
              "a=fingerprint:sha-256 00" + digest.substr(2) + "\r\na=setup"),
         "one fingerprint for each hash");
}
END_TEST

START_TEST(refuses_an_answer_that_takes_nothing) {
  const Leg leg;
  std::string text = leg.answer;
  for (auto at = text.find(" 9 UDP"); at != std::string::npos; at = text.find(" 9 UDP"))
    text[at + 1] = '0';
  refuse(text, "accepts no m-line at all");
}
END_TEST

START_TEST(refuses_ssrcs_without_end_or_shared_or_senseless) {
  const Leg leg;
  refuse(with_ssrcs(leg.answer, "a=mid:00", 1, 21), "more than 20 ssrcs");
  refuse(with_ssrcs(with_ssrcs(leg.answer, "a=mid:00", 1, 11), "a=mid:01", 100, 10),
         "more than 20 ssrcs");
  refuse(with_ssrcs(with_ssrcs(leg.answer, "a=mid:00", 1, 2), "a=mid:01", 2, 2),
         "ssrc 2 stands in two m-lines");
  refuse(with_ssrcs(leg.answer, "a=mid:00", 0, 1), "from 1 to 4294967295");
  refuse(bent(leg.answer, "a=mid:00", "a=sendonly", "a=sendonly\r\na=ssrc:4294967296 x:y"),
         "from 1 to 4294967295");
  Leg good;
  ck_assert(good.take(with_ssrcs(good.answer, "a=mid:00", 1, 20)).has_value());
}
END_TEST

START_TEST(a_line_offered_as_rejected_cannot_be_taken) {
  Leg leg;
  ck_assert(leg.take(bent(leg.answer, "a=mid:02", "m=video 9", "m=video 0")).has_value());
  ck_assert(leg.session.add_track(key(8, Source::kMic), "y", 81).has_value());
  const Offer offer = leg.session.make_offer();
  const std::string answer = answer_to(offer.sdp);
  const std::string bold = bent(answer, "a=mid:02", "m=video 0", "m=video 9");
  const auto refused = leg.session.accept_answer(offer.rev, bold);
  ck_assert(!refused.has_value());
  ck_assert(refused.error().message.find("offered with port 0") != std::string::npos);
  ck_assert(leg.session.accept_answer(offer.rev, answer).has_value());
}
END_TEST

START_TEST(echoes_little_of_what_the_peer_wrote_and_nothing_unprintable) {
  Leg leg;
  const std::string loud = std::string(5000, 'x') + "\xff\xfe";
  const auto answer = leg.take(bent(leg.answer, "", "BUNDLE 00", "BUNDLE \xff" + loud + " 00"));
  ck_assert(!answer.has_value());
  ck_assert_uint_le(answer.error().message.size(), 100);
  ck_assert(answer.error().message.find("'?xxx") != std::string::npos);
}
END_TEST

// No byte of an answer can be lost or changed so that more happens than a refusal.
// One check for all: Check notes each.
START_TEST(survives_every_truncation_and_many_mutations) {
  const Leg leg;
  for (std::size_t size = 0; size < leg.answer.size(); ++size) {
    Leg fresh = leg;
    (void)fresh.take(leg.answer.substr(0, size));
  }
  std::string wrong;
  for (std::size_t at = 0; at < leg.answer.size(); ++at) {
    for (const char with : {'\0', '\n', ' ', ':', '9', '\xff'}) {
      Leg fresh = leg;
      std::string text = leg.answer;
      text[at] = with;
      const auto answer = fresh.take(text);
      const bool told = answer.has_value() || !answer.error().message.empty();
      if (!told || answer.has_value() == fresh.session.offer_pending()) wrong = text;
    }
  }
  ck_assert_msg(wrong.empty(), "taken wrongly:\n%s", wrong.c_str());
}
END_TEST

int main() {
  return parley::test::run("answer", {reads_what_the_peer_agreed_to,
                                      takes_the_passive_role,
                                      keeps_the_peers_order_of_payload_types,
                                      takes_what_browsers_may_leave_out_or_add,
                                      takes_lines_that_end_in_a_line_feed_alone,
                                      takes_transport_words_from_the_session,
                                      takes_a_rejected_line_without_transport_or_mid,
                                      refuses_what_is_no_session_description,
                                      refuses_more_than_the_bounds,
                                      refuses_m_lines_other_than_offered,
                                      refuses_a_bundle_that_is_not_whole,
                                      refuses_codecs_and_extensions_that_were_not_offered,
                                      refuses_directions_that_do_not_answer_the_offer,
                                      refuses_sending_on_a_stopped_line,
                                      refuses_transport_words_that_break_the_grammar,
                                      refuses_m_lines_that_disagree_about_the_transport,
                                      refuses_fingerprints_that_prove_nothing,
                                      refuses_an_answer_that_takes_nothing,
                                      refuses_ssrcs_without_end_or_shared_or_senseless,
                                      a_line_offered_as_rejected_cannot_be_taken,
                                      echoes_little_of_what_the_peer_wrote_and_nothing_unprintable,
                                      survives_every_truncation_and_many_mutations});
}
