#include "negotiation.h"

#include <algorithm>
#include <string_view>

#include "base.h"

namespace parley::load {
namespace {

constexpr std::string_view kAudioLevel = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
constexpr std::string_view kAbsSendTime =
    "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";
constexpr std::string_view kTransportCc =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
constexpr std::string_view kMid = "urn:ietf:params:rtp-hdrext:sdes:mid";

Kind kind_named(std::string_view media) {
  if (media == "audio") return Kind::kAudio;
  return media == "video" ? Kind::kVideo : Kind::kOther;
}

bool sends(const MediaLine& line) {
  return line.direction == "sendrecv" || line.direction == "sendonly";
}

ExtensionIds known_extensions(const std::map<int, std::string>& from, bool transport_cc) {
  ExtensionIds ids;
  for (const auto& [id, uri] : from) {
    if (uri == kAudioLevel) ids.audio_level = id;
    if (uri == kAbsSendTime) ids.abs_send_time = id;
    if (uri == kTransportCc && transport_cc) ids.transport_cc = id;
    if (uri == kMid) ids.mid = id;
  }
  return ids;
}

// Keeps what both sides have under the same id.
ExtensionIds common(const ExtensionIds& a, const ExtensionIds& b) {
  const auto same = [](int x, int y) { return x == y ? x : 0; };
  return {same(a.audio_level, b.audio_level), same(a.abs_send_time, b.abs_send_time),
          same(a.transport_cc, b.transport_cc), same(a.mid, b.mid)};
}

void write_extensions(std::string& out, const ExtensionIds& ids) {
  const auto line = [&](int id, std::string_view uri) {
    if (id != 0) out += "a=extmap:" + std::to_string(id) + " " + std::string(uri) + "\r\n";
  };
  line(ids.audio_level, kAudioLevel);
  line(ids.abs_send_time, kAbsSendTime);
  line(ids.transport_cc, kTransportCc);
  line(ids.mid, kMid);
}

void write_rejected(std::string& out, const MediaLine& line) {
  out += "m=" + line.media + " 0 " +
         (line.remote_protocol.empty() ? "UDP/TLS/RTP/SAVPF" : line.remote_protocol);
  out += line.media == "application" ? " webrtc-datachannel"
                                     : " " + std::to_string(line.remote_first_payload_type);
  out += "\r\nc=IN IP4 0.0.0.0\r\na=mid:" + line.mid + "\r\na=inactive\r\n";
}

}  // namespace

Negotiation::Negotiation(Local local, bool transport_cc)
    : local_(std::move(local)),
      transport_cc_(transport_cc),
      session_id_(std::to_string(random_u64() >> 2)),
      cname_(random_text(16)) {}

std::string Negotiation::candidate() const {
  return "candidate:1 1 udp 2130706431 " + local_.address + " " + std::to_string(local_.port) +
         " typ host generation 0";
}

std::size_t Negotiation::add_line(Kind kind, const std::string& direction,
                                  const std::string& stream_id) {
  MediaLine line;
  const bool audio = kind == Kind::kAudio;
  line.kind = kind;
  line.media = audio ? "audio" : "video";
  line.direction = direction;
  line.mid = std::to_string(lines_.size());
  line.ssrc = random_u32() | 1;
  line.rtx_ssrc = audio ? 0 : random_u32() | 1;
  line.stream_id = stream_id.empty() ? random_text(16) : stream_id;
  line.track_id = random_text(16);
  line.payload_type = audio ? 111 : 96;
  line.rtx_payload_type = audio ? -1 : 97;
  line.extensions = {audio ? 1 : 0, 2, transport_cc_ ? 3 : 0, 4};
  if (audio) {
    line.fmtp = "minptime=10;useinbandfec=1";
  } else {
    line.feedback = {"goog-remb", "ccm fir", "nack", "nack pli"};
  }
  if (transport_cc_) line.feedback.emplace_back("transport-cc");
  lines_.push_back(std::move(line));
  return lines_.size() - 1;
}

const MediaLine* Negotiation::sending(Kind kind) const {
  const auto& index = sending_[index_of(kind)];
  return index ? &lines_[*index] : nullptr;
}

Kind Negotiation::kind_of(int payload_type) const {
  const auto it = kinds_.find(payload_type);
  return it == kinds_.end() ? Kind::kOther : it->second;
}

void Negotiation::take_transport(const SdpMedia& media, bool remote_offers, bool lite) {
  if (!have_remote_) {
    const std::size_t space = media.fingerprint.find(' ');
    remote_.fingerprint = media.fingerprint.substr(space == std::string::npos ? 0 : space + 1);
    dtls_active_ = remote_offers ? media.setup != "active" : media.setup == "passive";
    remote_.lite = lite;
    have_remote_ = true;
  }
  remote_.ufrag = media.ufrag;
  remote_.pwd = media.pwd;
  for (const std::string& candidate : media.candidates) {
    auto& known = remote_.candidates;
    if (std::find(known.begin(), known.end(), candidate) == known.end()) known.push_back(candidate);
  }
}

std::string Negotiation::accept_answer(const std::string& sdp) {
  const SessionDescription remote = parse_sdp(sdp);
  if (remote.media.size() > lines_.size()) {
    return "the answer has " + std::to_string(remote.media.size()) + " m-lines, the offer " +
           std::to_string(lines_.size());
  }
  for (std::size_t i = 0; i < remote.media.size(); i++) {
    MediaLine& line = lines_[i];
    const SdpMedia& answered = remote.media[i];
    line.negotiated = true;
    line.remote_protocol = answered.protocol;
    const int type = answered.find_codec(line.kind == Kind::kAudio ? "opus" : "VP8");
    line.rejected = type < 0 || answered.rejected();
    if (line.rejected) continue;
    take_transport(answered, false, remote.ice_lite);
    line.payload_type = type;
    line.rtx_payload_type = answered.find_rtx(type);
    line.extensions = common(line.extensions, known_extensions(answered.extensions, transport_cc_));
    kinds_[type] = line.kind;
    auto& sending = sending_[index_of(line.kind)];
    if (!sending && sends(line) && answered.peer_receives()) sending = i;
    if (answered.peer_sends() && line.extensions.transport_cc != 0) {
      received_transport_cc_ = line.extensions.transport_cc;
    }
  }
  return {};
}

void Negotiation::take_codec(MediaLine& line, const SdpMedia& offered, int payload_type) {
  line.payload_type = payload_type;
  line.rtx_payload_type = offered.find_rtx(payload_type);
  line.feedback.clear();
  if (const auto codec = offered.codecs.find(payload_type); codec != offered.codecs.end()) {
    line.fmtp = codec->second.fmtp;
    for (const std::string& feedback : codec->second.feedback) {
      if (feedback == "nack" || feedback == "nack pli" || feedback == "ccm fir" ||
          feedback == "goog-remb" || (feedback == "transport-cc" && transport_cc_)) {
        line.feedback.push_back(feedback);
      }
    }
  }
  line.extensions = known_extensions(offered.extensions, transport_cc_);
  kinds_[payload_type] = line.kind;
}

// `want`: of which kinds a line for our own media is still looked for.
void Negotiation::answer_line(std::size_t index, const SdpMedia& offered, bool lite,
                              std::array<bool, kKinds>& want) {
  MediaLine& line = lines_[index];
  line.kind = kind_named(offered.kind);
  line.media = offered.kind;
  line.mid = offered.mid;
  line.negotiated = true;
  line.remote_protocol = offered.protocol;
  line.remote_first_payload_type =
      offered.payload_types.empty() ? 0 : offered.payload_types.front();
  int type = -1;
  if (line.kind == Kind::kAudio) type = offered.find_codec("opus");
  if (line.kind == Kind::kVideo) type = offered.find_codec("VP8");
  line.rejected = type < 0 || offered.rejected();
  line.direction = "inactive";
  if (line.rejected) return;
  take_transport(offered, true, lite);
  take_codec(line, offered, type);
  const bool send = want[index_of(line.kind)] && offered.peer_receives();
  if (send) {
    want[index_of(line.kind)] = false;
    sending_[index_of(line.kind)] = index;
    if (line.ssrc == 0) {
      line.ssrc = random_u32() | 1;
      line.rtx_ssrc = random_u32() | 1;
      line.stream_id = random_text(16);
      line.track_id = random_text(16);
    }
  }
  const bool receive = offered.peer_sends();
  if (send || receive) line.direction = !receive ? "sendonly" : send ? "sendrecv" : "recvonly";
  if (receive && line.extensions.transport_cc != 0) {
    received_transport_cc_ = line.extensions.transport_cc;
  }
}

std::string Negotiation::answer(const std::string& offer, bool send_audio, bool send_video) {
  const SessionDescription remote = parse_sdp(offer);
  std::array<bool, kKinds> want{send_audio, send_video};
  sending_ = {};
  received_transport_cc_ = 0;
  lines_.resize(std::max(lines_.size(), remote.media.size()));
  for (std::size_t i = 0; i < remote.media.size(); i++) {
    answer_line(i, remote.media[i], remote.ice_lite, want);
  }
  return write(false);
}

std::string Negotiation::write(bool offer) {
  std::string out = "v=0\r\no=- " + session_id_ + " " + std::to_string(++version_) +
                    " IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE";
  for (const MediaLine& line : lines_) {
    if (!line.rejected) out += " " + line.mid;
  }
  out += "\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS *\r\n";
  bool first = true;
  for (const MediaLine& line : lines_) {
    if (line.rejected) {
      write_rejected(out, line);
    } else {
      write_line(out, line, offer, first);
      first = false;
    }
  }
  return out;
}

void Negotiation::write_line(std::string& out, const MediaLine& line, bool offer,
                             bool first) const {
  const std::string type = std::to_string(line.payload_type);
  const std::string rtx = std::to_string(line.rtx_payload_type);
  const bool has_rtx = line.rtx_payload_type >= 0;
  const char* setup = offer ? "actpass" : dtls_active_ ? "active" : "passive";
  out += "m=" + line.media + " " + (first ? std::to_string(local_.port) : "9") +
         " UDP/TLS/RTP/SAVPF " + type + (has_rtx ? " " + rtx : "") + "\r\nc=IN IP4 " +
         (first ? local_.address : "0.0.0.0") + "\r\na=rtcp:9 IN IP4 0.0.0.0\r\n";
  if (first) out += "a=" + candidate() + "\r\na=end-of-candidates\r\n";
  out += "a=ice-ufrag:" + local_.ufrag + "\r\na=ice-pwd:" + local_.pwd +
         "\r\na=ice-options:trickle\r\na=fingerprint:sha-256 " + local_.fingerprint +
         "\r\na=setup:" + setup + "\r\na=mid:" + line.mid + "\r\n";
  write_extensions(out, line.extensions);
  out += "a=" + line.direction + "\r\n";
  if (sends(line)) out += "a=msid:" + line.stream_id + " " + line.track_id + "\r\n";
  out += "a=rtcp-mux\r\na=rtcp-rsize\r\na=rtpmap:" + type +
         (line.kind == Kind::kAudio ? " opus/48000/2\r\n" : " VP8/90000\r\n");
  const std::string feedback_head = "a=rtcp-fb:" + type + " ";
  for (const std::string& feedback : line.feedback) {
    out.append(feedback_head).append(feedback).append("\r\n");
  }
  if (!line.fmtp.empty()) out += "a=fmtp:" + type + " " + line.fmtp + "\r\n";
  if (has_rtx) out += "a=rtpmap:" + rtx + " rtx/90000\r\na=fmtp:" + rtx + " apt=" + type + "\r\n";
  if (sends(line)) write_sources(out, line);
}

void Negotiation::write_sources(std::string& out, const MediaLine& line) const {
  const std::string ssrc = std::to_string(line.ssrc);
  const std::string rtx = std::to_string(line.rtx_ssrc);
  const bool has_rtx = line.rtx_payload_type >= 0;
  const auto source = [&](const std::string& id) {
    const std::string head = "a=ssrc:" + id;
    out += head + " cname:" + cname_ + "\r\n";
    out += head + " msid:" + line.stream_id + " " + line.track_id + "\r\n";
  };
  if (has_rtx) out += "a=ssrc-group:FID " + ssrc + " " + rtx + "\r\n";
  source(ssrc);
  if (has_rtx) source(rtx);
}

}  // namespace parley::load
