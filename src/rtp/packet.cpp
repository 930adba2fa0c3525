#include "rtp/packet.h"

#include <cstring>

namespace parley::rtp {
namespace {

constexpr std::uint16_t kOneByteProfile = 0xbede;  // RFC 8285, 4.2
constexpr std::uint16_t kTwoByteProfile = 0x1000;  // RFC 8285, 4.3; the low 4 bits are free
constexpr std::size_t kExtensionHeaderBytes = 4;
constexpr std::size_t kMaxOneByteValue = 16;

}  // namespace

std::optional<Packet> Packet::parse(std::span<const std::uint8_t> datagram) {
  if (datagram.size() < kFixedHeaderBytes || datagram.size() > 0xffff || datagram[0] >> 6U != 2)
    return std::nullopt;
  Packet packet(datagram);
  std::size_t header = kFixedHeaderBytes + std::size_t{4} * (datagram[0] & 0x0fU);
  if ((datagram[0] & 0x10U) != 0) {
    if (datagram.size() < header + kExtensionHeaderBytes) return std::nullopt;
    const std::size_t block = header;
    header += kExtensionHeaderBytes + 4 * std::size_t{load16(&datagram[header + 2])};
    if (datagram.size() < header) return std::nullopt;
    packet.header_bytes_ = header;
    const std::uint16_t profile = load16(&datagram[block]);
    if (profile == kOneByteProfile)
      packet.read_one_byte_extensions(block + kExtensionHeaderBytes, header);
    else if ((profile & 0xfff0U) == kTwoByteProfile)
      packet.read_two_byte_extensions(block + kExtensionHeaderBytes, header);
  }
  if (datagram.size() < header) return std::nullopt;
  packet.header_bytes_ = header;
  if ((datagram[0] & 0x20U) != 0) {
    const std::size_t padding = datagram.size() == header ? 0 : datagram.back();
    if (padding == 0 || padding > datagram.size() - header) return std::nullopt;
    packet.padding_bytes_ = padding;
  }
  return packet;
}

void Packet::read_one_byte_extensions(std::size_t begin, std::size_t end) {
  for (std::size_t i = begin; i < end;) {
    const std::uint8_t id = data_[i] >> 4U;
    if (data_[i] == 0) {  // padding
      ++i;
      continue;
    }
    if (id == 15) return;  // "processing MUST stop" (RFC 8285, 4.2)
    const std::uint8_t bytes = (data_[i] & 0x0fU) + 1;
    if (i + 1 + bytes > end) return;
    if (id != 0) extensions_[id] = {static_cast<std::uint16_t>(i + 1), bytes};
    i += 1 + std::size_t{bytes};
  }
}

void Packet::read_two_byte_extensions(std::size_t begin, std::size_t end) {
  for (std::size_t i = begin; i < end;) {
    const std::uint8_t id = data_[i];
    if (id == 0) {  // padding
      ++i;
      continue;
    }
    if (i + 2 > end) return;
    const std::uint8_t bytes = data_[i + 1];
    if (i + 2 + bytes > end) return;
    if (id <= kMaxExtensionId) extensions_[id] = {static_cast<std::uint16_t>(i + 2), bytes};
    i += 2 + std::size_t{bytes};
  }
}

HeaderWriter::HeaderWriter(const Packet& packet, ExtensionForm form) : form_(form) {
  bytes_[0] = 0x80;
  bytes_[1] = static_cast<std::uint8_t>((packet.marker() ? 0x80U : 0U) | packet.payload_type());
  set_sequence(bytes_.data(), packet.sequence());
  set_timestamp(bytes_.data(), packet.timestamp());
  set_ssrc(bytes_.data(), packet.ssrc());
}

std::size_t HeaderWriter::add(std::uint8_t id, std::span<const std::uint8_t> value) {
  const bool one_byte = form_ == ExtensionForm::kOneByte;
  if (id == 0 || id > kMaxExtensionId) return 0;
  if (one_byte ? value.empty() || value.size() > kMaxOneByteValue : value.size() > 255) return 0;
  const std::size_t start =
      size_ == kFixedHeaderBytes ? size_ + kExtensionHeaderBytes : size_;  // the first one
  const std::size_t at = start + (one_byte ? 1 : 2);
  if (at + value.size() + 3 > bytes_.size()) return 0;  // 3: the most that finish() pads
  if (one_byte) {
    bytes_[start] = static_cast<std::uint8_t>(id << 4U | (value.size() - 1));
  } else {
    bytes_[start] = id;
    bytes_[start + 1] = static_cast<std::uint8_t>(value.size());
  }
  if (!value.empty()) std::memcpy(&bytes_[at], value.data(), value.size());
  size_ = at + value.size();
  return at;
}

std::span<std::uint8_t> HeaderWriter::finish() {
  if (size_ == kFixedHeaderBytes) return std::span(bytes_).first(size_);
  while (size_ % 4 != 0) bytes_[size_++] = 0;
  bytes_[0] |= 0x10U;
  store16(&bytes_[kFixedHeaderBytes],
          form_ == ExtensionForm::kOneByte ? kOneByteProfile : kTwoByteProfile);
  store16(&bytes_[kFixedHeaderBytes + 2],
          static_cast<std::uint16_t>((size_ - kFixedHeaderBytes - kExtensionHeaderBytes) / 4));
  return std::span(bytes_).first(size_);
}

}  // namespace parley::rtp
