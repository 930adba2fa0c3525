// Which web pages may open a socket here (RFC 6455, 10.2), and how addresses are counted.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace parley::net {

// True for no Origin at all (not a browser), for the page's own server, and for what the list
// names. `host` is the request's Host header, `schemes` what the browser may have used to reach
// us: one of http and https, or both where a proxy in front does not say.
[[nodiscard]] bool origin_allowed(std::string_view origin, std::string_view host,
                                  const std::vector<std::string_view>& schemes,
                                  const std::vector<std::string>& allowed);

// True for scheme://host or scheme://host:port with http or https, as a browser writes it.
[[nodiscard]] bool is_origin(std::string_view text);

// What one client counts as: an IPv4 address, or the /64 of an IPv6 one, which is what a
// subscriber is given (RFC 6177). `address` is literal.
[[nodiscard]] std::string address_group(std::string_view address);

}  // namespace parley::net
