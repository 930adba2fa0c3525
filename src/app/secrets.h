// Names and secrets nobody can guess, from OpenSSL's generator.
#pragma once

#include <string>

namespace parley::app {

// 96 bits as 24 hexadecimal digits: for names that must not be guessed or repeated.
[[nodiscard]] std::string random_name();
// 256 bits as 64 hexadecimal digits.
[[nodiscard]] std::string random_secret();

}  // namespace parley::app
