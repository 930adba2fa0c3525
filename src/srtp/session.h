// SRTP and SRTCP of one direction of one peer (RFC 3711; RFC 7714 for AEAD), on OpenSSL.
//
// Debian's libsrtp2 is built on NSS and spends 7 µs on a packet for which OpenSSL needs 1 µs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "base/result.h"

namespace parley::srtp {

// NOLINTNEXTLINE(readability-identifier-naming): as in RFC 5764, SRTP_AES128_CM_HMAC_SHA1_80
enum class Profile { kAes128CmSha1_80, kAeadAes128Gcm };

// Master key followed by master salt: 16 + 14 bytes (CM) or 16 + 12 (GCM).
struct KeyMaterial {
  Profile profile = Profile::kAes128CmSha1_80;
  std::array<std::uint8_t, 30> bytes{};
};

// Most that protect() may add to RTP, and protect_rtcp() to RTCP (tag; index and tag).
inline constexpr std::size_t kMaxRtpOverhead = 16;
inline constexpr std::size_t kMaxRtcpOverhead = 20;

// Thread-compatible. No allocation per packet once a source is known.
class Outbound {
 public:
  [[nodiscard]] static base::Result<Outbound> create(const KeyMaterial& key);
  Outbound(Outbound&&) noexcept;
  Outbound& operator=(Outbound&&) noexcept;
  ~Outbound();

  // Encrypts the packet `header_bytes` + payload from `plain` into `out`, which may be the same
  // memory and must have room for plain.size() + kMaxRtpOverhead. Returns the bytes written,
  // 0 when the packet is malformed, its index was sent before, or its key would be used for too
  // long (RFC 3711, 9.2).
  [[nodiscard]] std::size_t protect(std::span<const std::uint8_t> plain, std::uint8_t* out);
  // The same for a header and a payload that are apart, so that a payload that goes to many peers
  // is not copied. `out` must not overlap `header`.
  [[nodiscard]] std::size_t protect(std::span<const std::uint8_t> header,
                                    std::span<const std::uint8_t> payload, std::uint8_t* out);
  [[nodiscard]] std::size_t protect_rtcp(std::span<const std::uint8_t> plain, std::uint8_t* out);
  // Forgets a source. It must never be sent again with this key: its packets would be encrypted
  // with a keystream that was used before.
  void forget(std::uint32_t ssrc);

 private:
  struct State;
  explicit Outbound(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

enum class Refused { kMalformed, kAuthentication, kReplay, kTooManySources };

class Inbound {
 public:
  // Sources remembered per peer, of RTP and of RTCP; a packet of one more is refused. They are
  // remembered for good, or old packets could be replayed. Our choice: a browser takes a new SSRC
  // each time a screen is shared, and Firefox sends RTCP with one for each m-line.
  static constexpr std::size_t kMaxSources = 512;
  // Packets a late one may be behind the newest (RFC 3711, 3.3.2 asks for at least 64).
  static constexpr std::size_t kReplayWindow = 1024;

  [[nodiscard]] static base::Result<Inbound> create(const KeyMaterial& key);
  Inbound(Inbound&&) noexcept;
  Inbound& operator=(Inbound&&) noexcept;
  ~Inbound();

  // Verifies, then decrypts in place. Bytes of the plain packet, or why it is refused; refused
  // packets change no state.
  [[nodiscard]] tl::expected<std::size_t, Refused> unprotect(std::span<std::uint8_t> packet);
  [[nodiscard]] tl::expected<std::size_t, Refused> unprotect_rtcp(std::span<std::uint8_t> packet);

 private:
  struct State;
  explicit Inbound(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace parley::srtp
