#include "net/target_policy.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace parley::net {
namespace {

using base::Code;

struct KindRule {
  Direction direction;
  std::string_view kind;
  std::array<std::string_view, 2> schemes;
  std::string_view example;
};
constexpr std::array<KindRule, 8> kKinds = {{
    {Direction::kOut, "rtmp", {"rtmp", "rtmps"}, "rtmp://host/app/key"},
    {Direction::kOut, "srt", {"srt", ""}, "srt://host:9000?streamid=name"},
    {Direction::kOut, "rtp", {"rtp", ""}, "rtp://192.0.2.7:5004"},
    {Direction::kIn, "rtmp", {"rtmp", "rtmps"}, "rtmp://host/app/key"},
    {Direction::kIn, "srt", {"srt", ""}, "srt://host:9000?streamid=name"},
    {Direction::kIn, "rtsp", {"rtsp", "rtsps"}, "rtsp://host/path"},
    {Direction::kIn, "hls", {"https", "http"}, "https://host/path/index.m3u8"},
    {Direction::kIn, "file", {"file", ""}, "file:name.mp4"},
}};

// 0: the scheme has none.
std::uint16_t default_port(std::string_view scheme) {
  static constexpr std::array<std::pair<std::string_view, std::uint16_t>, 6> kPorts = {{
      {"rtmp", 1935},
      {"rtmps", 443},
      {"rtsp", 554},
      {"rtsps", 322},
      {"http", 80},
      {"https", 443},
  }};
  for (const auto& [name, port] : kPorts)
    if (name == scheme) return port;
  return 0;
}

bool is_known_scheme(std::string_view scheme) {
  return default_port(scheme) != 0 || scheme == "srt" || scheme == "rtp";
}

tl::unexpected<base::Error> wrong(std::string message) {
  return base::fail(Code::kInvalid, std::move(message));
}

base::Result<const KindRule*> rule_of(Direction direction, std::string_view kind) {
  std::string known;
  for (const KindRule& rule : kKinds) {
    if (rule.direction != direction) continue;
    if (rule.kind == kind) return &rule;
    known += (known.empty() ? "" : ", ") + std::string(rule.kind);
  }
  return wrong(std::string("The kind is none that is brought ") +
               (direction == Direction::kOut ? "out" : "in") + ": " + known + ".");
}

// ---- the parts that are understood ----------------------------------------------------------

// What is not in this list would be a property of the element that connects: 'mode=listener' opens
// a port, 'localaddress' chooses a network.
base::Result<void> check_srt(const base::Url& url) {
  static constexpr std::array<std::string_view, 4> kKeys = {"streamid", "passphrase", "latency",
                                                            "pbkeylen"};
  for (const auto& [key, value] : query_of(url)) {
    if (key == "mode" && value == "caller") continue;
    if (std::find(kKeys.begin(), kKeys.end(), key) == kKeys.end())
      return wrong(
          "An srt address takes streamid, passphrase, latency, pbkeylen and mode=caller behind its "
          "'?', and nothing else.");
  }
  if (url.port == 0) return wrong("An srt address needs a port: srt://host:9000.");
  if (!url.path.empty() && url.path != "/")
    return wrong("An srt address has no path; a stream is named by streamid.");
  if (!url.user.empty()) return wrong("An srt address has no user; see streamid and passphrase.");
  return {};
}

base::Result<void> check_rtp(const base::Url& url) {
  // Sound goes to the port, pictures to the next even one (RFC 3550, 11).
  if (url.port < 1024 || url.port > 65'532 || url.port % 2 != 0)
    return wrong("An rtp address needs an even port from 1024 to 65532: rtp://192.0.2.7:5004.");
  if (!url.user.empty() || !url.query.empty() || (!url.path.empty() && url.path != "/"))
    return wrong("An rtp address is a host and a port, and nothing else.");
  return {};
}

base::Result<void> check_rtmp(const base::Url& url) {
  // The application and the stream: /app/key.
  const std::size_t slash = url.path.find('/', 1);
  if (url.path.size() < 4 || slash == std::string::npos || slash == 1 ||
      slash + 1 == url.path.size())
    return wrong("An rtmp address names an application and a stream: rtmp://host/app/key.");
  return {};
}

base::Result<void> check_parts(const base::Url& url) {
  if (url.scheme == "srt") return check_srt(url);
  if (url.scheme == "rtp") return check_rtp(url);
  if (url.scheme.starts_with("rtmp")) return check_rtmp(url);
  return {};
}

// ---- files ----------------------------------------------------------------------------------

bool is_plain_part(std::string_view part) {
  return !part.empty() && part.front() != '.' && part.size() <= 255 &&
         std::all_of(part.begin(), part.end(), [](char c) {
           return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f && c != '\\';
         });
}

base::Result<WantedTarget> want_file(std::string_view text, const TargetRules& rules) {
  if (rules.source_folder.empty())
    return base::fail(Code::kForbidden,
                      "This server plays no files: its configuration has no source-folder in "
                      "[bridges].");
  if (text.starts_with("file:")) text.remove_prefix(5);
  if (text.starts_with("///")) text.remove_prefix(3);
  if (text.size() > base::kMaxUrlBytes) return wrong("The name of the file is too long.");
  WantedTarget target{"file", {}};
  target.url.scheme = "file";
  target.url.path = std::string(text);
  while (true) {
    const std::size_t slash = text.find('/');
    if (!is_plain_part(text.substr(0, slash)))
      return wrong(
          "A file is named relative to the server's folder, as file:talks/intro.mp4; no part of "
          "the name is empty or begins with a dot.");
    if (slash == std::string_view::npos) return target;
    text.remove_prefix(slash + 1);
  }
}

// ---- the list -------------------------------------------------------------------------------

bool names(const TargetPattern& pattern, const base::Url& url) {
  if (pattern.scheme != url.scheme) return false;
  if (pattern.port ? *pattern.port != url.port : url.port < pattern.least_port) return false;
  if (pattern.range) return true;  // decided when its addresses are known
  if (pattern.host == "*") return true;
  if (pattern.host.starts_with("*."))
    return url.host.size() > pattern.host.size() - 1 &&
           url.host.ends_with(std::string_view(pattern.host).substr(1));
  return pattern.host == url.host;
}

bool is_allowed(const base::Url& url, const base::IpAddress& address, const TargetRules& rules) {
  return std::any_of(rules.allow.begin(), rules.allow.end(), [&](const TargetPattern& pattern) {
    return names(pattern, url) && (!pattern.range || pattern.range->contains(address));
  });
}

bool is_loopback(const base::IpAddress& address) {
  static const auto v4 = AddressRange::parse("127.0.0.0/8");
  static const auto v6 = AddressRange::parse("::1");
  return v4->contains(address) || v6->contains(address);
}

bool is_one_of(std::span<const base::IpAddress> addresses, const base::IpAddress& address) {
  return std::find(addresses.begin(), addresses.end(), address) != addresses.end();
}

bool is_own_port(const base::Url& url, const TargetRules& rules) {
  const auto& ports = rules.own_ports;
  const int behind = url.port + (url.scheme == "rtp" ? kRtpPorts : 1);
  return std::any_of(ports.begin(), ports.end(),
                     [&](int port) { return port >= url.port && port < behind; });
}

// With an entry that would be right, but for its host: the target's is nobody's business.
base::Error not_listed(const base::Url& url) {
  std::string message =
      "The target is not among those that this server's operator allows: 'allow' in [bridges] "
      "needs an entry for it, such as " +
      url.scheme + "://live.example";
  if (const auto usual = default_port(url.scheme); usual != 0)
    message += ", with its port where that is not " + std::to_string(usual) + ": " + url.scheme +
               "://live.example:PORT";
  return {Code::kForbidden, message + "."};
}

base::Error not_public(Reach reach) {
  const std::string what = "The target is, or its name also means, an address ";
  if (reach == Reach::kPrivate)
    return {Code::kForbidden,
            what +
                "of this machine or of its networks; this server's operator allows those with "
                "'private-addresses = true' in [bridges]."};
  return {Code::kForbidden,
          what +
              "that no setting allows: a link-local or reserved one, or one that carries another "
              "inside."};
}

}  // namespace

std::optional<TargetPattern> TargetPattern::parse(std::string_view text) {
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos) return std::nullopt;
  TargetPattern pattern;
  pattern.scheme = std::string(text.substr(0, colon));
  if (!is_known_scheme(pattern.scheme)) return std::nullopt;
  text.remove_prefix(colon + 3);

