// Keeps this process to the one address that the server has checked.
//
// Elements that connect are given names, for TLS and virtual hosts go by them, and they follow what
// a stranger says: redirects, the lines of a playlist, transports of RTSP. So names are answered
// here, with the checked address for the checked name and nothing for others, and connect() itself
// refuses any other address.
#pragma once

#include <string>

#include "base/result.h"

namespace parley::job {

// From now on `host` is `address` (literal), and no other name or internet address can be reached;
// Unix sockets can. Before any element is made; once. kInvalid: it is no address.
[[nodiscard]] base::Result<void> pin_network(const std::string& host, const std::string& address);

}  // namespace parley::job
