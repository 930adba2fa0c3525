// SHA1_Init and its like are deprecated in favour of interfaces that allocate (stun.h).
#define OPENSSL_SUPPRESS_DEPRECATED
#include "ice/stun.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <cstring>

namespace parley::ice {
namespace {

constexpr std::size_t kAttributeHeaderBytes = 4;
constexpr std::size_t kFingerprintBytes = 4;
constexpr std::uint32_t kFingerprintXor = 0x5354554e;  // "STUN" (RFC 8489, 14.7)
constexpr std::uint8_t kFamilyV4 = 0x01;
constexpr std::uint8_t kFamilyV6 = 0x02;
constexpr std::size_t kMaxUsernameBytes = 513;  // RFC 8489, 14.3

std::uint16_t get16(const std::uint8_t* p) { return static_cast<std::uint16_t>(p[0] << 8U | p[1]); }

std::uint32_t get32(const std::uint8_t* p) { return std::uint32_t{get16(p)} << 16U | get16(p + 2); }

void put16(std::uint8_t* p, std::uint16_t value) {
  p[0] = static_cast<std::uint8_t>(value >> 8U);
  p[1] = static_cast<std::uint8_t>(value);
}

void put32(std::uint8_t* p, std::uint32_t value) {
  put16(p, static_cast<std::uint16_t>(value >> 16U));
  put16(p + 2, static_cast<std::uint16_t>(value));
}

constexpr std::size_t padded(std::size_t bytes) { return (bytes + 3) & ~std::size_t{3}; }

constexpr std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t n = 0; n < table.size(); ++n) {
    std::uint32_t c = n;
    for (int bit = 0; bit < 8; ++bit) c = (c & 1U) != 0 ? 0xEDB88320U ^ (c >> 1U) : c >> 1U;
    table[n] = c;
  }
  return table;
}

// CRC-32 of ITU-T V.42, over a message whose header gives a length that counts FINGERPRINT.
std::uint32_t fingerprint(std::span<const std::uint8_t> message) {
  static constexpr auto kTable = make_crc_table();
  std::uint32_t crc = ~0U;
  for (const std::uint8_t byte : message) crc = kTable[(crc ^ byte) & 0xFFU] ^ (crc >> 8U);
  return ~crc ^ kFingerprintXor;
}

}  // namespace

IntegrityKey::IntegrityKey(std::string_view password) {
  std::array<std::uint8_t, SHA_CBLOCK> key{};
  if (password.size() > key.size()) {  // RFC 2104, 2
    SHA1(reinterpret_cast<const std::uint8_t*>(password.data()), password.size(), key.data());
  } else {
    std::copy(password.begin(), password.end(), key.begin());
  }
  const auto start = [&key](SHA_CTX& context, std::uint8_t mask) {
    for (std::uint8_t& byte : key) byte ^= mask;
    SHA1_Init(&context);
    SHA1_Update(&context, key.data(), key.size());
    for (std::uint8_t& byte : key) byte ^= mask;
  };
  start(inner_, 0x36);
  start(outer_, 0x5c);
  OPENSSL_cleanse(key.data(), key.size());
}

IntegrityKey::Digest IntegrityKey::sign(std::span<const std::uint8_t> message,
                                        std::uint16_t length) const {
  Digest digest{};
  std::array<std::uint8_t, 2> length_bytes{};
  put16(length_bytes.data(), length);
  SHA_CTX inner = inner_;
  SHA1_Update(&inner, message.data(), 2);
  SHA1_Update(&inner, length_bytes.data(), length_bytes.size());
  SHA1_Update(&inner, message.data() + 4, message.size() - 4);
  SHA1_Final(digest.data(), &inner);
  SHA_CTX outer = outer_;
  SHA1_Update(&outer, digest.data(), digest.size());
  SHA1_Final(digest.data(), &outer);
  return digest;
}

