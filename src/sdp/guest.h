// Descriptions of a guest, whose peer makes the only offer: WHIP (RFC 9725) and WHEP.
//
// A guest's offer is checked from top to bottom like an answer, with one difference: what it offers
// and we do not know is left out of our answer, as RFC 3264 (6) has it. The answer takes at most
// one m-line of each kind, has the guest's own payload types and ids of header
// extensions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/source.h"
#include "sdp/leg_session.h"

namespace parley::sdp {

// Our choice: many times what a client with all its candidates sends.
inline constexpr std::size_t kMaxFragmentBytes = 16384;

// A codec that both know.
struct GuestFormat {
  std::uint8_t theirs = 0;                 // payload type, in packets of this leg
  std::uint8_t ours = 0;                   // ... and everywhere else
  std::string encoding;                    // as in a=rtpmap
  std::string fmtp;                        // of our answer; may be empty
  std::vector<std::string_view> feedback;  // a=rtcp-fb that both know
};

// A header extension that both know (RFC 8285), where the guest sends.
struct GuestExtension {
  std::uint8_t theirs = 0;
  Extension ours = Extension::kAudioLevel;
  std::string_view uri;
};

// One m-line of the offer, in its order.
struct GuestMedia {
  bool accepted = false;
  base::Kind kind = base::Kind::kAudio;  // when accepted
  std::string mid;
  std::string head;  // when refused: "application 0 UDP/DTLS/SCTP webrtc-datachannel"
  std::vector<GuestFormat> formats;  // our preference first; one where the guest sends
  std::vector<GuestExtension> extensions;
  std::vector<std::uint32_t> ssrcs;  // announced by a=ssrc where the guest sends; may be empty
};

struct GuestOffer {
  bool publishes = true;
  std::string ufrag;
  std::string pwd;
  Setup setup = Setup::kActive;  // the role that the guest takes; active if it leaves us the choice
  std::vector<Fingerprint> fingerprints;
  std::vector<GuestMedia> media;

  [[nodiscard]] const GuestMedia* accepted(base::Kind kind) const;
};

// `publishes`: the guest sends, else it receives. kInvalid: the text is not a correct offer;
// kConflict: it is, but there is nothing that both sides can do.
[[nodiscard]] base::Result<GuestOffer> check_guest_offer(std::string_view sdp, bool publishes);

// What answer_for_webrtcbin() needs of it.
[[nodiscard]] Answer peer_of(const GuestOffer& offer);

// `ssrcs`: those we send with, of audio and of video.
struct GuestSsrcs {
  std::uint32_t audio = 0;
  std::uint32_t video = 0;
};
[[nodiscard]] std::string write_guest_answer(const GuestOffer& offer, const Transport& transport,
                                             std::uint64_t session_id, GuestSsrcs ssrcs);

// What a fragment (application/trickle-ice-sdpfrag, RFC 8840, 9) says besides candidates, which an
// ICE-lite agent has no use for.
struct GuestFragment {
  std::string ufrag;  // both empty: those of the offer
  std::string pwd;
};
[[nodiscard]] base::Result<GuestFragment> check_guest_fragment(std::string_view text);
// Our end after an ICE restart (RFC 9725, 4.3.3).
[[nodiscard]] std::string write_guest_fragment(const GuestOffer& offer, const Transport& transport);

}  // namespace parley::sdp
