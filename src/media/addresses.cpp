#include "media/addresses.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

namespace parley::media {

base::IpAddress address_of(const in_addr& address) {
  base::IpAddress out;
  out.bytes[10] = 0xff;
  out.bytes[11] = 0xff;
  std::memcpy(&out.bytes[12], &address, 4);
  return out;
}

base::IpAddress address_of(const in6_addr& address) {
  base::IpAddress out;
  std::memcpy(out.bytes.data(), &address, 16);
  return out;
}

in_addr to_v4(const base::IpAddress& address) {
  in_addr out{};
  std::memcpy(&out, &address.bytes[12], 4);
  return out;
}

in6_addr to_v6(const base::IpAddress& address) {
  in6_addr out{};
  std::memcpy(&out, address.bytes.data(), 16);
  return out;
}

std::optional<base::IpAddress> parse_address(std::string_view literal) {
  const std::string text(literal);  // inet_pton wants the zero at the end
  if (text.size() != std::strlen(text.c_str())) return std::nullopt;
  in_addr v4{};
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) return address_of(v4);
  in6_addr v6{};
  if (inet_pton(AF_INET6, text.c_str(), &v6) == 1) return address_of(v6);
  return std::nullopt;
}

std::string to_text(const base::IpAddress& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.is_v4()) {
    const in_addr v4 = to_v4(address);
    inet_ntop(AF_INET, &v4, text.data(), text.size());
  } else {
    const in6_addr v6 = to_v6(address);
    inet_ntop(AF_INET6, &v6, text.data(), text.size());
  }
  return text.data();
}

std::optional<base::Endpoint> endpoint_of(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    return base::Endpoint{address_of(v4.sin_addr), ntohs(v4.sin_port)};
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    return base::Endpoint{address_of(v6.sin6_addr), ntohs(v6.sin6_port)};
  }
  return std::nullopt;
}

socklen_t to_sockaddr(const base::Endpoint& endpoint, int family, sockaddr_in6& out) {
  out = {};
  if (family == AF_INET) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    v4.sin_addr = to_v4(endpoint.address);
    std::memcpy(&out, &v4, sizeof v4);
    return sizeof v4;
  }
  out.sin6_family = AF_INET6;
  out.sin6_port = htons(endpoint.port);
  out.sin6_addr = to_v6(endpoint.address);
  return sizeof out;
}

std::vector<base::IpAddress> host_addresses(AddressFamilies families) {
  std::vector<base::IpAddress> out;
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return out;
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> own(list, &freeifaddrs);
  for (const ifaddrs* i = list; i != nullptr; i = i->ifa_next) {
    if (i->ifa_addr == nullptr || (i->ifa_flags & IFF_UP) == 0) continue;
    const auto endpoint = endpoint_of(*i->ifa_addr);
    if (!endpoint) continue;
    const base::IpAddress& address = endpoint->address;
    if (address.is_v4() ? !families.v4 : !families.v6) continue;
    const bool v4_link_local =
        address.is_v4() && address.bytes[12] == 169 && address.bytes[13] == 254;  // RFC 3927
    const in6_addr v6 = to_v6(address);
    if (v4_link_local || (!address.is_v4() && IN6_IS_ADDR_LINKLOCAL(&v6))) continue;
    if (std::find(out.begin(), out.end(), address) == out.end()) out.push_back(address);
  }
  return out;
}

}  // namespace parley::media
