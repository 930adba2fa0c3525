#include "auth/keys.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <array>
#include <memory>
#include <string>

namespace parley::auth {
namespace {

using base::Code;
using base::fail;
using base::Result;

constexpr int kMinRsaBits = 2048;  // RFC 7518, 3.3

struct BioFree {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct PkeyFree {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using OwnedPkey = std::unique_ptr<EVP_PKEY, PkeyFree>;

std::string label(const Key& key) {
  return key.kid.empty() ? std::string("The key without kid")
                         : fmt::format("The key with kid {}", key.kid);
}

OwnedPkey parse_public_key(const std::string& pem) {
  const std::unique_ptr<BIO, BioFree> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  OwnedPkey parsed(bio ? PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr) : nullptr);
  ERR_clear_error();
  return parsed;
}

Result<void> check_secret(const Key& key) {
  if (key.material.size() >= kMinSecretBytes) return {};
  return fail(Code::kInvalid, fmt::format("{} has a secret of {} bytes; HS256 needs at least {}.",
                                          label(key), key.material.size(), kMinSecretBytes));
}

Result<void> check_rsa(const Key& key, EVP_PKEY* parsed) {
  if (EVP_PKEY_get_base_id(parsed) != EVP_PKEY_RSA)
    return fail(Code::kInvalid, label(key) + " is not an RSA key, which RS256 needs.");
  if (EVP_PKEY_get_bits(parsed) >= kMinRsaBits) return {};
  return fail(Code::kInvalid, fmt::format("{} has {} bits; RS256 needs at least {}.", label(key),
                                          EVP_PKEY_get_bits(parsed), kMinRsaBits));
}

Result<void> check_p256(const Key& key, EVP_PKEY* parsed) {
  std::array<char, 64> group{};
  if (EVP_PKEY_get_base_id(parsed) == EVP_PKEY_EC &&
      EVP_PKEY_get_utf8_string_param(parsed, OSSL_PKEY_PARAM_GROUP_NAME, group.data(), group.size(),
                                     nullptr) == 1 &&
      std::string_view(group.data()) == "prime256v1")
    return {};
  return fail(Code::kInvalid, label(key) + " is not on the curve P-256, which ES256 needs.");
}

}  // namespace

Result<void> check_key(const Key& key) {
  if (!key.kid.empty() && !base::is_valid_id(key.kid))
    return fail(Code::kInvalid, "A kid has 1 to 64 characters of A-Z a-z 0-9 _ . : @ -.");
  if (key.algorithm == Algorithm::kHs256) return check_secret(key);
  const OwnedPkey parsed = parse_public_key(key.material);
  if (!parsed)
    return fail(Code::kInvalid,
                fmt::format("{} is no public key in PEM form (BEGIN PUBLIC KEY).", label(key)));
  return key.algorithm == Algorithm::kRs256 ? check_rsa(key, parsed.get())
                                            : check_p256(key, parsed.get());
}

}  // namespace parley::auth
