// A UDP address and port, IPv4 or IPv6, as a value that can be compared and hashed.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>

namespace parley::base {

// 16 bytes in network order; IPv4 is held as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2).
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};
  [[nodiscard]] bool is_v4() const {
    static constexpr std::array<std::uint8_t, 12> kPrefix = {0, 0, 0, 0, 0,    0,
                                                             0, 0, 0, 0, 0xff, 0xff};
    return std::memcmp(bytes.data(), kPrefix.data(), kPrefix.size()) == 0;
  }
  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;
  friend bool operator==(const IpAddress&, const IpAddress&) = default;
};

struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;  // host byte order
  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// How datagrams travel between us and one peer: the address of ours it hit, and where it came from.
// Answers leave from the very address that was hit, or a peer's ICE checks fail.
struct Path {
  IpAddress local;
  Endpoint remote;
  friend bool operator==(const Path&, const Path&) = default;
};

}  // namespace parley::base

template <>
struct std::hash<parley::base::Endpoint> {
  std::size_t operator()(const parley::base::Endpoint& e) const noexcept {
    std::uint64_t a = 0;
    std::uint64_t b = 0;
    std::memcpy(&a, e.address.bytes.data(), 8);
    std::memcpy(&b, e.address.bytes.data() + 8, 8);
    // splitmix64's finaliser: the low bits of addresses alone are poor hash values.
    std::uint64_t x = a ^ (b * 0x9e3779b97f4a7c15ULL) ^ e.port;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
  }
};
