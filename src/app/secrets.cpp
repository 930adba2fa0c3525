#include "app/secrets.h"

#include <openssl/rand.h>

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

}  // namespace parley::app
