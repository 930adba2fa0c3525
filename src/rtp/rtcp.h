// RTCP: reading of compound packets, and building of what a forwarder sends (RFC 3550, 6; RFC 4585,
// 6; RFC 5104, 4.3.1).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

#include "rtp/ntp.h"

namespace parley::rtp {

// The largest compound taken: what fits into an Ethernet frame.
inline constexpr std::size_t kMaxCompoundBytes = 1500;

struct ReportBlock {
  std::uint32_t ssrc = 0;
  std::uint8_t fraction_lost = 0;             // of 256
  std::int32_t cumulative_lost = 0;           // 24 bits, signed
  std::uint32_t highest_sequence = 0;         // with cycles
  std::uint32_t jitter = 0;                   // in ticks
  std::uint32_t last_report = 0;              // compact NTP; 0: none
  std::uint32_t delay_since_last_report = 0;  // 1/65536 s
  friend bool operator==(const ReportBlock&, const ReportBlock&) = default;
};

// Views into the compound; valid as long as its memory.
struct ReportBlocks {
  std::span<const std::uint8_t> bytes;  // 24 for each
  [[nodiscard]] std::size_t size() const { return bytes.size() / 24; }
  [[nodiscard]] ReportBlock operator[](std::size_t i) const;
};
struct SenderReport {
  std::uint32_t ssrc = 0;
  NtpTime ntp = 0;
  std::uint32_t timestamp = 0;
  std::uint32_t packets = 0;
  std::uint32_t octets = 0;
  ReportBlocks blocks;
};
struct ReceiverReport {
  std::uint32_t ssrc = 0;
  ReportBlocks blocks;
};
struct SourceDescription {
  std::span<const std::uint8_t> chunks;  // checked: every item ends inside
};
struct Bye {
  std::span<const std::uint8_t> ssrcs;  // 4 bytes each
};
struct PictureLossIndication {
  std::uint32_t media_ssrc = 0;
};
struct FullIntraRequest {
  std::span<const std::uint8_t> entries;  // 8 bytes each, the first 4 are the media SSRC
};
struct GenericNack {
  std::uint32_t media_ssrc = 0;
  std::span<const std::uint8_t> entries;  // 4 bytes each: PID, BLP
};
// A type or feedback format that nobody here needs: application-defined, REMB, …
struct OtherRtcp {
  std::uint8_t packet_type = 0;
  std::uint8_t count_or_format = 0;
};
using RtcpItem = std::variant<SenderReport, ReceiverReport, SourceDescription, Bye,
                              PictureLossIndication, FullIntraRequest, GenericNack, OtherRtcp>;

// Walks a compound. Check valid() first: it looks at every packet, so that a compound is used as a
// whole or not at all. Reduced-size compounds (RFC 5506) are taken.
class RtcpReader {
 public:
  explicit RtcpReader(std::span<const std::uint8_t> compound) : rest_(compound) {}
  [[nodiscard]] static bool valid(std::span<const std::uint8_t> compound);
  // The next packet; nullopt at the end, or at the first malformed one.
  [[nodiscard]] std::optional<RtcpItem> next();
  // Nothing left; false after next() stopped at a malformed packet.
  [[nodiscard]] bool at_end() const { return rest_.empty(); }

 private:
  std::span<const std::uint8_t> rest_;
};

// Builds one compound in fixed memory. Each add_… returns false, and adds nothing, when it does not
// fit; a compound starts with a report (RFC 3550, 6.1).
class RtcpWriter {
 public:
  // Leaves room for SRTCP's trailer in a datagram of the usual 1200 bytes.
  static constexpr std::size_t kMaxBytes = 1160;
  static constexpr std::size_t kMaxBlocks = 31;  // per report (5-bit count)

  bool add_sender_report(const SenderReport& report);  // without blocks
  // At most kMaxBlocks are taken.
  bool add_receiver_report(std::uint32_t ssrc, std::span<const ReportBlock> blocks);
  // One chunk with a CNAME of at most 255 bytes.
  bool add_cname(std::uint32_t ssrc, std::string_view cname);
  bool add_picture_loss(std::uint32_t sender_ssrc, std::uint32_t media_ssrc);
  // For at most kMaxNacked packets, in order (RFC 4585, 6.2.1).
  static constexpr std::size_t kMaxNacked = 128;
  bool add_nack(std::uint32_t sender_ssrc, std::uint32_t media_ssrc,
                std::span<const std::uint16_t> sequences);
  // A complete packet, whose size must be a multiple of 4.
  bool add_packet(std::span<const std::uint8_t> packet);

  [[nodiscard]] std::span<const std::uint8_t> bytes() const {
    return std::span(bytes_).first(size_);
  }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::size_t room() const { return kMaxBytes - size_; }
  void clear() { size_ = 0; }

 private:
  // Room for a packet of `bytes` with its header written; nullptr when there is none.
  std::uint8_t* begin(std::uint8_t count, std::uint8_t type, std::size_t bytes);

  std::array<std::uint8_t, kMaxBytes> bytes_;
  std::size_t size_ = 0;
};

}  // namespace parley::rtp
