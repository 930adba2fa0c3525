#include "media/random.h"

#include <openssl/rand.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace parley::media {

namespace {

void fill(void* out, std::size_t bytes) {
  if (RAND_bytes(static_cast<unsigned char*>(out), static_cast<int>(bytes)) == 1) return;
  // Guessable credentials would be worse than no service.
  std::fputs("parley: OpenSSL has no random numbers\n", stderr);
  std::abort();
}

std::string random_text(std::size_t characters) {
  // 64 of the ice-chars (RFC 8839, 5.4): six bits each.
  static constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  static_assert(kAlphabet.size() == 64);
  std::array<unsigned char, 64> bytes{};
  fill(bytes.data(), characters);
  std::string out;
  for (std::size_t i = 0; i < characters; ++i) out += kAlphabet[bytes[i] % kAlphabet.size()];
  return out;
}

}  // namespace

std::uint32_t random_u32() {
  std::uint32_t out = 0;
  fill(&out, sizeof out);
  return out;
}

std::uint64_t random_u64() {
  std::uint64_t out = 0;
  fill(&out, sizeof out);
  return out;
}

std::string random_secret() {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<unsigned char, 32> bytes{};
  fill(bytes.data(), bytes.size());
  std::string out;
  for (const unsigned char byte : bytes) {
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 15U];
  }
  return out;
}

ice::Credentials random_credentials() { return {random_text(8), random_text(32)}; }

}  // namespace parley::media
