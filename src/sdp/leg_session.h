// The session description of one leg as it goes over the wire: the server offers, the peer answers.
//
// Two base m-lines, mid "00" (mic) and "01" (camera), carry what the peer sends; they map to the
// two m-lines of the leg's webrtcbin. Everything else (other participants' tracks, screen shares)
// is added, stopped and reused here, outside webrtcbin, at O(1) per join (RFC 8829, RFC 9143
// BUNDLE). Mids have two characters, so that RTP headers of all receivers have one layout.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/source.h"

namespace parley::sdp {

// Limits on what a peer may say (our choice, after what browsers send for 50 participants).
inline constexpr std::size_t kMaxBytes = 65536;
inline constexpr std::size_t kMaxMediaLines = 256;
inline constexpr std::size_t kMaxAttributesPerMedia = 256;
inline constexpr std::size_t kMaxSsrcsPerPeer = 20;

enum class Codec { kOpus, kVp8, kVp9, kH264, kAv1 };

// One payload type per codec configuration, the same for every peer, so that nothing has to be
// renumbered when packets are forwarded.
struct PayloadFormat {
  std::uint8_t payload_type;
  Codec codec;
  std::string_view encoding;  // as in a=rtpmap: "VP8/90000"
  std::string_view fmtp;      // as in a=fmtp, may be empty
  std::uint32_t clock_rate;
};
[[nodiscard]] const std::vector<PayloadFormat>& payload_formats(base::Kind kind);

// RTP header extensions and their ids, the same for every peer and every m-line (RFC 8285).
enum class Extension : std::uint8_t {
  kMid = 1,
  kAudioLevel = 2,
  kAbsSendTime = 3,
  kTransportCc = 4,
  kRid = 5,                   // reserved: simulcast
  kRepairedRid = 6,           // reserved
  kDependencyDescriptor = 7,  // reserved
};

struct Fingerprint {  // a=fingerprint, RFC 8122
  std::string hash;   // lower case: "sha-256"
  std::vector<std::uint8_t> digest;
};

struct Candidate {  // a host candidate over UDP
  std::string address;
  std::uint16_t port = 0;
};

// What stands in every m-line of the offer.
struct Transport {
  std::string ufrag;
  std::string pwd;
  Fingerprint fingerprint;  // of our DTLS certificate
  std::vector<Candidate> candidates;
};

enum class Setup { kActive, kPassive };

// One m-line of an accepted answer.
struct AnsweredMedia {
  std::string mid;
  bool accepted = false;  // port not 0 and a common codec
  bool peer_sends = false;
  bool peer_receives = false;
  std::vector<std::uint8_t> payload_types;  // accepted ones, in the peer's order
  std::vector<std::uint32_t> ssrcs;         // announced by a=ssrc; may be empty (learn from mid)
  std::set<Extension> extensions;
  bool resends = false;  // takes generic NACKs (RFC 4585, 4.2) for one of its payload types
};

struct Answer {
  std::string ufrag;
  std::string pwd;
  Setup setup = Setup::kActive;
  std::vector<Fingerprint> fingerprints;  // at least one of sha-256 or better
  std::vector<AnsweredMedia> media;       // in the offer's order
};

struct OfferedTrack {
  std::string mid;
  std::string owner;  // empty: the peer itself sends here
  base::Source source = base::Source::kMic;
};
struct Offer {
  std::uint32_t rev = 0;
  std::string sdp;
  std::vector<OfferedTrack> tracks;  // every m-line in use, the base ones first
};

// Which track of the others: one stream's one source.
struct TrackKey {
  base::StreamId stream;
  base::Source source = base::Source::kMic;
  friend auto operator<=>(const TrackKey&, const TrackKey&) = default;
};

// One m-line of a leg, as LegSession keeps it; its mid is its place.
struct MediaLine {
  std::string mid;
  base::Kind kind = base::Kind::kAudio;
  bool receives = false;                  // the peer sends here
  std::optional<base::Source> published;  // of the peer, when receives
  std::optional<TrackKey> track;          // sent to the peer; when stopped: the last one
  std::string owner;
  std::uint32_t ssrc = 0;
  bool stopped = false;   // inactive
  bool settled = false;   // ... and the peer knows: it may be used for another track
  bool rejected = false;  // the peer refused it, and so will refuse every line of this kind
};

// Thread-compatible. Pure: what must be random (ssrc, credentials) is given.
class LegSession {
 public:
  LegSession(std::uint64_t session_id, Transport transport);

  // What the peer may send: mic and camera by the base m-lines, which are always offered, so that
  // publishing them needs no offer; screens by m-lines of their own. What does not fit in
  // kMaxMediaLines has no mid.
  void set_published(const std::set<base::Source>& sources);
  // The mid by which the peer sends `source`; nullopt when it does not publish it.
  [[nodiscard]] std::optional<std::string> mid_of_published(base::Source source) const;

  // Adds a track for the peer to receive, on a new m-line or on one of its kind that the peer
  // knows to be stopped (a client hears of the end of one track before the next). `ssrc` is
  // the one it will be sent with, `owner` the label for Offer::tracks. Returns the mid; kBusy when
  // there are kMaxMediaLines. Adding what is there changes nothing.
  [[nodiscard]] base::Result<std::string> add_track(const TrackKey& key, std::string owner,
                                                    std::uint32_t ssrc);
  void remove_track(const TrackKey& key);
  // The mid by which the peer receives the track; nullopt when it does not. Changes only by
  // restart_fresh().
  [[nodiscard]] std::optional<std::string> mid_of_track(const TrackKey& key) const;

  // New ICE credentials (an ICE restart) for the next offer.
  void restart_ice(std::string ufrag, std::string pwd);
  // Forgets what was negotiated: the next offer is a first one again, with compact m-lines.
  void restart_fresh(std::uint64_t session_id, Transport transport);

  // Whether the state may differ from the last offer made.
  [[nodiscard]] bool needs_offer() const;
  // The next offer. Not while one is unanswered (offer_pending()).
  [[nodiscard]] Offer make_offer();
  [[nodiscard]] bool offer_pending() const;

  // Checks the answer to offer `rev` from top to bottom before anything uses it. kConflict: an
  // older rev, or no offer is out. kInvalid: what is wrong with it. On error nothing changes.
  [[nodiscard]] base::Result<Answer> accept_answer(std::uint32_t rev, std::string_view sdp);

 private:
  [[nodiscard]] MediaLine* line_of(base::Source published);
  [[nodiscard]] MediaLine* line_of(const TrackKey& key);
  // A line of `kind` and direction to take over, or a new one; nullptr when there is no more room.
  [[nodiscard]] MediaLine* free_line(base::Kind kind, bool receives);
  MediaLine& append(base::Kind kind, bool receives);
  void append_base_lines();
  void stop(MediaLine& line);

  std::uint64_t session_id_;
  Transport transport_;
  std::set<base::Source> published_;
  std::vector<MediaLine> lines_;
  std::vector<MediaLine> offered_;  // the lines as they stood in the offer that is out
  std::uint32_t rev_ = 0;
  bool pending_ = false;
  bool dirty_ = true;
};

// The answer that webrtcbin gets in place of the peer's: two base m-lines, one codec each, and of
// the peer's words only the checked fingerprint and the DTLS role. `base_offer` is webrtcbin's own.
[[nodiscard]] base::Result<std::string> answer_for_webrtcbin(std::string_view base_offer,
                                                             const Answer& answer);
// The fingerprint of our certificate in webrtcbin's offer.
[[nodiscard]] base::Result<Fingerprint> fingerprint_of(std::string_view sdp);

}  // namespace parley::sdp
