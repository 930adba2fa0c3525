#include "media/certificate.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <array>
#include <string>
#include <vector>

// After every C++ standard header: check.h defines `fail`.
#include "support/check_main.h"

namespace media = parley::media;
using parley::sdp::Fingerprint;

namespace {

struct Certificate {
  std::string pem;
  X509* x509;
};

Certificate make_certificate() {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* x509 = X509_new();
  X509_gmtime_adj(X509_getm_notBefore(x509), 0);
  X509_gmtime_adj(X509_getm_notAfter(x509), 60);
  X509_set_pubkey(x509, key);
  X509_sign(x509, key, EVP_sha256());
  EVP_PKEY_free(key);
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(bio, x509);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  Certificate out{std::string(data, static_cast<std::size_t>(size)), x509};
  BIO_free(bio);
  return out;
}

Fingerprint fingerprint(const Certificate& certificate, const char* name, const EVP_MD* md) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  X509_digest(certificate.x509, md, digest.data(), &size);
  return {name, {digest.begin(), digest.begin() + size}};
}

}  // namespace

START_TEST(knows_a_certificate_by_each_hash_that_is_strong_enough) {
  const Certificate c = make_certificate();
  ck_assert(media::is_announced(c.pem, std::vector{fingerprint(c, "sha-256", EVP_sha256())}));
  ck_assert(media::is_announced(c.pem, std::vector{fingerprint(c, "sha-384", EVP_sha384())}));
  ck_assert(media::is_announced(c.pem, std::vector{fingerprint(c, "sha-512", EVP_sha512())}));
  ck_assert(!media::is_announced(c.pem, std::vector{fingerprint(c, "sha-1", EVP_sha1())}));
  X509_free(c.x509);
}
END_TEST

START_TEST(one_of_several_announced_is_enough) {
  const Certificate mine = make_certificate();
  const Certificate other = make_certificate();
  const std::vector<Fingerprint> announced = {fingerprint(other, "sha-512", EVP_sha512()),
                                              fingerprint(mine, "sha-256", EVP_sha256())};
  ck_assert(media::is_announced(mine.pem, announced));
  X509_free(mine.x509);
  X509_free(other.x509);
}
END_TEST

START_TEST(any_flipped_digit_is_a_mismatch) {
  const Certificate c = make_certificate();
  const Fingerprint right = fingerprint(c, "sha-256", EVP_sha256());
  for (std::size_t bit = 0; bit < 256; ++bit) {
    Fingerprint wrong = right;
    wrong.digest[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    ck_assert(!media::is_announced(c.pem, std::vector{wrong}));
  }
  Fingerprint shortened = right;
  shortened.digest.resize(16);
  ck_assert(!media::is_announced(c.pem, std::vector{shortened}));
  shortened.digest.clear();
  ck_assert(!media::is_announced(c.pem, std::vector{shortened}));
  X509_free(c.x509);
}
END_TEST

START_TEST(no_certificate_and_no_announcement_match_nothing) {
  const Certificate c = make_certificate();
  const std::vector announced{fingerprint(c, "sha-256", EVP_sha256())};
  for (const std::string& pem :
       {std::string(), std::string("garbage"), c.pem.substr(0, 100), std::string(100'000, 'A')})
    ck_assert(!media::is_announced(pem, announced));
  ck_assert(!media::is_announced(c.pem, {}));
  X509_free(c.x509);
}
END_TEST

int main() {
  return parley::test::run(
      "certificate",
      {knows_a_certificate_by_each_hash_that_is_strong_enough, one_of_several_announced_is_enough,
       any_flipped_digit_is_a_mismatch, no_certificate_and_no_announcement_match_nothing});
}
