// Encrypts and authenticates the packets of one direction, RTP or RTCP, with one set of session
// keys. Knows no sequence numbers: the caller gives each packet its index.
#pragma once

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "srtp/keys.h"

namespace parley::srtp {

// Thread-compatible. No allocation after create().
class Transform {
 public:
  enum class Direction { kSeal, kOpen };

  // One packet: its header is clear text, its body is encrypted.
  struct Packet {
    std::uint8_t* start = nullptr;  // header, and the encrypted body behind it
    std::size_t header_bytes = 0;
    std::size_t body_bytes = 0;
    std::uint32_t ssrc = 0;
    std::uint64_t index = 0;               // 48 bits: ROC and sequence number, or SRTCP index
    std::array<std::uint8_t, 4> suffix{};  // ROC, or E flag and SRTCP index; authenticated
  };

  // nullopt only when OpenSSL fails.
  [[nodiscard]] static std::optional<Transform> create(Profile profile, const SessionKeys& keys,
                                                       Traffic traffic, Direction direction);
  [[nodiscard]] static std::optional<Transform> create(const KeyMaterial& master, Traffic traffic,
                                                       Direction direction);

  [[nodiscard]] std::size_t tag_bytes() const { return aead_ ? 16 : 10; }

  // Encrypts `plain` (body_bytes, may be the body itself) to the packet's body and writes the tag.
  [[nodiscard]] bool seal(const Packet& packet, const std::uint8_t* plain, std::uint8_t* tag);
  // Checks the tag and decrypts the body in place. When the tag is wrong the body is undefined.
  [[nodiscard]] bool open(const Packet& packet, const std::uint8_t* tag);

 private:
  // RFC 2104 with both key blocks already hashed.
  struct Hmac {
    SHA_CTX inner{};
    SHA_CTX outer{};
  };
  using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

  Transform(Cipher cipher, const SessionKeys& keys, bool aead, Traffic traffic);
  void authenticate(const Packet& packet, std::uint8_t* digest) const;
  bool crypt(const Packet& packet, const std::uint8_t* in);
  bool begin_aead(const Packet& packet, bool encrypt);
  bool seal_aead(const Packet& packet, const std::uint8_t* plain, std::uint8_t* tag);
  bool open_aead(const Packet& packet, const std::uint8_t* tag);

  Cipher cipher_;
  Hmac hmac_;
  std::array<std::uint8_t, 16> salt_{};
  bool aead_ = false;
  bool rtcp_ = false;
};

}  // namespace parley::srtp
