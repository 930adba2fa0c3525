#include "support/webrtc_peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <sstream>

namespace parley::test {

namespace {

using Bytes = std::vector<std::uint8_t>;

// Checks until connected, and then (our choice, both: tests must be quick).
constexpr std::chrono::milliseconds kCheckFast{20};
constexpr std::chrono::milliseconds kCheckSlow{100};

void put16(Bytes& out, unsigned value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value));
}
void put32(Bytes& out, std::uint32_t value) {
  put16(out, value >> 16);
  put16(out, value & 0xffff);
}
std::uint32_t get(std::span<const std::uint8_t> bytes, std::size_t at, std::size_t count) {
  std::uint32_t out = 0;
  for (std::size_t i = 0; i < count; ++i) out = out << 8 | bytes[at + i];
  return out;
}

std::string random_text(std::size_t size) {
  Bytes bytes(size);
  RAND_bytes(bytes.data(), static_cast<int>(size));
  std::string out;
  for (const std::uint8_t b : bytes) out += static_cast<char>('a' + b % 26);
  return out;
}

std::uint32_t random_u32() {
  std::uint32_t out = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&out), sizeof out);
  return out;
}

std::uint32_t crc32(std::span<const std::uint8_t> bytes) {
  std::uint32_t crc = ~0U;
  for (const std::uint8_t byte : bytes) {
    crc ^= byte;
    for (int i = 0; i < 8; ++i) crc = (crc & 1) != 0 ? crc >> 1 ^ 0xEDB88320U : crc >> 1;
  }
  return ~crc;
}

void put_attribute(Bytes& out, unsigned type, std::span<const std::uint8_t> value) {
  put16(out, type);
  put16(out, static_cast<unsigned>(value.size()));
  out.insert(out.end(), value.begin(), value.end());
  while (out.size() % 4 != 0) out.push_back(0);
}

void set_length(Bytes& message, std::size_t attribute_to_come) {
  const std::size_t length = message.size() - 20 + attribute_to_come;
  message[2] = static_cast<std::uint8_t>(length >> 8);
  message[3] = static_cast<std::uint8_t>(length);
}

// "a=key:value" of an SDP line; nullopt for others.
std::optional<std::string> attribute(const std::string& line, const std::string& key) {
  const std::string prefix = "a=" + key + ":";
  if (!line.starts_with(prefix)) return std::nullopt;
  return line.substr(prefix.size());
}

}  // namespace

WebRtcPeer::WebRtcPeer(PeerOptions options)
    : options_(options),
      dtls_(std::make_unique<DtlsClient>(
          [this](std::span<const std::uint8_t> datagram) { send_datagram(datagram); })),
      ufrag_(random_text(4)),
      pwd_(random_text(24)),
      audio_ssrc_(random_u32()),
      video_ssrc_(random_u32()),
      picture_(static_cast<std::uint16_t>(random_u32())) {
  open_socket();
}

WebRtcPeer::~WebRtcPeer() { close(fd_); }

void WebRtcPeer::open_socket() {
  const int family = options_.v6 ? AF_INET6 : AF_INET;
  fd_ = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_addr = in6addr_loopback;
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int bound = options_.v6 ? bind(fd_, reinterpret_cast<sockaddr*>(&v6), sizeof v6)
                                : bind(fd_, reinterpret_cast<sockaddr*>(&v4), sizeof v4);
  if (fd_ < 0 || bound != 0) std::abort();
}

void WebRtcPeer::move_to_new_socket() {
  close(fd_);
  open_socket();
  connected_ = false;
}

void WebRtcPeer::send_datagram(std::span<const std::uint8_t> datagram) const {
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_addr = in6addr_loopback;
  v6.sin6_port = htons(remote_port_);
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  v4.sin_port = htons(remote_port_);
  const auto* to =
      options_.v6 ? reinterpret_cast<const sockaddr*>(&v6) : reinterpret_cast<const sockaddr*>(&v4);
  sendto(fd_, datagram.data(), datagram.size(), 0, to, options_.v6 ? sizeof v6 : sizeof v4);
}

// ---- signalling -----------------------------------------------------------------------------

