// Reads as much SDP as BUNDLE and rtcp-mux WebRTC offers and answers need (RFC 8866, RFC 8829).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace parley::load {

struct SdpCodec {
  std::string name;
  std::string fmtp;
  std::vector<std::string> feedback;  // a=rtcp-fb
};

struct SdpMedia {
  std::string kind;
  std::string protocol;
  std::string mid;
  std::string direction = "sendrecv";
  std::string ufrag;
  std::string pwd;
  std::string fingerprint;  // "sha-256 AB:CD…"
  std::string setup;
  int port = 9;
  bool bundle_only = false;
  std::vector<int> payload_types;
  std::map<int, SdpCodec> codecs;
  std::map<int, std::string> extensions;  // id -> URI
  std::vector<std::string> candidates;

  [[nodiscard]] bool rejected() const { return port == 0 && !bundle_only; }
  [[nodiscard]] bool peer_sends() const {
    return direction == "sendrecv" || direction == "sendonly";
  }
  [[nodiscard]] bool peer_receives() const {
    return direction == "sendrecv" || direction == "recvonly";
  }
  // Payload type of the first codec of this name; -1 when there is none.
  [[nodiscard]] int find_codec(std::string_view name) const;
  // Payload type of the retransmissions (RFC 4588) of `payload_type`; -1 when there is none.
  [[nodiscard]] int find_rtx(int payload_type) const;
};

struct SessionDescription {
  bool ice_lite = false;
  std::vector<SdpMedia> media;  // session-level transport attributes are copied into each
};

[[nodiscard]] SessionDescription parse_sdp(const std::string& text);

}  // namespace parley::load
