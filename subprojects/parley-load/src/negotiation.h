// Offer and answer of one PeerConnection: Opus and VP8, BUNDLE, rtcp-mux (RFC 8829).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "session_description.h"

namespace parley::load {

enum class Kind { kAudio = 0, kVideo = 1, kOther = 2 };
inline constexpr std::size_t kKinds = 2;
[[nodiscard]] inline std::size_t index_of(Kind kind) { return static_cast<std::size_t>(kind); }

// RTP header extension ids of an m-line (RFC 8285); 0: not negotiated.
struct ExtensionIds {
  int audio_level = 0;
  int abs_send_time = 0;
  int transport_cc = 0;
  int mid = 0;
};

struct MediaLine {  // our view of one m-line
  Kind kind = Kind::kOther;
  std::string media;  // "audio", "video", "application"
  std::string mid;
  std::string direction;  // ours
  std::string stream_id;
  std::string track_id;
  bool rejected = false;
  bool negotiated = false;  // the peer has answered or offered it
  int payload_type = -1;
  int rtx_payload_type = -1;
  std::uint32_t ssrc = 0;
  std::uint32_t rtx_ssrc = 0;
  ExtensionIds extensions;
  std::vector<std::string> feedback;
  std::string fmtp;
  std::string remote_protocol;
  int remote_first_payload_type = 0;
};

struct RemoteTransport {
  std::string ufrag;
  std::string pwd;
  std::string fingerprint;  // "AB:CD…"
  bool lite = false;
  std::vector<std::string> candidates;
};

// Single-threaded, no I/O.
class Negotiation {
 public:
  struct Local {
    std::string ufrag;
    std::string pwd;
    std::string fingerprint;
    std::string address;
    std::uint16_t port = 0;
  };
  Negotiation(Local local, bool transport_cc);

  // --- as the offering side
  std::size_t add_line(Kind kind, const std::string& direction, const std::string& stream_id);
  [[nodiscard]] std::string make_offer() { return write(true); }
  // Empty, or what is wrong with the answer. It may have fewer lines than we have by now.
  [[nodiscard]] std::string accept_answer(const std::string& sdp);

  // --- as the answering side: the first line of each kind the peer receives carries our media
  [[nodiscard]] std::string answer(const std::string& offer, bool send_audio, bool send_video);

  [[nodiscard]] const std::vector<MediaLine>& lines() const { return lines_; }
  [[nodiscard]] const RemoteTransport& remote() const { return remote_; }
  [[nodiscard]] bool dtls_active() const { return dtls_active_; }
  // The line that carries our media of a kind, if any.
  [[nodiscard]] const MediaLine* sending(Kind kind) const;
  [[nodiscard]] Kind kind_of(int payload_type) const;
  // Extension id under which the peer numbers what it sends (transport-cc); 0: none.
  [[nodiscard]] int received_transport_cc() const { return received_transport_cc_; }
  [[nodiscard]] std::string candidate() const;
  [[nodiscard]] const std::string& cname() const { return cname_; }

 private:
  void take_transport(const SdpMedia& media, bool remote_offers, bool lite);
  void answer_line(std::size_t index, const SdpMedia& offered, bool lite,
                   std::array<bool, kKinds>& want);
  void take_codec(MediaLine& line, const SdpMedia& offered, int payload_type);
  [[nodiscard]] std::string write(bool offer);
  void write_line(std::string& out, const MediaLine& line, bool offer, bool first) const;
  void write_sources(std::string& out, const MediaLine& line) const;

  Local local_;
  bool transport_cc_;
  std::vector<MediaLine> lines_;
  std::array<std::optional<std::size_t>, kKinds> sending_;
  std::map<int, Kind> kinds_;  // by payload type
  RemoteTransport remote_;
  bool have_remote_ = false;
  bool dtls_active_ = false;
  int received_transport_cc_ = 0;
  std::string session_id_;
  std::string cname_;
  int version_ = 1;
};

}  // namespace parley::load