void WebRtcPeer::take_offer(const std::string& sdp) {
  lines_.clear();
  good_checks_ = 0;
  std::istringstream in(sdp);
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.starts_with("m=")) {
      std::istringstream words(line.substr(2));
      Line m;
      std::string port;
      std::string proto;
      words >> m.kind >> port >> proto;
      m.rejected = port == "0";
      for (std::string format; words >> format;) m.formats.push_back(format);
      lines_.push_back(std::move(m));
    }
    if (const auto bundle = attribute(line, "group")) bundle_ = *bundle;
    if (const auto ufrag = attribute(line, "ice-ufrag")) remote_ufrag_ = *ufrag;
    if (const auto pwd = attribute(line, "ice-pwd")) remote_pwd_ = *pwd;
    if (const auto candidate = attribute(line, "candidate")) {
      std::istringstream words(*candidate);
      std::string skip;
      std::uint16_t port = 0;
      words >> skip >> skip >> skip >> skip >> skip >> port;
      remote_port_ = port;
    }
    if (lines_.empty()) continue;
    if (const auto mid = attribute(line, "mid")) lines_.back().mid = *mid;
    if (line == "a=sendonly" || line == "a=recvonly" || line == "a=sendrecv" ||
        line == "a=inactive")
      lines_.back().direction = line.substr(2);
  }
}

std::string WebRtcPeer::answer() {
  std::string fingerprint = dtls_->fingerprint();
  if (options_.flip_fingerprint) fingerprint.back() = fingerprint.back() == '0' ? '1' : '0';
  std::ostringstream out;
  out << "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:" << bundle_ << "\r\n";
  for (const Line& line : lines_) {
    const bool offers_to_send = line.direction == "sendonly" || line.direction == "sendrecv";
    const bool sends = options_.publishes && !offers_to_send && line.direction == "recvonly";
    out << "m=" << line.kind << (line.rejected ? " 0" : " 9") << " UDP/TLS/RTP/SAVPF "
        << line.formats.front() << "\r\nc=IN IP4 0.0.0.0\r\n"
        << "a=ice-ufrag:" << ufrag_ << "\r\na=ice-pwd:" << pwd_
        << "\r\na=fingerprint:" << fingerprint
        << "\r\na=setup:" << (options_.dtls_active ? "active" : "passive")
        << "\r\na=mid:" << line.mid << "\r\na="
        << (offers_to_send ? "recvonly"
            : sends        ? "sendonly"
                           : "inactive")
        << "\r\na=rtcp-mux\r\na=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=rtpmap:"
        << line.formats.front() << (line.kind == "audio" ? " opus/48000/2" : " VP8/90000")
        << "\r\n";
    if (sends && line.kind == "video") out << "a=rtcp-fb:" << line.formats.front() << " nack\r\n";
    if (sends)
      out << "a=ssrc:" << (line.kind == "audio" ? audio_ssrc_ : video_ssrc_) << " cname:test\r\n";
  }
  return out.str();
}

// ---- transport ------------------------------------------------------------------------------

void WebRtcPeer::poll(std::chrono::milliseconds wait) {
  const auto now = std::chrono::steady_clock::now();
  if (checking_ && !remote_pwd_.empty() && now >= next_check_) {
    send_check();
    next_check_ = now + (connected_ ? kCheckSlow : kCheckFast);
  }
  if (connected_ && !dtls_->started()) dtls_->start(options_.dtls_active);
  dtls_->on_time();
  pollfd poll_fd{fd_, POLLIN, 0};
  ::poll(&poll_fd, 1, static_cast<int>(wait.count()));
  std::array<std::uint8_t, 2048> buffer{};
  for (ssize_t got = 0; (got = recv(fd_, buffer.data(), buffer.size(), 0)) > 0;)
    on_datagram(std::span(buffer).first(static_cast<std::size_t>(got)));
  if (dtls_->done() && !in_) start_srtp();
}

void WebRtcPeer::idle(std::chrono::milliseconds time) {
  ::poll(nullptr, 0, static_cast<int>(time.count()));
}

void WebRtcPeer::send_check() {
  Bytes message;
  put16(message, 0x0001);
  put16(message, 0);
  put32(message, 0x2112A442);
  for (int i = 0; i < 3; ++i) put32(message, random_u32());
  const std::string username = remote_ufrag_ + ":" + ufrag_;
  put_attribute(message, 0x0006,
                {reinterpret_cast<const std::uint8_t*>(username.data()), username.size()});
  put_attribute(message, 0x0024, std::array<std::uint8_t, 4>{0x6e, 0x7f, 0xff, 0xff});
  put_attribute(message, 0x802A, std::array<std::uint8_t, 8>{1, 2, 3, 4, 5, 6, 7, 8});
  if (nominating_) put_attribute(message, 0x0025, {});
  set_length(message, 24);
  std::array<std::uint8_t, 20> mac{};
  unsigned size = mac.size();
  HMAC(EVP_sha1(), remote_pwd_.data(), static_cast<int>(remote_pwd_.size()), message.data(),
       message.size(), mac.data(), &size);
  put_attribute(message, 0x0008, mac);
  set_length(message, 8);
  Bytes crc;
  put32(crc, crc32(message) ^ 0x5354554e);
  put_attribute(message, 0x8028, crc);
  send_datagram(message);
}