  // The port stands behind the last ':' that is not inside brackets.
  const std::size_t bracket = text.rfind(']');
  const std::size_t at = text.rfind(':');
  std::string_view port;
  if (at != std::string_view::npos && (bracket == std::string_view::npos || at > bracket)) {
    port = text.substr(at + 1);
    text = text.substr(0, at);
    if (port.empty()) return std::nullopt;
  }
  if (port.empty()) {
    if (const auto usual = default_port(pattern.scheme); usual != 0) pattern.port = usual;
    pattern.least_port = 1024;
  } else if (port != "*") {
    std::uint16_t number = 0;
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (error != std::errc() || end != port.data() + port.size() || number == 0)
      return std::nullopt;
    pattern.port = number;
  }

  std::string host(text);
  if (host.starts_with('[')) {
    const std::size_t close = host.find(']');
    if (close == std::string::npos) return std::nullopt;
    host = host.substr(1, close - 1) + host.substr(close + 1);
    if (host.find(':') == std::string::npos) return std::nullopt;
  } else if (host.find(':') != std::string::npos) {
    return std::nullopt;
  }
  pattern.range = AddressRange::parse(host);
  if (pattern.range) return pattern;
  const std::string_view name =
      host.starts_with("*.") ? std::string_view(host).substr(2) : std::string_view(host);
  if (host != "*") {
    const auto read = base::parse_url("x://" + std::string(name));
    if (!read || read->port != 0 || !read->path.empty() || !read->query.empty() ||
        !read->user.empty())
      return std::nullopt;
    pattern.host = (host.starts_with("*.") ? "*." : "") + read->host;
  } else {
    pattern.host = host;
  }
  return pattern;
}

