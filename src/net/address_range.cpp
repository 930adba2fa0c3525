#include "net/address_range.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace parley::net {
namespace {

constexpr int kMappedBits = 96;  // ::ffff:0:0/96 (RFC 4291, 2.5.5.2)

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::uint8_t mask_of_byte(int prefix_bits, int byte) {
  const int bits = std::clamp(prefix_bits - byte * 8, 0, 8);
  return static_cast<std::uint8_t>(0xff00U >> static_cast<unsigned>(bits));
}

}  // namespace

std::optional<base::IpAddress> parse_address(std::string_view text) {
  const std::string copy(text);
  if (copy.find('\0') != std::string::npos) return std::nullopt;
  base::IpAddress address;
  in_addr v4{};
  if (inet_pton(AF_INET, copy.c_str(), &v4) == 1) {
    address.bytes[10] = address.bytes[11] = 0xff;
    std::memcpy(address.bytes.data() + 12, &v4, 4);
    return address;
  }
  if (inet_pton(AF_INET6, copy.c_str(), address.bytes.data()) == 1) return address;
  return std::nullopt;
}

std::optional<AddressRange> AddressRange::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string_view literal = text.substr(0, slash);
  const auto first = parse_address(literal);
  if (!first) return std::nullopt;
  AddressRange range;
  range.first_ = *first;
  if (slash == std::string_view::npos) return range;

  const bool v4 = literal.find(':') == std::string_view::npos;
  const std::string_view length = text.substr(slash + 1);
  int bits = 0;
  const auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), bits);
  if (error != std::errc() || end != length.data() + length.size() || length.front() == '-' ||
      bits > (v4 ? 32 : 128))
    return std::nullopt;
  range.prefix_bits_ = v4 ? kMappedBits + bits : bits;
  for (int i = 0; i < 16; ++i) {
    const auto byte = first->bytes[static_cast<std::size_t>(i)];
    if ((byte & ~mask_of_byte(range.prefix_bits_, i)) != 0) return std::nullopt;
  }
  return range;
}

bool AddressRange::contains(const base::IpAddress& address) const {
  for (int i = 0; i < 16; ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (((address.bytes[at] ^ first_.bytes[at]) & mask_of_byte(prefix_bits_, i)) != 0) return false;
  }
  return true;
}

bool is_address_range(std::string_view text) { return AddressRange::parse(text).has_value(); }

bool contains(const std::vector<AddressRange>& ranges, std::string_view address) {
  const auto parsed = parse_address(address);
  return parsed && std::any_of(ranges.begin(), ranges.end(),
                               [&](const AddressRange& range) { return range.contains(*parsed); });
}

std::optional<std::string> client_of_proxy(std::string_view forwarded,
                                           const std::vector<AddressRange>& trusted) {
  std::optional<std::string> nearest;
  while (!forwarded.empty()) {
    const std::size_t comma = forwarded.rfind(',');
    const std::string_view last =
        trim(comma == std::string_view::npos ? forwarded : forwarded.substr(comma + 1));
    if (!parse_address(last)) break;  // what is left of it nobody vouches for
    nearest = std::string(last);
    if (!contains(trusted, last) || comma == std::string_view::npos) break;
    forwarded = forwarded.substr(0, comma);
  }
  return nearest;
}

}  // namespace parley::net
