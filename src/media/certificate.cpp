#include "media/certificate.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <array>
#include <memory>

namespace parley::media {

namespace {

// Our choice: browsers' certificates take under 1 KiB; a whole chain of large ones fits.
constexpr std::size_t kMaxPemBytes = 64 * 1024;

struct BioDeleter {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct X509Deleter {
  void operator()(X509* certificate) const { X509_free(certificate); }
};

const EVP_MD* digest_named(std::string_view hash) {
  if (hash == "sha-256") return EVP_sha256();
  if (hash == "sha-384") return EVP_sha384();
  if (hash == "sha-512") return EVP_sha512();
  return nullptr;
}

bool matches(const X509* certificate, const sdp::Fingerprint& fingerprint) {
  const EVP_MD* digest = digest_named(fingerprint.hash);
  if (digest == nullptr) return false;
  std::array<unsigned char, EVP_MAX_MD_SIZE> shown{};
  unsigned size = 0;
  return X509_digest(certificate, digest, shown.data(), &size) == 1 && size != 0 &&
         fingerprint.digest.size() == size &&
         CRYPTO_memcmp(shown.data(), fingerprint.digest.data(), size) == 0;
}

}  // namespace

bool is_announced(std::string_view pem, std::span<const sdp::Fingerprint> announced) {
  if (pem.empty() || pem.size() > kMaxPemBytes) return false;
  const std::unique_ptr<BIO, BioDeleter> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (bio == nullptr) return false;
  const std::unique_ptr<X509, X509Deleter> certificate(
      PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (certificate == nullptr) return false;
  bool found = false;
  for (const sdp::Fingerprint& fingerprint : announced)
    found = matches(certificate.get(), fingerprint) || found;
  return found;
}

}  // namespace parley::media