void WebRtcPeer::on_datagram(std::span<std::uint8_t> datagram) {
  if (datagram.front() <= 3) return on_stun(datagram);
  if (datagram.front() >= 20 && datagram.front() <= 63) return dtls_->on_datagram(datagram);
  ++media_datagrams_;
  on_media(datagram);
}

void WebRtcPeer::on_stun(std::span<const std::uint8_t> datagram) {
  if (datagram.size() < 20 || get(datagram, 0, 2) != 0x0101) return;
  // MESSAGE-INTEGRITY under the offer's password, over what stands before it.
  for (std::size_t at = 20; at + 4 <= datagram.size();) {
    const std::size_t size = get(datagram, at + 2, 2);
    if (at + 4 + size > datagram.size()) return;
    if (get(datagram, at, 2) == 0x0008 && size == 20) {
      Bytes covered(datagram.begin(), datagram.begin() + static_cast<std::ptrdiff_t>(at));
      set_length(covered, 24);
      std::array<std::uint8_t, 20> mac{};
      unsigned mac_size = mac.size();
      HMAC(EVP_sha1(), remote_pwd_.data(), static_cast<int>(remote_pwd_.size()), covered.data(),
           covered.size(), mac.data(), &mac_size);
      if (std::memcmp(mac.data(), &datagram[at + 4], mac.size()) != 0) return;
      connected_ = true;
      ++good_checks_;
      return;
    }
    at += 4 + (size + 3) / 4 * 4;
  }
}

void WebRtcPeer::start_srtp() {
  auto in = srtp::Inbound::create(dtls_->key_in());
  if (!in) std::abort();
  in_.emplace(std::move(*in));
  if (out_) return;
  auto out = srtp::Outbound::create(dtls_->key_out());
  if (!out) std::abort();
  out_.emplace(std::move(*out));
}

// ---- media ----------------------------------------------------------------------------------

void WebRtcPeer::send_lossy(std::span<const std::uint8_t> datagram) {
  if (loss_per_mille_ > 0 && dice_() % 1000 < loss_per_mille_) return;
  send_datagram(datagram);
}

void WebRtcPeer::resend(std::uint32_t ssrc, std::uint16_t sequence) {
  const Bytes& packet = sent_[ssrc][sequence % sent_[ssrc].size()];
  if (packet.empty() || get(packet, 2, 2) != sequence) return;
  ++resent_;
  send_lossy(packet);
}

void WebRtcPeer::send_rtp(std::uint8_t payload_type, std::uint32_t ssrc, char mid_last,
                          std::span<const std::uint8_t> payload) {
  send_rtp(payload_type, true, timestamp_, ssrc, mid_last, payload);
}

void WebRtcPeer::send_rtp(std::uint8_t payload_type, bool marker, std::uint32_t timestamp,
                          std::uint32_t ssrc, char mid_last,
                          std::span<const std::uint8_t> payload) {
  if (!out_) return;
  Bytes packet;
  packet.push_back(0x90);  // version 2, extension
  packet.push_back(static_cast<std::uint8_t>((marker ? 0x80 : 0) | payload_type));
  put16(packet, ++sequence_[ssrc]);
  put32(packet, timestamp);
  put32(packet, ssrc);
  put16(packet, 0xBEDE);  // RFC 8285, 4.2
  put16(packet, 1);
  packet.push_back(0x11);  // id 1 (mid), two bytes
  packet.push_back('0');
  packet.push_back(static_cast<std::uint8_t>(mid_last));
  packet.push_back(0);
  packet.insert(packet.end(), payload.begin(), payload.end());
  Bytes protected_packet(packet.size() + srtp::kMaxRtpOverhead);
  protected_packet.resize(out_->protect(packet, protected_packet.data()));
  send_lossy(protected_packet);
  sent_[ssrc][sequence_[ssrc] % sent_[ssrc].size()] = std::move(protected_packet);
}

void WebRtcPeer::send_payload(base::Kind kind, std::uint32_t timestamp, bool marker,
                              std::span<const std::uint8_t> payload) {
  const bool audio = kind == base::Kind::kAudio;
  send_rtp(audio ? 111 : 96, marker, timestamp, audio ? audio_ssrc_ : video_ssrc_,
           audio ? '0' : '1', payload);
}

void WebRtcPeer::send_report(base::Kind kind, std::uint64_t ntp, std::uint32_t timestamp) {
  if (!out_) return;
  const std::uint32_t ssrc = kind == base::Kind::kAudio ? audio_ssrc_ : video_ssrc_;
  Bytes report = {0x80, 200, 0, 6};
  put32(report, ssrc);
  put32(report, static_cast<std::uint32_t>(ntp >> 32U));
  put32(report, static_cast<std::uint32_t>(ntp));
  put32(report, timestamp);
  put32(report, sequence_[ssrc]);
  put32(report, 1000U * sequence_[ssrc]);
  Bytes protected_report(report.size() + srtp::kMaxRtcpOverhead);
  const std::size_t size = out_->protect_rtcp(report, protected_report.data());
  send_lossy(std::span(protected_report).first(size));
}

