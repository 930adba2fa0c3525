// IP addresses as text, as sockaddr, and as this host has them.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/endpoint.h"

namespace parley::media {

// A literal IPv4 or IPv6 address; nullopt for anything else (names are never resolved).
[[nodiscard]] std::optional<base::IpAddress> parse_address(std::string_view literal);
[[nodiscard]] std::string to_text(const base::IpAddress& address);

// The addresses a peer may reach this host by: loopback and those of every interface that is up.
// No link-local ones: a peer would have to know our interface's number on its side.
struct AddressFamilies {
  bool v4 = true;
  bool v6 = true;
};
[[nodiscard]] std::vector<base::IpAddress> host_addresses(AddressFamilies families);

[[nodiscard]] base::IpAddress address_of(const in_addr& address);
[[nodiscard]] base::IpAddress address_of(const in6_addr& address);
[[nodiscard]] in_addr to_v4(const base::IpAddress& address);  // of an is_v4() address
[[nodiscard]] in6_addr to_v6(const base::IpAddress& address);

// AF_INET and AF_INET6 only; nullopt for other families.
[[nodiscard]] std::optional<base::Endpoint> endpoint_of(const sockaddr& address);
// Fills `out` for a socket of `family`; returns the bytes used. With AF_INET the address must be
// is_v4(); with AF_INET6 an IPv4 one stays in its mapped form, which dual-stack sockets take.
[[nodiscard]] socklen_t to_sockaddr(const base::Endpoint& endpoint, int family, sockaddr_in6& out);

}  // namespace parley::media
