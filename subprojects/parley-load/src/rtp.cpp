#include "rtp.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "base.h"
#include "bytes.h"

namespace parley::load {
namespace {

constexpr std::uint16_t kOneByteProfile = 0xBEDE;  // RFC 8285, 4.2
constexpr std::uint8_t kSenderReport = 200;
constexpr std::uint8_t kReceiverReport = 201;
constexpr std::uint8_t kSourceDescription = 202;
constexpr std::uint8_t kTransportFeedback = 205;
constexpr std::uint8_t kPayloadFeedback = 206;

std::uint8_t* grow(std::vector<std::uint8_t>& out, std::size_t bytes) {
  out.resize(out.size() + bytes);
  return out.data() + out.size() - bytes;
}

// Header of the RTCP packet that begins at `at` and ends with the buffer.
void finish(std::vector<std::uint8_t>& out, std::size_t at, unsigned count, std::uint8_t type) {
  out[at] = static_cast<std::uint8_t>(0x80 | count);
  out[at + 1] = type;
  put16(&out[at + 2], static_cast<std::uint32_t>((out.size() - at) / 4 - 1));
}

std::uint8_t one_byte_head(int id, std::size_t size) {
  return static_cast<std::uint8_t>(static_cast<unsigned>(id) << 4 | (size - 1));
}

}  // namespace

std::size_t rtp_payload_offset(std::span<const std::uint8_t> packet) {
  if (packet.size() < kRtpHeaderBytes) return packet.size();
  std::size_t at = kRtpHeaderBytes + 4 * std::size_t{packet[0] & 15U};
  if ((packet[0] & 0x10) != 0) {
    if (at + 4 > packet.size()) return packet.size();
    at += 4 + 4 * std::size_t{get16(&packet[at + 2])};
  }
  return std::min(at, packet.size());
}

int transport_cc_number(std::span<const std::uint8_t> packet, int extension_id) {
  if ((packet[0] & 0x10) == 0 || packet.size() < 16 || get16(&packet[12]) != kOneByteProfile) {
    return -1;
  }
  const std::size_t end = std::min(packet.size(), 16 + 4 * std::size_t{get16(&packet[14])});
  for (std::size_t at = 16; at < end;) {
    if (packet[at] == 0) {  // padding
      at++;
      continue;
    }
    const std::size_t size = (packet[at] & 15U) + 1;
    if (packet[at] >> 4 == extension_id && size == 2 && at + 3 <= end) {
      return get16(&packet[at + 1]);
    }
    at += 1 + size;
  }
  return -1;
}

bool begins_vp8_key_frame(std::span<const std::uint8_t> payload) {
  if (payload.size() < 5) return false;
  const bool starts_frame = (payload[0] & 0x10) != 0 && (payload[0] & 7) == 0;
  std::size_t at = 1;
  if ((payload[0] & 0x80) != 0) {
    const std::uint8_t extended = payload[at++];
    if ((extended & 0x80) != 0) at += (payload[at] & 0x80) != 0 ? 2 : 1;
    if ((extended & 0x40) != 0) at++;
    if ((extended & 0x30) != 0) at++;
  }
  return starts_frame && at < payload.size() && (payload[at] & 1) == 0;
}

std::size_t write_extensions(std::uint8_t* packet, const ExtensionValues& values) {
  const ExtensionIds& ids = values.ids;
  const bool with_mid = ids.mid != 0 && values.mid != nullptr && !values.mid->empty();
  if (ids.audio_level == 0 && ids.abs_send_time == 0 && ids.transport_cc == 0 && !with_mid) {
    return kRtpHeaderBytes;
  }
  packet[0] |= 0x10;
  put16(packet + 12, kOneByteProfile);
  std::uint8_t* p = packet + 16;
  if (ids.audio_level != 0) {
    *p++ = one_byte_head(ids.audio_level, 1);
    *p++ = 0x80 | 35;  // voice, -35 dBov (RFC 6464)
  }
  if (ids.abs_send_time != 0) {
    *p++ = one_byte_head(ids.abs_send_time, 3);
    put24(p, static_cast<std::uint32_t>((values.now_ns / 1000 << 18) / 1'000'000));  // 6.18 s
    p += 3;
  }
  if (ids.transport_cc != 0) {
    *p++ = one_byte_head(ids.transport_cc, 2);
    put16(p, values.transport_cc);
    p += 2;
  }
  if (with_mid) {
    *p++ = one_byte_head(ids.mid, values.mid->size());
    std::memcpy(p, values.mid->data(), values.mid->size());
    p += values.mid->size();
  }
  while ((p - packet) % 4 != 0) *p++ = 0;
  put16(packet + 14, static_cast<std::uint32_t>((p - packet - 16) / 4));
  return static_cast<std::size_t>(p - packet);
}

void make_rtx(std::uint8_t* packet, int& size, int payload_type, std::uint32_t ssrc,
              std::uint16_t sequence) {
  const auto bytes = static_cast<std::size_t>(size);
  const std::size_t payload = rtp_payload_offset({packet, bytes});
  std::memmove(packet + payload + 2, packet + payload, bytes - payload);
  put16(packet + payload, get16(packet + 2));  // the original's number
  packet[1] = static_cast<std::uint8_t>((packet[1] & 0x80) | payload_type);
  put16(packet + 2, sequence);
  put32(packet + 8, ssrc);
  size += 2;
}

void append_report_block(std::vector<std::uint8_t>& out, const ReportBlock& block) {
  std::uint8_t* p = grow(out, 24);
  put32(p, block.ssrc);
  p[4] = static_cast<std::uint8_t>(std::min(block.fraction_lost, 255));
  put24(p + 5, std::min(block.lost, 0x7fffffU));
  put32(p + 8, block.highest);
  put32(p + 12, block.jitter);
  put32(p + 16, block.last_sr);
  put32(p + 20, block.delay_since_sr);
}

void append_sender_report(std::vector<std::uint8_t>& out, std::uint32_t ssrc,
                          const SenderInfo& info, std::span<const ReportBlock> blocks) {
  constexpr std::uint64_t kUnixEpochInNtp = 2208988800;  // RFC 5905
  const std::size_t at = out.size();
  const std::uint64_t now = realtime_ns();
  std::uint8_t* p = grow(out, 28);
  put32(p + 4, ssrc);
  put32(p + 8, static_cast<std::uint32_t>(now / kSecondNs + kUnixEpochInNtp));
  put32(p + 12, static_cast<std::uint32_t>(((now % kSecondNs) << 32) / kSecondNs));
  put32(p + 16, info.rtp_timestamp);
  put32(p + 20, info.packets);
  put32(p + 24, info.octets);
  for (const ReportBlock& block : blocks) append_report_block(out, block);
  finish(out, at, static_cast<unsigned>(blocks.size()), kSenderReport);
}

void append_receiver_report(std::vector<std::uint8_t>& out, std::uint32_t ssrc,
                            std::span<const ReportBlock> blocks) {
  const std::size_t at = out.size();
  put32(grow(out, 8) + 4, ssrc);
  for (const ReportBlock& block : blocks) append_report_block(out, block);
  finish(out, at, static_cast<unsigned>(blocks.size()), kReceiverReport);
}

void append_cname(std::vector<std::uint8_t>& out, std::uint32_t ssrc, const std::string& cname) {
  const std::size_t at = out.size();
  std::uint8_t* p = grow(out, 10 + cname.size());
  put32(p + 4, ssrc);
  p[8] = 1;  // CNAME (RFC 3550, 6.5.1)
  p[9] = static_cast<std::uint8_t>(cname.size());
  std::copy(cname.begin(), cname.end(), p + 10);
  do {
    out.push_back(0);  // ends the chunk
  } while ((out.size() - at) % 4 != 0);
  finish(out, at, 1, kSourceDescription);
}

void append_pli(std::vector<std::uint8_t>& out, std::uint32_t ssrc, std::uint32_t media_ssrc) {
  const std::size_t at = out.size();
  std::uint8_t* p = grow(out, 12);
  put32(p + 4, ssrc);
  put32(p + 8, media_ssrc);
  finish(out, at, 1, kPayloadFeedback);
}

void append_nack(std::vector<std::uint8_t>& out, std::uint32_t ssrc, std::uint32_t media_ssrc,
                 std::uint16_t first, int count) {
  const std::size_t at = out.size();
  std::uint8_t* p = grow(out, 12);
  put32(p + 4, ssrc);
  put32(p + 8, media_ssrc);
  while (count > 0) {  // each entry tells of up to 17 (RFC 4585, 6.2.1)
    const int here = std::min(17, count);
    std::uint8_t* entry = grow(out, 4);
    put16(entry, first);
    put16(entry + 2, (1U << (here - 1)) - 1);
    first = static_cast<std::uint16_t>(first + here);
    count -= here;
  }
  finish(out, at, 1, kTransportFeedback);
}

void append_transport_cc(std::vector<std::uint8_t>& out, std::uint32_t ssrc,
                         std::uint32_t media_ssrc, std::uint8_t feedback_number,
                         std::span<const Arrival> arrivals) {
  constexpr std::size_t kMaxNumbers = 700;
  constexpr std::size_t kMaxBytes = 1300;
  constexpr std::int64_t kReferenceUs = 64000;
  constexpr std::int64_t kDeltaUs = 250;
  if (arrivals.empty()) return;
  std::uint16_t base = arrivals.front().number;
  std::uint64_t earliest_us = arrivals.front().at_us;
  for (const Arrival& a : arrivals) {
    if (static_cast<std::int16_t>(a.number - base) < 0) base = a.number;
    earliest_us = std::min(earliest_us, a.at_us);
  }
  std::vector<std::uint64_t> at_us;  // by number; 0: not arrived
  for (const Arrival& a : arrivals) {
    const std::size_t index = static_cast<std::uint16_t>(a.number - base);
    if (index >= kMaxNumbers) continue;
    if (at_us.size() <= index) at_us.resize(index + 1, 0);
    if (at_us[index] == 0) at_us[index] = a.at_us;
  }
  const auto reference = static_cast<std::int64_t>(earliest_us) / kReferenceUs;
  std::int64_t last = reference * kReferenceUs;
  std::vector<std::uint8_t> chunks;  // two-bit status vectors of 7 symbols
  std::vector<std::uint8_t> deltas;
  for (std::size_t i = 0; i < at_us.size(); i += 7) {
    unsigned chunk = 0xC000;
    for (std::size_t j = 0; j < 7 && i + j < at_us.size(); j++) {
      if (at_us[i + j] == 0) continue;
      const std::int64_t delta = (static_cast<std::int64_t>(at_us[i + j]) - last) / kDeltaUs;
      last += delta * kDeltaUs;
      const bool is_small = delta >= 0 && delta <= 255;
      chunk |= (is_small ? 1U : 2U) << (12 - 2 * j);
      if (!is_small) deltas.push_back(static_cast<std::uint8_t>(delta >> 8));
      deltas.push_back(static_cast<std::uint8_t>(delta));
    }
    put16(grow(chunks, 2), chunk);
  }
  if (chunks.size() + deltas.size() > kMaxBytes) return;
  const std::size_t start = out.size();
  std::uint8_t* p = grow(out, 20);
  put32(p + 4, ssrc);
  put32(p + 8, media_ssrc);
  put16(p + 12, base);
  put16(p + 14, static_cast<std::uint32_t>(at_us.size()));
  put24(p + 16, static_cast<std::uint32_t>(reference));
  p[19] = feedback_number;
  out.insert(out.end(), chunks.begin(), chunks.end());
  out.insert(out.end(), deltas.begin(), deltas.end());
  const std::size_t padding = (4 - (out.size() - start) % 4) % 4;
  out.resize(out.size() + padding);
  if (padding > 0) out.back() = static_cast<std::uint8_t>(padding);
  finish(out, start, 15, kTransportFeedback);
  if (padding > 0) out[start] |= 0x20;
}

}  // namespace parley::load
