// STUN messages as bytes (RFC 8489): a reader that checks before it believes, and a writer into
// storage of the caller. Only what ICE connectivity checks need (RFC 8445, 7).
#pragma once

#include <openssl/sha.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/endpoint.h"

namespace parley::ice {

inline constexpr std::size_t kStunHeaderBytes = 20;
inline constexpr std::uint32_t kMagicCookie = 0x2112A442;
using TransactionId = std::array<std::uint8_t, 12>;

// Class and method in one, as on the wire (RFC 8489, 5).
enum class MessageType : std::uint16_t {
  kBindingRequest = 0x0001,
  kBindingIndication = 0x0011,
  kBindingSuccess = 0x0101,
  kBindingError = 0x0111,
};

enum class Attribute : std::uint16_t {
  kMappedAddress = 0x0001,
  kUsername = 0x0006,
  kMessageIntegrity = 0x0008,
  kErrorCode = 0x0009,
  kUnknownAttributes = 0x000A,
  kMessageIntegritySha256 = 0x001C,
  kXorMappedAddress = 0x0020,
  kPriority = 0x0024,
  kUseCandidate = 0x0025,
  kFingerprint = 0x8028,
  kIceControlled = 0x8029,
  kIceControlling = 0x802A,
};

// HMAC-SHA1 under one password (RFC 2104), on OpenSSL's plain SHA-1: its HMAC and EVP interfaces
// allocate for every message. Thread-safe.
class IntegrityKey {
 public:
  static constexpr std::size_t kDigestBytes = SHA_DIGEST_LENGTH;
  using Digest = std::array<std::uint8_t, kDigestBytes>;

  explicit IntegrityKey(std::string_view password);
  // Of `message`, as if its header gave `length` (RFC 8489, 14.5).
  [[nodiscard]] Digest sign(std::span<const std::uint8_t> message, std::uint16_t length) const;

 private:
  // SHA-1 that has taken in one block: the key, masked.
  SHA_CTX inner_{};
  SHA_CTX outer_{};
};

// A checked view of one message; lives as long as its datagram.
class StunMessage {
 public:
  // Unknown comprehension-required attributes that are remembered for a 420 answer.
  static constexpr std::size_t kMaxUnknown = 8;

  // nullopt: no STUN message, or one whose attributes or FINGERPRINT are wrong.
  [[nodiscard]] static std::optional<StunMessage> parse(std::span<const std::uint8_t> datagram);

  [[nodiscard]] std::uint16_t type() const { return type_; }
  [[nodiscard]] bool is(MessageType type) const {
    return type_ == static_cast<std::uint16_t>(type);
  }
  [[nodiscard]] TransactionId transaction() const;
  [[nodiscard]] std::optional<std::string_view> username() const { return username_; }
  [[nodiscard]] bool has_integrity() const { return integrity_at_ != 0; }
  [[nodiscard]] bool has_fingerprint() const { return has_fingerprint_; }
  [[nodiscard]] bool use_candidate() const { return use_candidate_; }
  [[nodiscard]] bool from_controlled() const { return from_controlled_; }
  [[nodiscard]] std::span<const std::uint16_t> unknown() const {
    return std::span(unknown_).first(unknown_count_);
  }
  // From XOR-MAPPED-ADDRESS.
  [[nodiscard]] std::optional<base::Endpoint> mapped() const { return mapped_; }
  // Whether MESSAGE-INTEGRITY is there and right; compares in constant time.
  [[nodiscard]] bool authentic(const IntegrityKey& key) const;

 private:
  [[nodiscard]] bool take(std::uint16_t type, std::size_t at, std::span<const std::uint8_t> value);
  [[nodiscard]] bool take_mapped(std::span<const std::uint8_t> value);
  void note_unknown(std::uint16_t type);

  std::span<const std::uint8_t> bytes_;
  std::uint16_t type_ = 0;
  std::optional<std::string_view> username_;
  std::size_t integrity_at_ = 0;  // offset of the attribute; 0: none
  bool has_fingerprint_ = false;
  bool use_candidate_ = false;
  bool from_controlled_ = false;
  std::optional<base::Endpoint> mapped_;
  std::array<std::uint16_t, kMaxUnknown> unknown_{};
  std::size_t unknown_count_ = 0;
};

// Writes one message into `out`; when it does not fit, finish() gives 0 and nothing is to be sent.
class StunWriter {
 public:
  StunWriter(std::span<std::uint8_t> out, MessageType type, const TransactionId& transaction);

  void add_xor_mapped_address(const base::Endpoint& endpoint);
  void add_error(std::uint16_t code, std::string_view reason);
  void add_unknown_attributes(std::span<const std::uint16_t> types);
  void add_integrity(const IntegrityKey& key);
  // Adds FINGERPRINT. Bytes written, or 0.
  [[nodiscard]] std::size_t finish();

 private:
  // Room for an attribute with `bytes` of value; empty when there is none.
  [[nodiscard]] std::span<std::uint8_t> add(Attribute type, std::size_t bytes);
  void write_length(std::size_t bytes_after_header);

  std::span<std::uint8_t> out_;
  std::size_t used_ = 0;
  bool overflow_ = false;
};

}  // namespace parley::ice