Reach reach_of(const base::IpAddress& address) {
  struct Block {
    const char* network;
    Reach reach;
  };
  // IANA's special-purpose registries (RFC 6890 and what was added since). What carries an IPv4
  // address inside (NAT64, 6to4, Teredo, IPv4-compatible) would lead around every other line.
  static const auto blocks = [] {
    static constexpr std::array<Block, 32> kBlocks = {{
        {"127.0.0.0/8", Reach::kPrivate},   {"10.0.0.0/8", Reach::kPrivate},
        {"172.16.0.0/12", Reach::kPrivate}, {"192.168.0.0/16", Reach::kPrivate},
        {"100.64.0.0/10", Reach::kPrivate}, {"224.0.0.0/4", Reach::kPrivate},
        {"0.0.0.0/8", Reach::kNever},       {"169.254.0.0/16", Reach::kNever},
        {"192.0.0.0/24", Reach::kNever},    {"192.0.2.0/24", Reach::kNever},
        {"192.88.99.0/24", Reach::kNever},  {"198.18.0.0/15", Reach::kNever},
        {"198.51.100.0/24", Reach::kNever}, {"203.0.113.0/24", Reach::kNever},
        {"240.0.0.0/4", Reach::kNever},     {"::1/128", Reach::kPrivate},
        {"fc00::/7", Reach::kPrivate},      {"ff00::/8", Reach::kPrivate},
        {"fe80::/10", Reach::kNever},       {"fec0::/10", Reach::kNever},
        {"64:ff9b::/96", Reach::kNever},    {"64:ff9b:1::/48", Reach::kNever},
        {"100::/64", Reach::kNever},        {"2001::/23", Reach::kNever},
        {"2001:db8::/32", Reach::kNever},   {"2002::/16", Reach::kNever},
        {"3fff::/20", Reach::kNever},       {"5f00::/16", Reach::kNever},
        {"::ffff:0:0:0/96", Reach::kNever}, {"4000::/2", Reach::kNever},
        {"8000::/2", Reach::kNever},        {"c000::/3", Reach::kNever},
    }};
    std::vector<std::pair<AddressRange, Reach>> all;
    for (const Block& block : kBlocks)
      if (const auto range = AddressRange::parse(block.network))
        all.emplace_back(*range, block.reach);
    return all;
  }();
  for (const auto& [range, reach] : blocks)
    if (range.contains(address)) return reach;
  // Only 2000::/3 has been given to anybody (RFC 4291, 2.4).
  const bool global_v6 = (address.bytes[0] & 0xe0U) == 0x20U;
  return address.is_v4() || global_v6 ? Reach::kPublic : Reach::kNever;
}

base::Result<WantedTarget> want_target(Direction direction, std::string_view kind,
                                       std::string_view url, const TargetRules& rules) {
  if (direction == Direction::kOut && kind == "hls") {
    if (!url.empty())
      return wrong("HLS is served by this server itself: no address is given for it.");
    return WantedTarget{"hls", {}};
  }
  const auto rule = rule_of(direction, kind);
  if (!rule) return tl::unexpected(rule.error());
  if (kind == "file") return want_file(url, rules);
  auto parsed = base::parse_url(url);
  if (!parsed) return tl::unexpected(parsed.error());
  const auto& schemes = (*rule)->schemes;
  if (std::find(schemes.begin(), schemes.end(), parsed->scheme) == schemes.end())
    return wrong("The address is none for this kind of bridge; right would be " +
                 std::string((*rule)->example) + ".");
  if (auto parts = check_parts(*parsed); !parts) return tl::unexpected(parts.error());
  if (parsed->port == 0) parsed->port = default_port(parsed->scheme);
  if (std::none_of(rules.allow.begin(), rules.allow.end(),
                   [&](const TargetPattern& pattern) { return names(pattern, *parsed); }))
    return tl::unexpected(not_listed(*parsed));
  return WantedTarget{std::string(kind), std::move(*parsed)};
}

base::Result<base::IpAddress> choose_address(const WantedTarget& target,
                                             std::span<const base::IpAddress> addresses,
                                             std::span<const base::IpAddress> own,
                                             const TargetRules& rules) {
  if (addresses.empty()) return base::fail(Code::kUnavailable, "The target's name has no address.");
  for (const base::IpAddress& address : addresses) {
    const Reach reach = reach_of(address);
    if (reach == Reach::kNever || (reach == Reach::kPrivate && !rules.private_addresses))
      return tl::unexpected(not_public(reach));
    if (!is_allowed(target.url, address, rules)) return tl::unexpected(not_listed(target.url));
    if (is_own_port(target.url, rules) && (is_loopback(address) || is_one_of(own, address) ||
                                           is_one_of(rules.own_addresses, address)))
      return base::fail(Code::kForbidden, "The target is this server itself.");
  }
  return addresses.front();
}

std::string to_text(const base::IpAddress& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.is_v4())
    inet_ntop(AF_INET, address.bytes.data() + 12, text.data(), text.size());
  else
    inet_ntop(AF_INET6, address.bytes.data(), text.data(), text.size());
  return text.data();
}

}  // namespace parley::net
