// RTP and RTCP as bytes: what the tool reads from headers and the RTCP packets it writes.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "negotiation.h"

namespace parley::load {

inline constexpr std::size_t kRtpHeaderBytes = 12;
inline constexpr std::size_t kMaxPacketBytes = 1600;

// Bytes in front of the payload; the packet's size when it is cut short.
[[nodiscard]] std::size_t rtp_payload_offset(std::span<const std::uint8_t> packet);
// The transport-cc number in a one-byte header extension (RFC 8285); -1 when there is none.
[[nodiscard]] int transport_cc_number(std::span<const std::uint8_t> packet, int extension_id);
// Whether a VP8 payload begins a key frame (RFC 7741, 4.2 and 4.3).
[[nodiscard]] bool begins_vp8_key_frame(std::span<const std::uint8_t> payload);

struct ExtensionValues {
  ExtensionIds ids;
  std::uint64_t now_ns = 0;
  std::uint16_t transport_cc = 0;
  const std::string* mid = nullptr;
};
// Writes the header extensions behind the fixed header of `packet` and sets the X bit. Returns the
// offset of the payload.
[[nodiscard]] std::size_t write_extensions(std::uint8_t* packet, const ExtensionValues& values);

// Turns the `size` bytes of a stored plain packet into its retransmission (RFC 4588, 4).
void make_rtx(std::uint8_t* packet, int& size, int payload_type, std::uint32_t ssrc,
              std::uint16_t sequence);

struct ReportBlock {  // RFC 3550, 6.4.1
  std::uint32_t ssrc = 0;
  int fraction_lost = 0;  // of 256
  std::uint32_t lost = 0;
  std::uint32_t highest = 0;
  std::uint32_t jitter = 0;
  std::uint32_t last_sr = 0;
  std::uint32_t delay_since_sr = 0;  // 1/65536 s
};
void append_report_block(std::vector<std::uint8_t>& out, const ReportBlock& block);

// RTCP writers append one packet to `out`.
struct SenderInfo {
  std::uint32_t rtp_timestamp = 0;
  std::uint32_t packets = 0;
  std::uint32_t octets = 0;
};
void append_sender_report(std::vector<std::uint8_t>& out, std::uint32_t ssrc,
                          const SenderInfo& info, std::span<const ReportBlock> blocks);
void append_receiver_report(std::vector<std::uint8_t>& out, std::uint32_t ssrc,
                            std::span<const ReportBlock> blocks);
void append_cname(std::vector<std::uint8_t>& out, std::uint32_t ssrc, const std::string& cname);
void append_pli(std::vector<std::uint8_t>& out, std::uint32_t ssrc, std::uint32_t media_ssrc);
void append_nack(std::vector<std::uint8_t>& out, std::uint32_t ssrc, std::uint32_t media_ssrc,
                 std::uint16_t first, int count);

struct Arrival {
  std::uint16_t number = 0;
  std::uint64_t at_us = 0;
};
// Transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01, 3.1). Appends
// nothing when the arrivals do not fit into one packet.
void append_transport_cc(std::vector<std::uint8_t>& out, std::uint32_t ssrc,
                         std::uint32_t media_ssrc, std::uint8_t feedback_number,
                         std::span<const Arrival> arrivals);

// Calls `visit(type, format, packet)` for each packet of a compound one.
template <class Visit>
void each_rtcp(std::span<const std::uint8_t> compound, Visit visit) {
  while (compound.size() >= 8) {
    const std::size_t size = 4 * (std::size_t{compound[2]} << 8 | std::size_t{compound[3]}) + 4;
    if (size > compound.size()) return;
    visit(compound[1], compound[0] & 31, compound.first(size));
    compound = compound.subspan(size);
  }
}

}  // namespace parley::load
