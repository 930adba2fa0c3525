#include "srtp/keys.h"

#include <openssl/evp.h>

#include <algorithm>
#include <memory>
#include <span>

namespace parley::srtp {
namespace {

// Labels of RFC 3711, 4.3.1 and 4.3.2; SRTCP's are three above SRTP's.
constexpr std::uint8_t kEncryptionLabel = 0;
constexpr std::uint8_t kAuthenticationLabel = 1;
constexpr std::uint8_t kSaltLabel = 2;
constexpr std::uint8_t kRtcpLabelOffset = 3;

// AES-CM keystream for IV = (master salt XOR label at byte 7) * 2^16 (RFC 3711, 4.3.3).
bool derive(const KeyMaterial& master, std::uint8_t label, std::span<std::uint8_t> key) {
  constexpr std::size_t kMasterKeyBytes = 16;
  // AEAD's salt has 12 bytes and is padded with zeros on the right (RFC 7714, 11).
  const std::size_t salt_bytes = master.profile == Profile::kAeadAes128Gcm ? 12 : 14;
  std::array<std::uint8_t, 16> iv{};
  std::copy_n(master.bytes.begin() + kMasterKeyBytes, salt_bytes, iv.begin());
  iv[7] ^= label;

  const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> cipher(EVP_CIPHER_CTX_new(),
                                                                               EVP_CIPHER_CTX_free);
  std::fill(key.begin(), key.end(), std::uint8_t{0});
  int written = 0;
  return cipher != nullptr &&
         EVP_EncryptInit_ex(cipher.get(), EVP_aes_128_ctr(), nullptr, master.bytes.data(),
                            iv.data()) == 1 &&
         EVP_EncryptUpdate(cipher.get(), key.data(), &written, key.data(),
                           static_cast<int>(key.size())) == 1;
}

}  // namespace

std::optional<SessionKeys> derive_keys(const KeyMaterial& master, Traffic traffic) {
  const std::uint8_t offset = traffic == Traffic::kRtcp ? kRtcpLabelOffset : 0;
  SessionKeys keys;
  if (!derive(master, kEncryptionLabel + offset, keys.encryption) ||
      !derive(master, kAuthenticationLabel + offset, keys.authentication) ||
      !derive(master, kSaltLabel + offset, keys.salt))
    return std::nullopt;
  return keys;
}

}  // namespace parley::srtp
