// Bound and listening TCP sockets.
#pragma once

#include <gio/gio.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/handles.h"

namespace parley::net {

// One socket for each literal address, all on the same port (`port`, or with 0 the one the system
// gave the first). An IPv6 address this machine does not have is passed over when another works.
[[nodiscard]] base::Result<std::vector<Object<GSocket>>> listen_on(
    const std::vector<std::string>& addresses, std::uint16_t port);

[[nodiscard]] std::uint16_t port_of(GSocket* socket);

}  // namespace parley::net
