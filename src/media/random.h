// What must not be guessed, from OpenSSL's generator. Any thread.
#pragma once

#include <cstdint>
#include <string>

#include "ice/agent.h"

namespace parley::media {

[[nodiscard]] std::uint32_t random_u32();
[[nodiscard]] std::uint64_t random_u64();
// 256 bits in hexadecimal.
[[nodiscard]] std::string random_secret();
// 48 bits of ufrag and 192 of pwd (RFC 8839, 5.4 asks for at least 24 and 128).
[[nodiscard]] ice::Credentials random_credentials();

}  // namespace parley::media
