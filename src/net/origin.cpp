#include "net/origin.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

namespace parley::net {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

// A browser leaves the scheme's own port out; a list or a Host header may not.
std::string normal(std::string_view origin) {
  std::string text = lower(origin);
  for (const auto& [scheme, port] :
       {std::pair<std::string_view, std::string_view>{"http://", ":80"}, {"https://", ":443"}}) {
    if (text.starts_with(scheme) && text.ends_with(port)) text.resize(text.size() - port.size());
  }
  return text;
}

}  // namespace

bool is_origin(std::string_view text) {
  const std::string origin = lower(text);
  const std::size_t start = origin.starts_with("https://")  ? 8
                            : origin.starts_with("http://") ? 7
                                                            : 0;
  if (start == 0 || origin.size() == start) return false;
  return std::all_of(origin.begin() + static_cast<std::ptrdiff_t>(start), origin.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || std::strchr(".-:[]_", c) != nullptr;
  });
}

bool origin_allowed(std::string_view origin, std::string_view host,
                    const std::vector<std::string_view>& schemes,
                    const std::vector<std::string>& allowed) {
  if (origin.empty()) return true;
  if (!is_origin(origin)) return false;
  const std::string wanted = normal(origin);
  if (!host.empty()) {
    for (std::string_view scheme : schemes)
      if (wanted == normal(std::string(scheme) + "://" + std::string(host))) return true;
  }
  return std::any_of(allowed.begin(), allowed.end(),
                     [&](const std::string& entry) { return wanted == normal(entry); });
}

std::string address_group(std::string_view address) {
  std::string text(address);
  in_addr v4{};
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) return text;
  in6_addr v6{};
  if (inet_pton(AF_INET6, text.substr(0, text.find('%')).c_str(), &v6) != 1) return text;
  char out[INET6_ADDRSTRLEN] = {};
  if (IN6_IS_ADDR_V4MAPPED(&v6)) {
    inet_ntop(AF_INET, v6.s6_addr + 12, out, sizeof out);
    return out;
  }
  if (IN6_IS_ADDR_LOOPBACK(&v6)) return "::1";
  std::memset(v6.s6_addr + 8, 0, 8);
  inet_ntop(AF_INET6, &v6, out, sizeof out);
  return std::string(out) + "/64";
}

}  // namespace parley::net
