// Keeps this process to the one address that the server has checked.
//
// Elements that connect are given names, for TLS and virtual hosts go by them, and they follow what
// a stranger says: redirects, the lines of a playlist, transports of RTSP. So names are answered
// here, with the checked address for the checked name and nothing for others, and connect() itself
// refuses any other address.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace parley::job {

// From now on `host` is `address` (literal), and no other name or internet address can be reached,
// nor another port of it than `ports`; Unix sockets can. Before any element is made; once.
// kInvalid: it is no address.
[[nodiscard]] base::Result<void> pin_network(const std::string& host, const std::string& address,
                                             std::vector<std::uint16_t> ports);

}  // namespace parley::job
