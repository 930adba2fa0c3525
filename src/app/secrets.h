// Names and secrets nobody can guess, from OpenSSL's generator.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace parley::app {

// 96 bits as 24 hexadecimal digits: for names that must not be guessed or repeated.
[[nodiscard]] std::string random_name();
// 256 bits as 64 hexadecimal digits.
[[nodiscard]] std::string random_secret();
// SHA-256. A secret is looked up by it: how long that takes tells nothing about the secret.
[[nodiscard]] std::array<unsigned char, 32> digest_of(std::string_view secret);

}  // namespace parley::app