std::optional<StunMessage> StunMessage::parse(std::span<const std::uint8_t> datagram) {
  if (datagram.size() < kStunHeaderBytes || (datagram[0] & 0xC0U) != 0) return std::nullopt;
  if (get32(datagram.data() + 4) != kMagicCookie) return std::nullopt;
  const std::size_t length = get16(datagram.data() + 2);
  if (length % 4 != 0 || kStunHeaderBytes + length != datagram.size()) return std::nullopt;

  StunMessage message;
  message.bytes_ = datagram;
  message.type_ = get16(datagram.data());
  std::size_t at = kStunHeaderBytes;
  while (at < datagram.size()) {
    if (message.has_fingerprint_) return std::nullopt;  // it must be the last (RFC 8489, 14.7)
    // The length is a multiple of four, as is every step: a header always fits.
    const std::uint16_t type = get16(datagram.data() + at);
    const std::size_t size = get16(datagram.data() + at + 2);
    if (at + kAttributeHeaderBytes + padded(size) > datagram.size()) return std::nullopt;
    if (!message.take(type, at, datagram.subspan(at + kAttributeHeaderBytes, size)))
      return std::nullopt;
    at += kAttributeHeaderBytes + padded(size);
  }
  return message;
}

// False when the attribute is malformed. Of two alike the first counts, and nothing but
// FINGERPRINT counts behind MESSAGE-INTEGRITY (RFC 8489, 14 and 14.5).
bool StunMessage::take(std::uint16_t type, std::size_t at, std::span<const std::uint8_t> value) {
  const auto attribute = static_cast<Attribute>(type);
  if (attribute == Attribute::kFingerprint) {
    has_fingerprint_ = true;
    return value.size() == kFingerprintBytes &&
           get32(value.data()) == fingerprint(bytes_.first(at));
  }
  if (has_integrity()) return true;
  switch (attribute) {
    case Attribute::kUsername:
      if (value.size() > kMaxUsernameBytes) return false;
      if (!username_)
        username_ = std::string_view(reinterpret_cast<const char*>(value.data()), value.size());
      return true;
    case Attribute::kMessageIntegrity:
      integrity_at_ = at;
      return value.size() == IntegrityKey::kDigestBytes;
    case Attribute::kUseCandidate:
      use_candidate_ = true;
      return value.empty();
    case Attribute::kIceControlled:
      from_controlled_ = true;
      return value.size() == 8;
    case Attribute::kIceControlling:
      return value.size() == 8;
    case Attribute::kPriority:
      return value.size() == 4;
    case Attribute::kXorMappedAddress:
      return take_mapped(value);
    case Attribute::kMappedAddress:
    case Attribute::kErrorCode:
    case Attribute::kUnknownAttributes:
    case Attribute::kMessageIntegritySha256:
      return true;
    default:
      if (type < 0x8000) note_unknown(type);  // comprehension-required (RFC 8489, 14)
      return true;
  }
}

bool StunMessage::take_mapped(std::span<const std::uint8_t> value) {
  const bool v4 = value.size() == 8 && value[1] == kFamilyV4;
  const bool v6 = value.size() == 20 && value[1] == kFamilyV6;
  if (!v4 && !v6) return false;
  if (mapped_) return true;
  base::Endpoint endpoint;
  endpoint.port = static_cast<std::uint16_t>(get16(value.data() + 2) ^ (kMagicCookie >> 16U));
  // The address is masked with the cookie and the transaction id, which follow each other.
  const auto address = value.subspan(4);
  auto& bytes = endpoint.address.bytes;
  const std::size_t first = bytes.size() - address.size();
  if (v4) bytes[10] = bytes[11] = 0xff;
  for (std::size_t i = 0; i < address.size(); ++i) bytes[first + i] = address[i] ^ bytes_[4 + i];
  mapped_ = endpoint;
  return true;
}

void StunMessage::note_unknown(std::uint16_t type) {
  const auto seen = unknown();
  if (unknown_count_ == kMaxUnknown || std::find(seen.begin(), seen.end(), type) != seen.end())
    return;
  unknown_[unknown_count_++] = type;
}

TransactionId StunMessage::transaction() const {
  TransactionId id{};
  std::memcpy(id.data(), bytes_.data() + 8, id.size());
  return id;
}