void WebRtcPeer::send_audio(std::uint8_t mark) {
  timestamp_ += 960;
  const std::array<std::uint8_t, 20> payload = {0x78, mark};
  send_rtp(111, audio_ssrc_, '0', payload);
}

void WebRtcPeer::send_video(std::uint8_t mark) { send_frame(mark, 1, true); }

void WebRtcPeer::send_video_delta(std::uint8_t mark) { send_frame(mark, 1, false); }

void WebRtcPeer::send_video_burst(std::uint8_t mark, int packets) {
  send_frame(mark, packets, true);
}

void WebRtcPeer::send_frame(std::uint8_t mark, int packets, bool key) {
  // RFC 7741: a picture id of 15 bits and TL0PICIDX, then the head of a frame; that of a key frame
  // goes on with 320x240 (RFC 6386, 9.1).
  std::array<std::uint8_t, 500> payload = {
      0x90, 0xc0, 0,    0,    0,    static_cast<std::uint8_t>(key ? 0x10 : 0x11),
      0,    0,    0x9d, 0x01, 0x2a, 0x40,
      0x01, 0xf0, 0,    mark};
  ++picture_;
  payload[2] = static_cast<std::uint8_t>(0x80U | (picture_ >> 8U & 0x7fU));
  payload[3] = static_cast<std::uint8_t>(picture_);
  payload[4] = static_cast<std::uint8_t>(picture_ + 77);
  timestamp_ += 3000;
  for (int i = 0; i < packets; ++i) {
    payload[0] = i == 0 ? 0x90 : 0x80;
    send_rtp(96, video_ssrc_, '1', payload);
  }
}

void WebRtcPeer::on_media(std::span<std::uint8_t> datagram) {
  if (!in_ || datagram.size() < 12) {
    ++undecryptable_;
    return;
  }
  if (datagram[1] >= 192 && datagram[1] <= 223) {  // RFC 5761, 4
    const auto size = in_->unprotect_rtcp(datagram);
    if (size)
      on_rtcp(datagram.first(*size));
    else
      ++undecryptable_;
    return;
  }
  auto size = in_->unprotect(datagram);
  if (!size && size.error() == srtp::Refused::kTooManySources) {
    // A browser forgets sources of tracks that have ended; we forget all.
    start_srtp();
    size = in_->unprotect(datagram);
  }
  if (!size) {
    ++undecryptable_;
    return;
  }
  const auto packet = datagram.first(*size);
  std::size_t header = 12 + 4U * (packet[0] & 15U);
  if ((packet[0] & 0x10) != 0) header += 4 + 4 * get(packet, header + 2, 2);
  HeardPacket heard;
  heard.payload_type = packet[1] & 0x7f;
  heard.sequence = static_cast<std::uint16_t>(get(packet, 2, 2));
  heard.timestamp = get(packet, 4, 4);
  heard.ssrc = get(packet, 8, 4);
  heard.at = std::chrono::steady_clock::now();
  heard.payload.assign(packet.begin() + static_cast<std::ptrdiff_t>(header), packet.end());
  heard_.push_back(std::move(heard));
}

void WebRtcPeer::on_rtcp(std::span<const std::uint8_t> packet) {
  for (std::size_t at = 0; at + 4 <= packet.size();) {
    const std::size_t size = 4 + 4 * get(packet, at + 2, 2);
    if (at + size > packet.size()) return;
    const unsigned format = packet[at] & 31U;
    if (packet[at + 1] == 206 && (format == 1 || format == 4)) ++key_frame_requests_;
    for (std::size_t wish = at + 12; packet[at + 1] == 205 && format == 1 && wish < at + size;
         wish += 4) {
      const std::uint32_t following = get(packet, wish + 2, 2);
      for (unsigned i = 0; i <= 16; ++i)
        if (i == 0 || (following >> (i - 1) & 1U) != 0)
          resend(static_cast<std::uint32_t>(get(packet, at + 8, 4)),
                 static_cast<std::uint16_t>(get(packet, wish, 2) + i));
    }
    at += size;
  }
}

std::size_t WebRtcPeer::heard_of(std::uint8_t payload_type) const {
  return static_cast<std::size_t>(
      std::count_if(heard_.begin(), heard_.end(),
                    [=](const HeardPacket& p) { return p.payload_type == payload_type; }));
}

}  // namespace parley::test
