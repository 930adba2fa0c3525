// Where a bridge may send a call to, and where it may fetch from: what stands between somebody who
// may start a bridge and the inside of the operator's network.
//
// A target is checked three times: its text (kind, scheme, parts that are understood), its name and
// port against the operator's list, and the addresses its name has at one moment, of which the very
// one that was checked is connected to. All of this is pure; target.h resolves names.
//
// Any thread. No message here holds more of a URL than its scheme.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/endpoint.h"
#include "base/result.h"
#include "base/url.h"
#include "net/address_range.h"

namespace parley::net {

enum class Direction { kOut, kIn };

// SCHEME://HOST[:PORT] of the operator's list. HOST: a name, *.suffix (names below it, not itself),
// * (any), an address, or a network as 192.0.2.0/24 or [2001:db8::]/32. PORT: a number, or * for
// any; without it the scheme's own, and for srt and rtp, which have none, any from 1024.
struct TargetPattern {
  std::string scheme;
  std::string host;  // lower case; empty: `range` counts
  std::optional<AddressRange> range;
  std::optional<std::uint16_t> port;  // nullopt: any from least_port
  std::uint16_t least_port = 1;

  // nullopt: it is none of that.
  [[nodiscard]] static std::optional<TargetPattern> parse(std::string_view text);
};

// Of kind rtp: sound goes to the port that is named, its RTCP, pictures and their RTCP to the next.
inline constexpr int kRtpPorts = 4;

struct TargetRules {
  std::vector<TargetPattern> allow;  // empty: nothing but files and hls out
  // Loopback, RFC 1918, CGNAT, ULA and multicast too, where the list names them.
  bool private_addresses = false;
  std::string source_folder;                   // of kind file; empty: there are no files
  std::vector<std::uint16_t> own_ports;        // this server's, on addresses of this machine ...
  std::vector<base::IpAddress> own_addresses;  // ... and on these, by which others reach it (NAT)
};

// Whom an address belongs to.
enum class Reach {
  kPublic,
  kPrivate,  // of this machine, this network, or this provider
  kNever,    // unspecified, link-local (and with it clouds' metadata), translated, reserved
};
[[nodiscard]] Reach reach_of(const base::IpAddress& address);

// What was asked for, understood, and allowed as far as it can be told without its addresses.
struct WantedTarget {
  std::string kind;
  base::Url url;  // with its port; of a file, `path` alone, relative to the folder
};
// kInvalid: kind or url is none for this direction; kForbidden: the list does not have it.
[[nodiscard]] base::Result<WantedTarget> want_target(Direction direction, std::string_view kind,
                                                     std::string_view url,
                                                     const TargetRules& rules);

// The address to connect to: the first, when all of them are allowed. `own`: addresses of this
// machine. kForbidden, kUnavailable (there is none).
[[nodiscard]] base::Result<base::IpAddress> choose_address(
    const WantedTarget& target, std::span<const base::IpAddress> addresses,
    std::span<const base::IpAddress> own, const TargetRules& rules);

// RFC 5952 or dotted decimal.
[[nodiscard]] std::string to_text(const base::IpAddress& address);

}  // namespace parley::net
