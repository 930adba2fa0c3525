#include "sdp/leg_session.h"

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "sdp/peer.h"
#include "support/check_main.h"

using parley::base::Code;
using parley::base::Kind;
using parley::base::Source;
using parley::sdp::Answer;
using parley::sdp::kMaxMediaLines;
using parley::sdp::LegSession;
using parley::sdp::Offer;
using parley::test::answer_to;
using parley::test::bent;
using parley::test::key;
using parley::test::lines_of;
using parley::test::transport;

namespace {

constexpr std::uint64_t kSessionId = 0x8123456789abcdef;

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t n = 0;
  for (auto at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

bool contains(std::string_view text, std::string_view what) {
  return text.find(what) != std::string_view::npos;
}

// The lines of m-line `index`, each ended by a line feed.
std::string section(const std::string& sdp, std::size_t index) {
  std::string out;
  std::size_t n = 0;
  for (const std::string& line : lines_of(sdp)) {
    if (parley::test::starts_with(line, "m=")) ++n;
    if (n == index + 1) out += line + "\n";
  }
  return out;
}

// Makes the next offer and answers it with everything.
Offer negotiate(LegSession& session) {
  const Offer offer = session.make_offer();
  const auto answer = session.accept_answer(offer.rev, answer_to(offer.sdp));
  ck_assert_msg(answer.has_value(), "%s", answer ? "" : answer.error().message.c_str());
  return offer;
}

std::string add(LegSession& session, std::uint64_t stream, Source source) {
  const auto mid = session.add_track(key(stream, source), "owner" + std::to_string(stream),
                                     static_cast<std::uint32_t>(1000 + stream));
  ck_assert(mid.has_value());
  return *mid;
}

}  // namespace

START_TEST(offers_the_base_lines_first) {
  LegSession session(kSessionId, transport());
  ck_assert(session.needs_offer());
  ck_assert(!session.offer_pending());
  const Offer offer = session.make_offer();
  ck_assert(!session.needs_offer());
  ck_assert(session.offer_pending());
  ck_assert_uint_eq(offer.rev, 1);
  const std::string head =
      "v=0\r\no=- 81985529216486895 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 00 01\r\n"
      "a=ice-lite\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS *\r\nm=audio ";
  const std::string start = offer.sdp.substr(0, head.size());
  ck_assert_str_eq(start.c_str(), head.c_str());
  ck_assert_uint_eq(offer.tracks.size(), 2);
  ck_assert(offer.tracks[0].mid == "00");
  ck_assert(offer.tracks[0].source == Source::kMic && offer.tracks[0].owner.empty());
  ck_assert(offer.tracks[1].mid == "01");
  ck_assert(offer.tracks[1].source == Source::kCamera && offer.tracks[1].owner.empty());
}
END_TEST

START_TEST(writes_the_audio_line_to_the_letter) {
  LegSession session(kSessionId, transport());
  const char* expected =
      "m=audio 9 UDP/TLS/RTP/SAVPF 111\nc=IN IP4 0.0.0.0\na=rtcp-mux\n"
      "a=ice-ufrag:sErv\na=ice-pwd:server/password+of22chars\n"
      "a=fingerprint:sha-256 00:07:0E:15:1C:23:2A:31:38:3F:46:4D:54:5B:62:69:70:77:7E:85:8C:93:9A:"
      "A1:A8:AF:B6:BD:C4:CB:D2:D9\n"
      "a=setup:actpass\n"
      "a=candidate:1 1 udp 2130706431 192.0.2.10 40000 typ host\n"
      "a=candidate:2 1 udp 2130706175 127.0.0.1 40000 typ host\n"
      "a=candidate:3 1 udp 2130705919 2001:db8::10 40000 typ host\n"
      "a=end-of-candidates\na=mid:00\na=recvonly\na=rtpmap:111 opus/48000/2\n"
      "a=fmtp:111 minptime=10;useinbandfec=1\n"
      "a=rtcp-fb:111 transport-cc\n"
      "a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\n"
      "a=extmap:2 urn:ietf:params:rtp-hdrext:ssrc-audio-level\n"
      "a=extmap:3 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\n"
      "a=extmap:4 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\n";
  const std::string audio = section(session.make_offer().sdp, 0);
  ck_assert_str_eq(audio.c_str(), expected);
}
END_TEST

START_TEST(offers_video_with_all_codecs_and_candidates_only_once) {
  LegSession session(kSessionId, transport());
  const std::string video = section(session.make_offer().sdp, 1);
  ck_assert(contains(video, "m=video 9 UDP/TLS/RTP/SAVPF 96 98 102 45\n"));
  ck_assert(!contains(video, "a=candidate:"));
  ck_assert(contains(video, "a=mid:01\na=recvonly\n"));
  ck_assert(contains(video, "a=fmtp:96 x-google-start-bitrate=1000\n"));
  ck_assert(contains(video, "a=fmtp:98 profile-id=0;x-google-start-bitrate=1000\n"));
  ck_assert_uint_eq(count(video, " nack pli\n"), 4);
  ck_assert_uint_eq(count(video, " nack\n"), 4);
  ck_assert_uint_eq(count(video, " ccm fir\n"), 4);
  ck_assert_uint_eq(count(video, " transport-cc\n"), 4);
  ck_assert(!contains(video, "ssrc-audio-level"));
}
END_TEST

START_TEST(offers_no_more_than_is_of_use_where_the_peer_only_receives) {
  LegSession session(kSessionId, transport());
  add(session, 7, Source::kMic);
  add(session, 7, Source::kCamera);
  const Offer offer = session.make_offer();
  for (const std::size_t line : {2U, 3U}) {
    const std::string text = section(offer.sdp, line);
    ck_assert_uint_eq(count(text, "a=extmap:"), line == 2 ? 2 : 1);
    ck_assert(contains(text, "a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\n"));
    ck_assert_uint_eq(count(text, " nack pli\n"), line == 2 ? 0 : 4);
    ck_assert(!contains(text, " nack\n") && !contains(text, " ccm fir\n") &&
              !contains(text, "transport"));
  }
}
END_TEST

START_TEST(publishing_mic_and_camera_needs_no_offer_but_a_screen_does) {
  LegSession session(kSessionId, transport());
  negotiate(session);
  ck_assert(!session.mid_of_published(Source::kMic));
  session.set_published({Source::kMic, Source::kCamera});
  ck_assert(!session.needs_offer());
  ck_assert(session.mid_of_published(Source::kMic) == "00");
  ck_assert(session.mid_of_published(Source::kCamera) == "01");

  session.set_published({Source::kMic, Source::kScreen, Source::kScreenAudio});
  ck_assert(session.needs_offer());
  ck_assert(!session.mid_of_published(Source::kCamera));
  ck_assert(session.mid_of_published(Source::kScreen) == "02");
  ck_assert(session.mid_of_published(Source::kScreenAudio) == "03");
  const Offer offer = negotiate(session);
  ck_assert(contains(section(offer.sdp, 2), "m=video 9 "));
  ck_assert(contains(section(offer.sdp, 2), "a=recvonly\n"));
  ck_assert(contains(section(offer.sdp, 3), "m=audio 9 "));
  ck_assert_uint_eq(offer.tracks.size(), 4);
  ck_assert(offer.tracks[2].owner.empty() && offer.tracks[2].source == Source::kScreen);

  session.set_published({Source::kMic, Source::kScreen, Source::kScreenAudio});
  ck_assert(!session.needs_offer());
  session.set_published({});
  ck_assert(session.needs_offer());
  ck_assert(!session.mid_of_published(Source::kScreen));
  ck_assert(contains(section(negotiate(session).sdp, 2), "a=inactive\n"));
}
END_TEST

START_TEST(a_track_names_stream_owner_and_ssrc) {
  LegSession session(kSessionId, transport());
  ck_assert(add(session, 7, Source::kMic) == "02");
  ck_assert(add(session, 7, Source::kCamera) == "03");
  ck_assert(add(session, 7, Source::kScreen) == "04");
  const Offer offer = session.make_offer();
  const std::string mic = section(offer.sdp, 2);
  ck_assert(contains(mic, "a=sendonly\n"));
  ck_assert(contains(mic, "a=msid:s7 s7-mic\na=ssrc:1007 cname:s7\n"));
  ck_assert(contains(section(offer.sdp, 3), "a=msid:s7 s7-camera\n"));
  ck_assert(!contains(section(offer.sdp, 3), "x-google-start-bitrate"));
  ck_assert(contains(section(offer.sdp, 4), "a=msid:s7-screen s7-screen\n"));
  ck_assert_uint_eq(offer.tracks.size(), 5);
  ck_assert(offer.tracks[3].mid == "03");
  ck_assert(offer.tracks[3].owner == "owner7");
  ck_assert(offer.tracks[3].source == Source::kCamera);
  ck_assert(session.mid_of_track(key(7, Source::kScreen)) == "04");
  ck_assert(!session.mid_of_track(key(8, Source::kMic)));
}
END_TEST

START_TEST(adding_what_is_there_changes_nothing) {
  LegSession session(kSessionId, transport());
  const std::string mid = add(session, 7, Source::kMic);
  negotiate(session);
  ck_assert(session.add_track(key(7, Source::kMic), "else", 5) == mid);
  session.remove_track(key(8, Source::kMic));
  ck_assert(!session.needs_offer());
}
END_TEST

START_TEST(a_stopped_line_is_reused_once_the_peer_knows_it_stopped) {
  LegSession session(kSessionId, transport());
  const std::string first = add(session, 7, Source::kCamera);
  negotiate(session);
  session.remove_track(key(7, Source::kCamera));
  ck_assert(!session.mid_of_track(key(7, Source::kCamera)));
  // Not yet: a client would not notice that its track has become another one.
  const std::string second = add(session, 8, Source::kCamera);
  ck_assert(second != first);
  const Offer stop = negotiate(session);
  ck_assert(contains(section(stop.sdp, 2), "a=inactive\n"));
  ck_assert(!contains(section(stop.sdp, 2), "a=msid"));
  ck_assert_uint_eq(stop.tracks.size(), 3);
  ck_assert(add(session, 9, Source::kCamera) == first);
  const std::string reused = section(negotiate(session).sdp, 2);
  ck_assert(contains(reused, "a=sendonly\n") && contains(reused, "a=msid:s9 s9-camera\n"));
  // Audio never takes over a video line.
  session.remove_track(key(9, Source::kCamera));
  negotiate(session);
  ck_assert(add(session, 10, Source::kMic) == "04");
}
END_TEST

START_TEST(a_stop_offered_after_the_answer_in_flight_is_not_settled_by_it) {
  LegSession session(kSessionId, transport());
  const std::string first = add(session, 7, Source::kMic);
  const Offer offer = session.make_offer();
  session.remove_track(key(7, Source::kMic));
  ck_assert(session.accept_answer(offer.rev, answer_to(offer.sdp)).has_value());
  ck_assert(session.needs_offer());
  ck_assert(add(session, 8, Source::kMic) != first);
}
END_TEST

START_TEST(who_comes_back_at_once_stays_on_its_line) {
  LegSession session(kSessionId, transport());
  const std::string first = add(session, 7, Source::kMic);
  negotiate(session);
  session.remove_track(key(7, Source::kMic));
  ck_assert(add(session, 7, Source::kMic) == first);
}
END_TEST

START_TEST(twenty_joins_and_leaves_leave_the_offer_as_long_as_it_was) {
  LegSession session(kSessionId, transport());
  std::size_t bytes = 0;
  for (std::uint64_t stream = 1; stream <= 20; ++stream) {
    add(session, stream, Source::kMic);
    add(session, stream, Source::kCamera);
    const Offer offer = negotiate(session);
    ck_assert_uint_eq(count(offer.sdp, "\nm="), 4);
    ck_assert_uint_eq(offer.tracks.size(), 4);
    if (bytes == 0) bytes = offer.sdp.size();
    ck_assert_uint_le(offer.sdp.size(), bytes + 32);  // longer numbers
    session.remove_track(key(stream, Source::kMic));
    session.remove_track(key(stream, Source::kCamera));
    negotiate(session);
  }
}
END_TEST

// Whatever comes and goes: mids are unique and in order, nothing is lost, nothing grows without
// end.
START_TEST(random_joins_and_leaves_keep_the_lines_in_order) {
  std::mt19937 random(1);
  for (int round = 0; round < 50; ++round) {
    LegSession session(kSessionId, transport());
    std::set<std::uint64_t> present;
    for (int step = 0; step < 200; ++step) {
      const std::uint64_t stream = random() % 12;
      if (random() % 2 == 0) {
        add(session, stream, Source::kCamera);
        present.insert(stream);
      } else {
        session.remove_track(key(stream, Source::kCamera));
        present.erase(stream);
      }
      if (random() % 3 != 0) continue;
      const Offer offer = negotiate(session);
      ck_assert_uint_eq(offer.tracks.size(), present.size() + 2);
      std::set<std::string> mids;
      for (const auto& track : offer.tracks) mids.insert(track.mid);
      ck_assert_uint_eq(mids.size(), offer.tracks.size());
      ck_assert_uint_eq(count(offer.sdp, "a=sendonly"), present.size());
      ck_assert_uint_le(count(offer.sdp, "\nm="), 2 + 2 * 12);
    }
  }
}
END_TEST

START_TEST(refuses_tracks_beyond_all_mids) {
  LegSession session(kSessionId, transport());
  std::string last;
  for (std::uint64_t stream = 0; stream < kMaxMediaLines - 2; ++stream)
    last = add(session, stream, Source::kMic);
  ck_assert(last == "ff");
  const auto refused = session.add_track(key(1000, Source::kMic), "x", 1);
  ck_assert(!refused.has_value());
  ck_assert(refused.error().code == Code::kBusy);
  session.set_published({Source::kScreen});
  ck_assert(!session.mid_of_published(Source::kScreen));
  // In need, a line is taken over although the peer has not heard of its stop.
  session.remove_track(key(5, Source::kMic));
  ck_assert(session.add_track(key(1000, Source::kMic), "x", 1).has_value());
}
END_TEST

START_TEST(an_ice_restart_changes_the_credentials_only) {
  LegSession session(kSessionId, transport());
  const Offer before = negotiate(session);
  session.restart_ice("nEwU", "another/password+of22chars");
  ck_assert(session.needs_offer());
  const Offer after = negotiate(session);
  ck_assert_uint_eq(count(after.sdp, "a=ice-ufrag:nEwU\r\n"), 2);
  ck_assert_uint_eq(count(after.sdp, "a=ice-pwd:another/password+of22chars\r\n"), 2);
  ck_assert_uint_eq(lines_of(after.sdp).size(), lines_of(before.sdp).size());
}
END_TEST

START_TEST(a_fresh_start_is_compact_and_forgets_the_offer_that_was_out) {
  LegSession session(kSessionId, transport());
  session.set_published({Source::kScreen});
  for (std::uint64_t stream = 1; stream <= 5; ++stream) add(session, stream, Source::kMic);
  negotiate(session);
  for (std::uint64_t stream = 1; stream <= 4; ++stream)
    session.remove_track(key(stream, Source::kMic));
  const Offer old = session.make_offer();
  session.restart_fresh(99, transport());
  ck_assert(!session.offer_pending());
  ck_assert(session.accept_answer(old.rev, answer_to(old.sdp)).error().code == Code::kConflict);
  const Offer offer = negotiate(session);
  ck_assert_uint_gt(offer.rev, old.rev);
  ck_assert(contains(offer.sdp, "o=- 99 "));
  ck_assert_uint_eq(count(offer.sdp, "\nm="), 4);
  ck_assert(session.mid_of_published(Source::kScreen) == "02");
  ck_assert(session.mid_of_track(key(5, Source::kMic)) == "03");
}
END_TEST

START_TEST(a_line_the_peer_rejected_stays_rejected_and_costs_no_growth) {
  LegSession session(kSessionId, transport());
  session.set_published({Source::kMic, Source::kCamera});
  const auto reject_video = [](const Offer& offer) {
    std::string answer = answer_to(offer.sdp);
    for (auto at = answer.find("m=video 9"); at != std::string::npos;
         at = answer.find("m=video 9", at))
      answer[at + 8] = '0';
    return answer;
  };
  Offer offer = session.make_offer();
  auto answer = session.accept_answer(offer.rev, reject_video(offer));
  ck_assert_msg(answer.has_value(), "%s", answer ? "" : answer.error().message.c_str());
  ck_assert(answer->media[0].accepted && !answer->media[1].accepted);
  ck_assert(!session.mid_of_published(Source::kCamera));
  for (std::uint64_t stream = 1; stream <= 5; ++stream) {
    add(session, stream, Source::kMic);
    add(session, stream, Source::kCamera);
    offer = session.make_offer();
    ck_assert_uint_eq(count(offer.sdp, "\nm="), 4);
    ck_assert(contains(section(offer.sdp, 1), "m=video 0 "));
    ck_assert(session.accept_answer(offer.rev, reject_video(offer)).has_value());
    session.remove_track(key(stream, Source::kMic));
    session.remove_track(key(stream, Source::kCamera));
    offer = session.make_offer();
    ck_assert(contains(offer.sdp, "a=group:BUNDLE 00 02\r\n"));
    ck_assert_uint_eq(offer.tracks.size(), 1);
    ck_assert(session.accept_answer(offer.rev, reject_video(offer)).has_value());
  }
}
END_TEST

START_TEST(takes_an_answer_once_and_to_the_last_offer_only) {
  LegSession session(kSessionId, transport());
  ck_assert(session.accept_answer(0, "").error().code == Code::kConflict);
  const Offer offer = session.make_offer();
  const std::string answer = answer_to(offer.sdp);
  ck_assert(session.accept_answer(offer.rev - 1, answer).error().code == Code::kConflict);
  ck_assert(session.accept_answer(offer.rev + 1, answer).error().code == Code::kConflict);
  ck_assert(session.accept_answer(offer.rev, "v=1").error().code == Code::kInvalid);
  ck_assert(session.offer_pending());
  ck_assert(session.accept_answer(offer.rev, answer).has_value());
  ck_assert(session.accept_answer(offer.rev, answer).error().code == Code::kConflict);
}
END_TEST

START_TEST(a_track_added_while_an_offer_is_out_waits_for_the_next) {
  LegSession session(kSessionId, transport());
  const Offer offer = session.make_offer();
  add(session, 7, Source::kMic);
  ck_assert(session.accept_answer(offer.rev, answer_to(offer.sdp)).has_value());
  ck_assert(session.needs_offer());
  ck_assert_uint_eq(count(negotiate(session).sdp, "\nm="), 3);
  ck_assert(!session.needs_offer());
}
END_TEST

int main() {
  return parley::test::run(
      "leg session", {offers_the_base_lines_first, writes_the_audio_line_to_the_letter,
                      offers_video_with_all_codecs_and_candidates_only_once,
                      offers_no_more_than_is_of_use_where_the_peer_only_receives,
                      publishing_mic_and_camera_needs_no_offer_but_a_screen_does,
                      a_track_names_stream_owner_and_ssrc, adding_what_is_there_changes_nothing,
                      a_stopped_line_is_reused_once_the_peer_knows_it_stopped,
                      a_stop_offered_after_the_answer_in_flight_is_not_settled_by_it,
                      who_comes_back_at_once_stays_on_its_line,
                      twenty_joins_and_leaves_leave_the_offer_as_long_as_it_was,
                      random_joins_and_leaves_keep_the_lines_in_order,
                      refuses_tracks_beyond_all_mids, an_ice_restart_changes_the_credentials_only,
                      a_fresh_start_is_compact_and_forgets_the_offer_that_was_out,
                      a_line_the_peer_rejected_stays_rejected_and_costs_no_growth,
                      takes_an_answer_once_and_to_the_last_offer_only,
                      a_track_added_while_an_offer_is_out_waits_for_the_next});
}
