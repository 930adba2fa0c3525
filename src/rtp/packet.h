// An RTP packet as it came (RFC 3550, 5.1) and its header extensions (RFC 8285), and the writer of
// the header it leaves with.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "rtp/bytes.h"

namespace parley::rtp {

inline constexpr std::size_t kFixedHeaderBytes = 12;

// Ids of header extensions go from 1 to 14 (one byte) or 255 (two bytes); ours stay below 15.
inline constexpr std::uint8_t kMaxExtensionId = 14;

// A checked view: everything it names lies inside the datagram. Copyable; owns nothing.
class Packet {
 public:
  // nullopt when it is not version 2, or a length in it leads out of the datagram.
  [[nodiscard]] static std::optional<Packet> parse(std::span<const std::uint8_t> datagram);

  [[nodiscard]] bool marker() const { return (data_[1] & 0x80U) != 0; }
  [[nodiscard]] std::uint8_t payload_type() const { return data_[1] & 0x7fU; }
  [[nodiscard]] std::uint16_t sequence() const { return load16(&data_[2]); }
  [[nodiscard]] std::uint32_t timestamp() const { return load32(&data_[4]); }
  [[nodiscard]] std::uint32_t ssrc() const { return load32(&data_[8]); }
  [[nodiscard]] std::size_t header_bytes() const { return header_bytes_; }
  [[nodiscard]] std::size_t padding_bytes() const { return padding_bytes_; }
  // Without the padding.
  [[nodiscard]] std::span<const std::uint8_t> payload() const {
    return data_.subspan(header_bytes_, data_.size() - header_bytes_ - padding_bytes_);
  }
  // The value of extension `id`; empty when it is not there (or has no bytes).
  [[nodiscard]] std::span<const std::uint8_t> extension(std::uint8_t id) const {
    if (id > kMaxExtensionId) return {};
    return data_.subspan(extensions_[id].offset, extensions_[id].bytes);
  }
  // As if there were none: of a sender whose ids have other meanings.
  void forget_extensions() { extensions_ = {}; }
  // ... that are known: `ours` by its id, 0 for what has none.
  void rename_extensions(const std::array<std::uint8_t, kMaxExtensionId + 1>& ours) {
    std::array<Extension, kMaxExtensionId + 1> renamed{};
    for (std::size_t id = 1; id < ours.size(); ++id)
      if (extensions_[id].bytes != 0 && ours[id] != 0 && ours[id] <= kMaxExtensionId)
        renamed[ours[id]] = extensions_[id];
    extensions_ = renamed;
  }

 private:
  struct Extension {
    std::uint16_t offset = 0;
    std::uint8_t bytes = 0;
  };
  explicit Packet(std::span<const std::uint8_t> data) : data_(data) {}
  void read_one_byte_extensions(std::size_t begin, std::size_t end);
  void read_two_byte_extensions(std::size_t begin, std::size_t end);

  std::span<const std::uint8_t> data_;
  std::size_t header_bytes_ = 0;
  std::size_t padding_bytes_ = 0;
  std::array<Extension, kMaxExtensionId + 1> extensions_{};  // by id
};

// The two layouts of extensions (RFC 8285, 4.2 and 4.3). The one-byte one takes values of 1 to 16
// bytes, the two-byte one of 0 to 255; peers take the latter only where it was agreed on
// (a=extmap-allow-mixed).
enum class ExtensionForm : std::uint8_t { kOneByte, kTwoByte };

// Builds the header of an outgoing packet: the fixed part, then extensions.
class HeaderWriter {
 public:
  // An extension that would lead beyond is left out.
  static constexpr std::size_t kMaxBytes = 400;

  // Payload type, marker, sequence, timestamp and SSRC as in `packet`. CSRCs are not taken over (a
  // forwarder mixes nothing), nor is padding: send payload().
  HeaderWriter(const Packet& packet, ExtensionForm form);

  // Appends extension `id` (1..14). Returns the offset of its value in the header, for patching; 0
  // when it was left out: too long, or `id` out of range.
  std::size_t add(std::uint8_t id, std::span<const std::uint8_t> value);

  // Completes the extension block. The header's bytes; the writer is done.
  [[nodiscard]] std::span<std::uint8_t> finish();

 private:
  std::array<std::uint8_t, kMaxBytes> bytes_;
  std::size_t size_ = kFixedHeaderBytes;
  ExtensionForm form_;
};

// Patches of a header.
inline void set_payload_type(std::uint8_t* header, std::uint8_t payload_type) {
  header[1] = static_cast<std::uint8_t>((header[1] & 0x80U) | payload_type);  // the marker stays
}
inline void set_sequence(std::uint8_t* header, std::uint16_t sequence) {
  store16(header + 2, sequence);
}
inline void set_timestamp(std::uint8_t* header, std::uint32_t timestamp) {
  store32(header + 4, timestamp);
}
inline void set_ssrc(std::uint8_t* header, std::uint32_t ssrc) { store32(header + 8, ssrc); }

}  // namespace parley::rtp
