// Any text as a peer's answer, and as webrtcbin's offer.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>

#include "sdp/leg_session.h"
#include "sdp/peer.h"

using parley::base::Source;
using parley::sdp::Answer;
using parley::sdp::LegSession;
using parley::test::key;
using parley::test::transport;

namespace {

void require(bool held) {
  if (!held) std::abort();
}

// A leg that has offered as many m-lines as `answer` seems to have.
LegSession offering(std::string_view answer) {
  std::size_t lines = 0;
  for (auto at = answer.find("\nm="); at != std::string_view::npos && lines < 12;
       at = answer.find("\nm=", at + 1))
    ++lines;
  LegSession session(1, transport());
  for (std::uint64_t n = 2; n < lines; ++n) {
    // The last two lines of ten are screens of the peer itself, as in tests/sdp/scenarios.h.
    if (lines == 10 && n >= 8) continue;
    (void)session.add_track(key(n / 2, n % 2 == 0 ? Source::kMic : Source::kCamera), "x",
                            static_cast<std::uint32_t>(n));
  }
  if (lines == 10) session.set_published({Source::kScreen, Source::kScreenAudio});
  return session;
}

void check(const Answer& answer) {
  std::set<std::uint32_t> ssrcs;
  std::size_t n = 0;
  for (const auto& media : answer.media) {
    ssrcs.insert(media.ssrcs.begin(), media.ssrcs.end());
    n += media.ssrcs.size();
    require(media.accepted || (media.payload_types.empty() && !media.peer_sends));
    require(!media.accepted || !media.payload_types.empty());
    require(!(media.peer_sends && media.peer_receives));
  }
  require(ssrcs.size() == n && n <= parley::sdp::kMaxSsrcsPerPeer);
  require(!answer.fingerprints.empty() && answer.ufrag.size() >= 4 && answer.pwd.size() >= 22);
  static const std::string kBaseOffer =
      "v=0\r\no=- 1 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
      "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:audio0\r\na=sendrecv\r\na=rtpmap:111 "
      "OPUS/48000/2\r\n";
  const auto text = parley::sdp::answer_for_webrtcbin(kBaseOffer, answer);
  require(text.has_value());
  const auto fingerprint = parley::sdp::fingerprint_of(*text);
  require(fingerprint.has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  LegSession session = offering(text);
  const auto offer = session.make_offer();
  const auto answer = session.accept_answer(offer.rev, text);
  require(answer.has_value() != session.offer_pending());
  if (answer) {
    require(answer->media.size() >= 2);
    check(*answer);
  } else {
    require(!answer.error().message.empty() && answer.error().message.size() < 250);
  }
  (void)parley::sdp::fingerprint_of(text);
  (void)parley::sdp::answer_for_webrtcbin(text, Answer{"pEEr",
                                                       "peer/password+of22chars",
                                                       parley::sdp::Setup::kActive,
                                                       {transport().fingerprint},
                                                       {}});
  return 0;
}
