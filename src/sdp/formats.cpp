#include "sdp/formats.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "sdp/document.h"

namespace parley::sdp {
namespace {

constexpr std::string_view kMidUri = "urn:ietf:params:rtp-hdrext:sdes:mid";  // RFC 8843
constexpr std::string_view kAudioLevelUri =
    "urn:ietf:params:rtp-hdrext:ssrc-audio-level";  // RFC 6464
constexpr std::string_view kAbsSendTimeUri =
    "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";
constexpr std::string_view kTransportCcUri =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

struct Hash {
  std::string_view name;
  std::size_t digest_bytes;
};
constexpr Hash kHashes[] = {{"sha-256", 32}, {"sha-384", 48}, {"sha-512", 64}};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char l = lower(c);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

// "AB:CD:..." as bytes; empty when it is something else.
std::vector<std::uint8_t> parse_digest(std::string_view text) {
  std::vector<std::uint8_t> digest;
  if (text.size() % 3 != 2) return digest;
  for (std::size_t i = 0; i < text.size(); i += 3) {
    const int high = hex_digit(text[i]);
    const int low = hex_digit(text[i + 1]);
    const bool parted = i + 2 == text.size() || text[i + 2] == ':';
    if (high < 0 || low < 0 || !parted) return {};
    digest.push_back(static_cast<std::uint8_t>(high * 16 + low));
  }
  return digest;
}

}  // namespace

const std::vector<PayloadFormat>& payload_formats(base::Kind kind) {
  static const std::vector<PayloadFormat> kAudio = {
      {111, Codec::kOpus, "opus/48000/2", "minptime=10;useinbandfec=1", 48000}};
  // The order is our preference. H264 is the one profile that RFC 7742 (6.2) asks of browsers.
  static const std::vector<PayloadFormat> kVideo = {
      {96, Codec::kVp8, "VP8/90000", "", 90000},
      {98, Codec::kVp9, "VP9/90000", "profile-id=0", 90000},
      {102, Codec::kH264, "H264/90000",
       "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f", 90000},
      {45, Codec::kAv1, "AV1/90000", "level-idx=5;profile=0;tier=0", 90000}};
  return kind == base::Kind::kAudio ? kAudio : kVideo;
}

const std::vector<ExtensionFormat>& extension_formats(base::Kind kind) {
  static const std::vector<ExtensionFormat> kAudio = {{Extension::kMid, kMidUri},
                                                      {Extension::kAudioLevel, kAudioLevelUri},
                                                      {Extension::kAbsSendTime, kAbsSendTimeUri},
                                                      {Extension::kTransportCc, kTransportCcUri}};
  static const std::vector<ExtensionFormat> kVideo = {{Extension::kMid, kMidUri},
                                                      {Extension::kAbsSendTime, kAbsSendTimeUri},
                                                      {Extension::kTransportCc, kTransportCcUri}};
  return kind == base::Kind::kAudio ? kAudio : kVideo;
}

bool is_of_use(Extension extension, bool peer_sends) {
  return peer_sends ||
         (extension != Extension::kAbsSendTime && extension != Extension::kTransportCc);
}

const std::vector<std::string_view>& feedback_formats(base::Kind kind, bool peer_sends) {
  static const std::vector<std::string_view> kAudio = {};
  static const std::vector<std::string_view> kSentVideo = {"nack", "nack pli", "ccm fir"};
  static const std::vector<std::string_view> kReceivedVideo = {
      "nack pli"};  // one way to ask is enough
  if (kind == base::Kind::kAudio) return kAudio;
  return peer_sends ? kSentVideo : kReceivedVideo;
}

std::string write_fingerprint(const Fingerprint& fingerprint) {
  std::string out = fingerprint.hash;
  char separator = ' ';
  for (const std::uint8_t byte : fingerprint.digest) {
    out += fmt::format("{}{:02X}", separator, byte);
    separator = ':';
  }
  return out;
}

base::Result<std::optional<Fingerprint>> parse_fingerprint(std::string_view value,
                                                           std::size_t line) {
  Fingerprint fingerprint;
  for (const char c : take_word(value)) fingerprint.hash += lower(c);
  const auto* hash = std::find_if(std::begin(kHashes), std::end(kHashes),
                                  [&](const Hash& h) { return h.name == fingerprint.hash; });
  if (hash == std::end(kHashes)) return std::nullopt;
  fingerprint.digest = parse_digest(value);
  if (fingerprint.digest.size() != hash->digest_bytes) {
    return wrong(line, fmt::format("a {} fingerprint has {} hexadecimal bytes parted by colons",
                                   hash->name, hash->digest_bytes));
  }
  return fingerprint;
}

}  // namespace parley::sdp
