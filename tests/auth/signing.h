// Makes tokens of any shape, right and wrong, with OpenSSL alone, so that libjwt is checked against
// something else than itself.
#pragma once

#include <openssl/bio.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace parley::test {

struct PkeyFree {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Pkey = std::unique_ptr<EVP_PKEY, PkeyFree>;

inline Pkey make_rsa(unsigned bits) { return Pkey(EVP_RSA_gen(bits)); }
inline Pkey make_ec(const char* curve) { return Pkey(EVP_EC_gen(curve)); }

inline std::string public_pem(EVP_PKEY* key) {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PUBKEY(bio, key);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string pem(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  return pem;
}

inline std::string base64url(std::string_view bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                   reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  while (!text.empty() && text.back() == '=') text.pop_back();
  for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return text;
}

inline std::string signing_input(std::string_view header, std::string_view payload) {
  return base64url(header) + "." + base64url(payload);
}

inline std::string sign_hs256(std::string_view header, std::string_view payload,
                              std::string_view secret) {
  const std::string input = signing_input(header, payload);
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(input.data()), input.size(), mac.data(), &size);
  return input + "." + base64url({reinterpret_cast<const char*>(mac.data()), size});
}

inline std::string sign_sha256(const std::string& input, EVP_PKEY* key) {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, key);
  const auto* data = reinterpret_cast<const unsigned char*>(input.data());
  std::size_t size = 0;
  EVP_DigestSign(context, nullptr, &size, data, input.size());
  std::string signature(size, '\0');
  EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size, data,
                 input.size());
  EVP_MD_CTX_free(context);
  signature.resize(size);
  return signature;
}

inline std::string sign_rs256(std::string_view header, std::string_view payload, EVP_PKEY* key) {
  const std::string input = signing_input(header, payload);
  return input + "." + base64url(sign_sha256(input, key));
}

// RFC 7518, 3.4: r and s as 32 bytes each, not DER.
inline std::string sign_es256(std::string_view header, std::string_view payload, EVP_PKEY* key) {
  const std::string input = signing_input(header, payload);
  const std::string der = sign_sha256(input, key);
  const auto* data = reinterpret_cast<const unsigned char*>(der.data());
  ECDSA_SIG* signature = d2i_ECDSA_SIG(nullptr, &data, static_cast<long>(der.size()));
  std::array<unsigned char, 64> raw{};
  BN_bn2binpad(ECDSA_SIG_get0_r(signature), raw.data(), 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(signature), raw.data() + 32, 32);
  ECDSA_SIG_free(signature);
  return input + "." + base64url({reinterpret_cast<const char*>(raw.data()), raw.size()});
}

}  // namespace parley::test
