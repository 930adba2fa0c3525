// The media half of PeerConnection: RTP in and out.
#include <algorithm>
#include <cstring>

#include "base.h"
#include "bytes.h"
#include "peer_connection.h"
#include "stamp.h"

namespace parley::load {

bool PeerConnection::send_media(Kind kind, std::span<const std::uint8_t> payload, bool marker,
                                std::uint32_t timestamp) {
  const MediaLine* line = negotiation_.sending(kind);
  if (line == nullptr || !connected() || failed_) return false;
  SentTrack& track = sent_[index_of(kind)];
  std::array<std::uint8_t, kMaxPacketBytes + SrtpSession::kMaxGrowth> packet;
  packet[0] = 0x80;
  packet[1] = static_cast<std::uint8_t>(line->payload_type | (marker ? 0x80 : 0));
  put16(&packet[2], track.sequence);
  put32(&packet[4], timestamp);
  put32(&packet[8], line->ssrc);
  const ExtensionValues extensions{line->extensions, monotonic_ns(), transport_cc_next_,
                                   &line->mid};
  const std::size_t head = write_extensions(packet.data(), extensions);
  if (head + payload.size() > kMaxPacketBytes) return false;
  if (line->extensions.transport_cc != 0) transport_cc_next_++;
  std::memcpy(&packet[head], payload.data(), payload.size());
  int size = static_cast<int>(head + payload.size());
  if (kind == Kind::kVideo) {
    track.history[track.sequence % kHistory].assign(packet.data(), packet.data() + size);
  }
  track.sequence++;
  track.info.packets++;
  track.info.octets += static_cast<std::uint32_t>(payload.size());
  track.info.rtp_timestamp = timestamp;
  if (!dtls_.outbound.protect(packet.data(), size)) return false;
  if (kind == Kind::kVideo && happens(options_.drop_sent_pct)) {
    counters_.sent_drops++;
    return true;
  }
  send_datagram({packet.data(), static_cast<std::size_t>(size)}, ice_.peer());
  return true;
}

void PeerConnection::forward(std::span<const std::uint8_t, kRtpHeaderBytes> header,
                             std::span<const std::uint8_t> payload) {
  if (!connected() || failed_ || payload.size() + kRtpHeaderBytes > kMaxPacketBytes) return;
  std::array<std::uint8_t, kMaxPacketBytes + SrtpSession::kMaxGrowth> packet;
  std::memcpy(packet.data(), header.data(), header.size());
  std::memcpy(&packet[kRtpHeaderBytes], payload.data(), payload.size());
  int size = static_cast<int>(kRtpHeaderBytes + payload.size());
  if (!dtls_.outbound.protect(packet.data(), size)) return;
  send_datagram({packet.data(), static_cast<std::size_t>(size)}, ice_.peer());
}

void PeerConnection::count_rtp(ReceivedStream& stream, std::uint16_t sequence, Kind kind) {
  stream.packets++;
  if (!stream.started) {
    stream.started = true;
    stream.kind = kind;
    stream.first = stream.highest = 65536U + sequence;
    stream.first_ns = monotonic_ns();
    return;
  }
  constexpr int kMaxNackedGap = 64;  // a wider one is a jump, not loss
  const auto highest = static_cast<std::uint16_t>(stream.highest);
  const int step = static_cast<std::int16_t>(sequence - highest);
  if (step <= 0) return;
  if (step > 1 && step <= kMaxNackedGap && kind == Kind::kVideo && options_.send_nack) {
    send_nack(stream, static_cast<std::uint16_t>(highest + 1), step - 1);
  }
  stream.highest += static_cast<std::uint32_t>(step);
}

// Whether this packet is to be decrypted: all until the source is known, then a sample.
bool PeerConnection::wants_plain(ReceivedStream& stream, bool marker) {
  if (on_plain_rtp || stream.source < 0) return true;
  if (stream.kind == Kind::kVideo && !stream.key_frame_seen) return true;
  if (stream.kind == Kind::kAudio) return ++stream.sample_count % options_.sample_every == 0;
  // Only the last packet of a frame carries a stamp, and there are 30 of them for 50 of audio.
  return marker && ++stream.sample_count % std::max(1U, options_.sample_every / 2) == 0;
}

void PeerConnection::on_rtp(std::span<std::uint8_t> packet, std::uint64_t arrived_ns) {
  if (!dtls_.inbound.is_open()) return;
  if (const int id = negotiation_.received_transport_cc(); id != 0) {
    const int number = transport_cc_number(packet, id);
    if (number >= 0) {
      arrivals_.push_back({static_cast<std::uint16_t>(number), arrived_ns / 1000});
    }
  }
  const Kind kind = negotiation_.kind_of(packet[1] & 0x7f);
  if (kind == Kind::kOther) {
    counters_.rtx_packets++;
    return;
  }
  if (kind == Kind::kVideo && happens(options_.drop_received_pct)) {
    counters_.received_drops++;
    return;
  }
  counters_.rtp_packets++;
  counters_.rtp_bytes += packet.size();
  const std::uint32_t ssrc = get32(&packet[8]);
  ReceivedStream& stream = received_[ssrc];
  stream.ssrc = ssrc;
  count_rtp(stream, get16(&packet[2]), kind);
  if (!wants_plain(stream, (packet[1] & 0x80) != 0)) return;
  int size = static_cast<int>(packet.size());
  if (!dtls_.inbound.unprotect(packet.data(), size)) {
    counters_.unprotect_failures++;
    return;
  }
  const auto plain = packet.first(static_cast<std::size_t>(size));
  if (on_plain_rtp) {
    on_plain_rtp(plain, stream);
  } else {
    look_inside(stream, plain, arrived_ns);
  }
}

void PeerConnection::look_inside(ReceivedStream& stream, std::span<const std::uint8_t> packet,
                                 std::uint64_t arrived_ns) {
  const auto payload = packet.subspan(rtp_payload_offset(packet));
  if (stream.kind == Kind::kVideo && !stream.key_frame_seen && begins_vp8_key_frame(payload)) {
    stream.key_frame_seen = true;
    stream.key_frame_ns = monotonic_ns();
  }
  if (payload.size() < Stamp::kBytes) return;
  const auto stamp = Stamp::read(payload.data() + payload.size() - Stamp::kBytes);
  if (!stamp) return;
  if (on_latency && arrived_ns > stamp->sent_realtime_ns) {
    on_latency(stream.kind, arrived_ns - stamp->sent_realtime_ns);
  }
  if (stream.source < 0) {
    stream.source = stamp->sender;
    if (on_source_known) on_source_known(stream);
  }
}

}  // namespace parley::load
