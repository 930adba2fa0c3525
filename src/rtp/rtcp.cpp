#include "rtp/rtcp.h"

#include <algorithm>
#include <cstring>

#include "rtp/bytes.h"

namespace parley::rtp {
namespace {

// Packet types (RFC 3550, 12.1; RFC 4585, 6.1) and feedback formats.
constexpr std::uint8_t kSenderReport = 200;
constexpr std::uint8_t kReceiverReport = 201;
constexpr std::uint8_t kSourceDescription = 202;
constexpr std::uint8_t kBye = 203;
constexpr std::uint8_t kTransportFeedback = 205;
constexpr std::uint8_t kPayloadFeedback = 206;
constexpr std::uint8_t kNackFormat = 1;  // of kTransportFeedback
constexpr std::uint8_t kPliFormat = 1;   // of kPayloadFeedback
constexpr std::uint8_t kFirFormat = 4;

constexpr std::size_t kHeaderBytes = 4;
constexpr std::size_t kBlockBytes = 24;
constexpr std::size_t kSenderReportBytes = 28;  // without blocks
constexpr std::size_t kReceiverReportBytes = 8;
constexpr std::size_t kFeedbackBytes = 12;
constexpr std::uint8_t kCnameItem = 1;

using Bytes = std::span<const std::uint8_t>;

std::optional<RtcpItem> read_sender_report(Bytes p, std::uint8_t count) {
  if (p.size() < kSenderReportBytes + count * kBlockBytes) return std::nullopt;
  return SenderReport{.ssrc = load32(&p[4]),
                      .ntp = static_cast<NtpTime>(load32(&p[8])) << 32U | load32(&p[12]),
                      .timestamp = load32(&p[16]),
                      .packets = load32(&p[20]),
                      .octets = load32(&p[24]),
                      .blocks = {p.subspan(kSenderReportBytes, count * kBlockBytes)}};
}

std::optional<RtcpItem> read_receiver_report(Bytes p, std::uint8_t count) {
  if (p.size() < kReceiverReportBytes + count * kBlockBytes) return std::nullopt;
  return ReceiverReport{.ssrc = load32(&p[4]),
                        .blocks = {p.subspan(kReceiverReportBytes, count * kBlockBytes)}};
}

// Chunks of SSRC and items, each chunk ended by a zero byte and padded to 32 bits (RFC 3550, 6.5).
std::optional<RtcpItem> read_source_description(Bytes p, std::uint8_t count) {
  std::size_t at = kHeaderBytes;
  for (std::uint8_t chunk = 0; chunk < count; ++chunk) {
    at += 4;
    while (at < p.size() && p[at] != 0) {
      if (at + 2 > p.size()) return std::nullopt;
      at += 2 + std::size_t{p[at + 1]};
    }
    if (at >= p.size()) return std::nullopt;
    at = (at + 4) / 4 * 4;  // past the zero, up to the next word
  }
  if (at > p.size()) return std::nullopt;
  return SourceDescription{p.subspan(kHeaderBytes)};
}

std::optional<RtcpItem> read_bye(Bytes p, std::uint8_t count) {
  if (p.size() < kHeaderBytes + 4 * std::size_t{count}) return std::nullopt;
  return Bye{p.subspan(kHeaderBytes, 4 * std::size_t{count})};
}

std::optional<RtcpItem> read_feedback(Bytes p, std::uint8_t type, std::uint8_t format) {
  if (p.size() < kFeedbackBytes) return std::nullopt;
  const Bytes entries = p.subspan(kFeedbackBytes);
  if (type == kTransportFeedback && format == kNackFormat) {
    if (entries.empty()) return std::nullopt;
    return GenericNack{load32(&p[8]), entries};
  }
  if (type == kPayloadFeedback && format == kPliFormat) return PictureLossIndication{load32(&p[8])};
  if (type == kPayloadFeedback && format == kFirFormat) {
    if (entries.empty() || entries.size() % 8 != 0) return std::nullopt;
    return FullIntraRequest{entries};
  }
  return OtherRtcp{type, format};
}

}  // namespace

ReportBlock ReportBlocks::operator[](std::size_t i) const {
  const std::uint8_t* p = &bytes[i * kBlockBytes];
  const std::uint32_t lost = load24(p + 5);
  return {.ssrc = load32(p),
          .fraction_lost = p[4],
          .cumulative_lost = static_cast<std::int32_t>(lost << 8U) >> 8U,
          .highest_sequence = load32(p + 8),
          .jitter = load32(p + 12),
          .last_report = load32(p + 16),
          .delay_since_last_report = load32(p + 20)};
}

bool RtcpReader::valid(std::span<const std::uint8_t> compound) {
  if (compound.empty() || compound.size() > kMaxCompoundBytes) return false;
  RtcpReader reader(compound);
  while (reader.next()) {
  }
  return reader.at_end();
}

std::optional<RtcpItem> RtcpReader::next() {
  if (rest_.size() < kHeaderBytes || rest_[0] >> 6U != 2) return std::nullopt;
  const std::size_t bytes = 4 * (std::size_t{load16(&rest_[2])} + 1);
  if (bytes > rest_.size()) return std::nullopt;
  const std::uint8_t count = rest_[0] & 0x1fU;
  const std::uint8_t type = rest_[1];
  Bytes packet = rest_.first(bytes);
  if ((rest_[0] & 0x20U) != 0) {
    // Only the last packet of a compound may be padded (RFC 3550, 6.4.1).
    const std::size_t padding = packet.back();
    if (bytes != rest_.size() || padding == 0 || padding % 4 != 0 || padding > bytes - kHeaderBytes)
      return std::nullopt;
    packet = packet.first(bytes - padding);
  }
  std::optional<RtcpItem> item;
  switch (type) {
    case kSenderReport:
      item = read_sender_report(packet, count);
      break;
    case kReceiverReport:
      item = read_receiver_report(packet, count);
      break;
    case kSourceDescription:
      item = read_source_description(packet, count);
      break;
    case kBye:
      item = read_bye(packet, count);
      break;
    case kTransportFeedback:
    case kPayloadFeedback:
      item = read_feedback(packet, type, count);
      break;
    default:
      item = OtherRtcp{type, count};
  }
  if (item) rest_ = rest_.subspan(bytes);
  return item;
}

std::uint8_t* RtcpWriter::begin(std::uint8_t count, std::uint8_t type, std::size_t bytes) {
  if (bytes > room()) return nullptr;
  std::uint8_t* p = &bytes_[size_];
  size_ += bytes;
  p[0] = static_cast<std::uint8_t>(0x80U | count);
  p[1] = type;
  store16(p + 2, static_cast<std::uint16_t>(bytes / 4 - 1));
  return p;
}

bool RtcpWriter::add_sender_report(const SenderReport& report) {
  std::uint8_t* p = begin(0, kSenderReport, kSenderReportBytes);
  if (p == nullptr) return false;
  store32(p + 4, report.ssrc);
  store32(p + 8, static_cast<std::uint32_t>(report.ntp >> 32U));
  store32(p + 12, static_cast<std::uint32_t>(report.ntp));
  store32(p + 16, report.timestamp);
  store32(p + 20, report.packets);
  store32(p + 24, report.octets);
  return true;
}

bool RtcpWriter::add_receiver_report(std::uint32_t ssrc, std::span<const ReportBlock> blocks) {
  blocks = blocks.first(std::min(blocks.size(), kMaxBlocks));
  std::uint8_t* p = begin(static_cast<std::uint8_t>(blocks.size()), kReceiverReport,
                          kReceiverReportBytes + blocks.size() * kBlockBytes);
  if (p == nullptr) return false;
  store32(p + 4, ssrc);
  p += kReceiverReportBytes;
  for (const ReportBlock& block : blocks) {
    store32(p, block.ssrc);
    p[4] = block.fraction_lost;
    store24(p + 5, static_cast<std::uint32_t>(block.cumulative_lost) & 0xffffffU);
    store32(p + 8, block.highest_sequence);
    store32(p + 12, block.jitter);
    store32(p + 16, block.last_report);
    store32(p + 20, block.delay_since_last_report);
    p += kBlockBytes;
  }
  return true;
}

bool RtcpWriter::add_cname(std::uint32_t ssrc, std::string_view cname) {
  if (cname.size() > 255) return false;
  const std::size_t used = kHeaderBytes + 4 + 2 + cname.size();
  const std::size_t bytes = (used + 4) / 4 * 4;  // at least one zero ends the chunk
  std::uint8_t* p = begin(1, kSourceDescription, bytes);
  if (p == nullptr) return false;
  store32(p + 4, ssrc);
  p[8] = kCnameItem;
  p[9] = static_cast<std::uint8_t>(cname.size());
  std::copy(cname.begin(), cname.end(), p + 10);
  std::fill(p + used, p + bytes, std::uint8_t{0});
  return true;
}

bool RtcpWriter::add_picture_loss(std::uint32_t sender_ssrc, std::uint32_t media_ssrc) {
  std::uint8_t* p = begin(kPliFormat, kPayloadFeedback, kFeedbackBytes);
  if (p == nullptr) return false;
  store32(p + 4, sender_ssrc);
  store32(p + 8, media_ssrc);
  return true;
}

bool RtcpWriter::add_nack(std::uint32_t sender_ssrc, std::uint32_t media_ssrc,
                          std::span<const std::uint16_t> sequences) {
  struct Entry {
    std::uint16_t first = 0;
    std::uint16_t following = 0;  // a bit for each of the 16 numbers behind it
  };
  std::array<Entry, kMaxNacked> entries;
  std::size_t count = 0;
  for (const std::uint16_t sequence : sequences.first(std::min(sequences.size(), kMaxNacked))) {
    const auto behind =
        count == 0 ? 0U : static_cast<std::uint16_t>(sequence - entries[count - 1].first);
    if (behind >= 1 && behind <= 16)
      entries[count - 1].following |= static_cast<std::uint16_t>(1U << (behind - 1));
    else
      entries[count++] = {sequence, 0};
  }
  if (count == 0) return false;
  std::uint8_t* p = begin(kNackFormat, kTransportFeedback, kFeedbackBytes + 4 * count);
  if (p == nullptr) return false;
  store32(p + 4, sender_ssrc);
  store32(p + 8, media_ssrc);
  p += kFeedbackBytes;
  for (const Entry& entry : std::span(entries).first(count)) {
    store16(p, entry.first);
    store16(p + 2, entry.following);
    p += 4;
  }
  return true;
}

bool RtcpWriter::add_packet(std::span<const std::uint8_t> packet) {
  if (packet.size() > room() || packet.size() % 4 != 0) return false;
  std::memcpy(&bytes_[size_], packet.data(), packet.size());
  size_ += packet.size();
  return true;
}

}  // namespace parley::rtp