bool StunMessage::authentic(const IntegrityKey& key) const {
  if (!has_integrity()) return false;
  // The length that is signed ends with MESSAGE-INTEGRITY itself.
  const auto length = static_cast<std::uint16_t>(integrity_at_ + kAttributeHeaderBytes +
                                                 IntegrityKey::kDigestBytes - kStunHeaderBytes);
  const auto expected = key.sign(bytes_.first(integrity_at_), length);
  return CRYPTO_memcmp(expected.data(), bytes_.data() + integrity_at_ + kAttributeHeaderBytes,
                       expected.size()) == 0;
}

StunWriter::StunWriter(std::span<std::uint8_t> out, MessageType type,
                       const TransactionId& transaction)
    : out_(out), overflow_(out.size() < kStunHeaderBytes) {
  if (overflow_) return;
  put16(out_.data(), static_cast<std::uint16_t>(type));
  put16(out_.data() + 2, 0);
  put32(out_.data() + 4, kMagicCookie);
  std::memcpy(out_.data() + 8, transaction.data(), transaction.size());
  used_ = kStunHeaderBytes;
}

std::span<std::uint8_t> StunWriter::add(Attribute type, std::size_t bytes) {
  const std::size_t total = kAttributeHeaderBytes + padded(bytes);
  if (overflow_ || out_.size() - used_ < total) {
    overflow_ = true;
    return {};
  }
  const auto attribute = out_.subspan(used_, total);
  std::memset(attribute.data(), 0, total);
  put16(attribute.data(), static_cast<std::uint16_t>(type));
  put16(attribute.data() + 2, static_cast<std::uint16_t>(bytes));
  used_ += total;
  write_length(used_ - kStunHeaderBytes);
  return attribute.subspan(kAttributeHeaderBytes, bytes);
}

void StunWriter::write_length(std::size_t bytes_after_header) {
  put16(out_.data() + 2, static_cast<std::uint16_t>(bytes_after_header));
}

void StunWriter::add_xor_mapped_address(const base::Endpoint& endpoint) {
  const bool v4 = endpoint.address.is_v4();
  const auto value = add(Attribute::kXorMappedAddress, v4 ? 8 : 20);
  if (value.empty()) return;
  value[1] = v4 ? kFamilyV4 : kFamilyV6;
  put16(value.data() + 2, static_cast<std::uint16_t>(endpoint.port ^ (kMagicCookie >> 16U)));
  const std::span<const std::uint8_t> all(endpoint.address.bytes);
  const auto address = v4 ? all.last(4) : all;
  for (std::size_t i = 0; i < address.size(); ++i) value[4 + i] = address[i] ^ out_[4 + i];
}

void StunWriter::add_error(std::uint16_t code, std::string_view reason) {
  const auto value = add(Attribute::kErrorCode, 4 + reason.size());
  if (value.empty()) return;
  value[2] = static_cast<std::uint8_t>(code / 100);
  value[3] = static_cast<std::uint8_t>(code % 100);
  std::copy(reason.begin(), reason.end(), value.begin() + 4);
}

void StunWriter::add_unknown_attributes(std::span<const std::uint16_t> types) {
  const auto value = add(Attribute::kUnknownAttributes, 2 * types.size());
  if (value.empty()) return;
  for (std::size_t i = 0; i < types.size(); ++i) put16(value.data() + 2 * i, types[i]);
}

void StunWriter::add_integrity(const IntegrityKey& key) {
  const std::size_t signed_bytes = used_;
  const auto value = add(Attribute::kMessageIntegrity, IntegrityKey::kDigestBytes);
  if (value.empty()) return;
  const auto digest =
      key.sign(out_.first(signed_bytes), static_cast<std::uint16_t>(used_ - kStunHeaderBytes));
  std::copy(digest.begin(), digest.end(), value.begin());
}

std::size_t StunWriter::finish() {
  const std::size_t covered_bytes = used_;
  const auto value = add(Attribute::kFingerprint, kFingerprintBytes);
  if (value.empty()) return 0;
  put32(value.data(), fingerprint(out_.first(covered_bytes)));
  return used_;
}

}  // namespace parley::ice
