// Session keys from a master key (RFC 3711, 4.3; RFC 7714, 11).
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "srtp/session.h"

namespace parley::srtp {

enum class Traffic { kRtp, kRtcp };

struct SessionKeys {
  std::array<std::uint8_t, 16> encryption{};
  std::array<std::uint8_t, 20> authentication{};  // not used by AEAD
  std::array<std::uint8_t, 14> salt{};            // AEAD uses the first 12
};

// nullopt only when OpenSSL fails. The key derivation rate is 0: keys are derived once.
[[nodiscard]] std::optional<SessionKeys> derive_keys(const KeyMaterial& master, Traffic traffic);

}  // namespace parley::srtp
