// The feedback half of PeerConnection: RTCP in and out.
#include <algorithm>
#include <cstring>

#include "base.h"
#include "bytes.h"
#include "peer_connection.h"

namespace parley::load {
namespace {

constexpr std::uint8_t kSenderReport = 200;
constexpr std::uint8_t kTransportFeedback = 205;
constexpr std::uint8_t kPayloadFeedback = 206;
constexpr int kGenericNack = 1;
constexpr int kPictureLoss = 1;
constexpr int kFullIntra = 4;
constexpr std::size_t kMaxReportBlocks = 31;

std::uint32_t delay_since(const ReceivedStream& stream, std::uint64_t now_ns) {
  if (stream.last_sr == 0) return 0;
  return static_cast<std::uint32_t>((now_ns - stream.last_sr_ns) * 65536 / kSecondNs);
}

}  // namespace

void PeerConnection::send_rtcp(std::vector<std::uint8_t>& packet) {
  if (!dtls_.outbound.is_open() || packet.empty()) return;
  int size = static_cast<int>(packet.size());
  packet.resize(packet.size() + SrtpSession::kMaxGrowth);
  if (!dtls_.outbound.protect_rtcp(packet.data(), size)) return;
  send_datagram({packet.data(), static_cast<std::size_t>(size)}, ice_.peer());
}

std::uint32_t PeerConnection::feedback_ssrc() const {
  return std::max(sent_[index_of(Kind::kAudio)].ssrc, 1U);
}

// Feedback goes out as a compound packet led by an RR about the same stream: that is always legal
// (RFC 3550, 6.1), and servers without rtcp-rsize (RFC 5506) need it.
std::vector<std::uint8_t> PeerConnection::feedback_about(std::uint32_t ssrc) const {
  ReportBlock block;
  block.ssrc = ssrc;
  if (const auto it = received_.find(ssrc); it != received_.end()) {
    block.highest = it->second.highest;
    block.last_sr = it->second.last_sr;
    block.delay_since_sr = delay_since(it->second, monotonic_ns());
  }
  std::vector<std::uint8_t> packet;
  append_receiver_report(packet, feedback_ssrc(), {&block, 1});
  return packet;
}

void PeerConnection::request_key_frame(std::uint32_t ssrc) {
  std::vector<std::uint8_t> packet = feedback_about(ssrc);
  append_pli(packet, feedback_ssrc(), ssrc);
  send_rtcp(packet);
}

void PeerConnection::send_nack(ReceivedStream& stream, std::uint16_t first, int count) {
  std::vector<std::uint8_t> packet = feedback_about(stream.ssrc);
  append_nack(packet, feedback_ssrc(), stream.ssrc, first, count);
  stream.nacked += static_cast<std::uint64_t>(count);
  send_rtcp(packet);
}

void PeerConnection::on_rtcp(std::span<std::uint8_t> packet) {
  counters_.rtcp_packets++;
  if (!dtls_.inbound.is_open()) return;
  int size = static_cast<int>(packet.size());
  if (!dtls_.inbound.unprotect_rtcp(packet.data(), size)) {
    counters_.unprotect_failures++;
    return;
  }
  const std::span<const std::uint8_t> plain = packet.first(static_cast<std::size_t>(size));
  each_rtcp(plain, [this](std::uint8_t type, int format, std::span<const std::uint8_t> part) {
    if (type == kSenderReport && part.size() >= 28) {
      const auto it = received_.find(get32(&part[4]));
      if (it == received_.end()) return;
      it->second.last_sr = get32(&part[10]);  // the middle 32 bits of the NTP time
      it->second.last_sr_ns = monotonic_ns();
    } else if (type == kPayloadFeedback && (format == kPictureLoss || format == kFullIntra)) {
      counters_.key_requests_received++;
      if (on_key_request) on_key_request();
    } else if (type == kTransportFeedback && format == kGenericNack) {
      on_nack(part);
    }
  });
}

void PeerConnection::on_nack(std::span<const std::uint8_t> packet) {
  counters_.nacks_received++;
  const MediaLine* line = negotiation_.sending(Kind::kVideo);
  if (line == nullptr || packet.size() < 12 || get32(&packet[8]) != line->ssrc) return;
  for (std::size_t at = 12; at + 4 <= packet.size(); at += 4) {
    const std::uint16_t first = get16(&packet[at]);
    const unsigned following = get16(&packet[at + 2]);
    retransmit(*line, first);
    for (unsigned i = 0; i < 16; i++) {
      if ((following >> i & 1) != 0) retransmit(*line, static_cast<std::uint16_t>(first + i + 1));
    }
  }
}

void PeerConnection::retransmit(const MediaLine& line, std::uint16_t sequence) {
  SentTrack& track = sent_[index_of(Kind::kVideo)];
  const std::vector<std::uint8_t>& stored = track.history[sequence % kHistory];
  if (stored.size() < kRtpHeaderBytes || get16(&stored[2]) != sequence) return;
  std::array<std::uint8_t, kMaxPacketBytes + SrtpSession::kMaxGrowth> packet;
  std::memcpy(packet.data(), stored.data(), stored.size());
  int size = static_cast<int>(stored.size());
  if (line.rtx_payload_type >= 0) {
    make_rtx(packet.data(), size, line.rtx_payload_type, line.rtx_ssrc, track.rtx_sequence++);
  }
  if (!dtls_.outbound.protect(packet.data(), size)) return;
  send_datagram({packet.data(), static_cast<std::size_t>(size)}, ice_.peer());
  counters_.retransmitted++;
}

void PeerConnection::send_reports(std::uint64_t now_ns) {
  std::vector<ReportBlock> blocks;
  for (auto& [ssrc, stream] : received_) {
    if (!stream.started) continue;
    const std::uint64_t expected = stream.expected();
    const std::uint64_t expected_now = expected - stream.reported_expected;
    const std::uint64_t received_now = stream.packets - stream.reported_packets;
    stream.reported_expected = expected;
    stream.reported_packets = stream.packets;
    ReportBlock block;
    block.ssrc = ssrc;
    if (expected_now > received_now) {
      block.fraction_lost = static_cast<int>((expected_now - received_now) * 256 / expected_now);
    }
    if (expected > stream.packets) {
      block.lost = static_cast<std::uint32_t>(expected - stream.packets);
    }
    block.highest = stream.highest;
    block.jitter = 20;  // RTP units; loopback has none worth measuring
    block.last_sr = stream.last_sr;
    block.delay_since_sr = delay_since(stream, now_ns);
    blocks.push_back(block);
  }
  std::span<const ReportBlock> left(blocks);
  const auto next_blocks = [&] {
    const auto some = left.first(std::min(left.size(), kMaxReportBlocks));
    left = left.subspan(some.size());
    return some;
  };
  bool any = false;
  for (const SentTrack& track : sent_) {
    if (track.info.packets == 0) continue;
    std::vector<std::uint8_t> packet;
    append_sender_report(packet, track.ssrc, track.info, next_blocks());
    append_cname(packet, track.ssrc, negotiation_.cname());
    send_rtcp(packet);
    any = true;
  }
  while (!left.empty() || !any) {
    std::vector<std::uint8_t> packet;
    append_receiver_report(packet, feedback_ssrc(), next_blocks());
    append_cname(packet, feedback_ssrc(), negotiation_.cname());
    send_rtcp(packet);
    any = true;
  }
}

void PeerConnection::request_missing_key_frames(std::uint64_t now_ns) {
  if (on_plain_rtp) return;  // a forwarder asks when its receivers do
  for (auto& [ssrc, stream] : received_) {
    if (stream.kind != Kind::kVideo || !stream.started || stream.key_frame_seen) continue;
    if (now_ns - stream.first_ns < 500 * kMilliNs) continue;
    if (now_ns - stream.last_key_request_ns < 900 * kMilliNs) continue;
    stream.last_key_request_ns = now_ns;
    request_key_frame(ssrc);
  }
}

void PeerConnection::send_transport_cc() {
  if (arrivals_.empty()) return;
  std::vector<std::uint8_t> packet;
  const std::uint32_t media_ssrc = received_.empty() ? 0 : received_.begin()->first;
  append_transport_cc(packet, feedback_ssrc(), media_ssrc, feedback_count_++, arrivals_);
  arrivals_.clear();
  if (packet.empty()) return;
  counters_.transport_cc_sent++;
  send_rtcp(packet);
}

}  // namespace parley::load
