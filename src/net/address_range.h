// Addresses as numbers: an operator writes ::1, a kernel ::ffff:127.0.0.1 and a proxy 127.0.0.1,
// and what is compared as text is sooner or later taken for somebody else.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/endpoint.h"

namespace parley::net {

// A literal IPv4 or IPv6 address without zone; nullopt for anything else.
[[nodiscard]] std::optional<base::IpAddress> parse_address(std::string_view text);

// One address, or a network in CIDR notation (RFC 4632, RFC 4291 2.3). A value.
class AddressRange {
 public:
  // "192.0.2.7", "2001:db8::7", "10.0.0.0/8", "2001:db8::/32". nullopt for what is neither, and for
  // a network with bits set behind its prefix: "10.0.0.7/8" is somebody's mistake.
  [[nodiscard]] static std::optional<AddressRange> parse(std::string_view text);
  [[nodiscard]] bool contains(const base::IpAddress& address) const;

 private:
  base::IpAddress first_;
  int prefix_bits_ = 128;  // of the 128 of an IpAddress
};

[[nodiscard]] bool is_address_range(std::string_view text);

[[nodiscard]] bool contains(const std::vector<AddressRange>& ranges, std::string_view address);

// Who asked, where `forwarded` is the X-Forwarded-For of a request that came from a trusted proxy:
// the last address of it that is none of the trusted ones. Each proxy has appended whom it saw;
// what stands before the first stranger, that stranger may have written himself. nullopt: nobody is
// named.
[[nodiscard]] std::optional<std::string> client_of_proxy(std::string_view forwarded,
                                                         const std::vector<AddressRange>& trusted);

}  // namespace parley::net
