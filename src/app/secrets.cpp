#include "app/secrets.h"

#include <openssl/rand.h>
#include <openssl/sha.h>

#include <array>
#include <cstdint>
#include <cstdlib>

namespace parley::app {
namespace {

template <std::size_t kBytes>
std::string random_hex() {
  std::array<unsigned char, kBytes> bytes{};
  // Without randomness nothing here is safe: end the process loudly.
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) std::abort();
  std::string text;
  for (const unsigned char byte : bytes) {
    text.push_back("0123456789abcdef"[byte >> 4]);
    text.push_back("0123456789abcdef"[byte & 0xf]);
  }
  return text;
}

}  // namespace

std::string random_name() { return random_hex<12>(); }
std::string random_secret() { return random_hex<32>(); }

std::array<unsigned char, 32> digest_of(std::string_view secret) {
  std::array<unsigned char, 32> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(secret.data()), secret.size(), digest.data());
  return digest;
}

}  // namespace parley::app
