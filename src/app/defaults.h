// What parleyd uses when nobody has configured anything: a folder of its own in the user's data,
// and a key for tokens made there the first time.
#pragma once

#include <string>
#include <vector>

#include "app/config.h"
#include "auth/tokens.h"
#include "base/result.h"
#include "base/time.h"

namespace parley::app {

// Fills in what `config` leaves open: the store's path, the development key, the client's folder.
// kUnavailable: the folder or the key cannot be made or read.
[[nodiscard]] base::Result<void> fill_in(Config& config);

// The first HS256 key; kNotFound when there is none: other tokens are made elsewhere.
[[nodiscard]] base::Result<auth::Key> signing_key(const Config& config);

// A link for each of the four devices of a first try: users alice and bob, a laptop and a phone
// each. The token stands behind the '#', which a browser sends to no server.
[[nodiscard]] base::Result<std::vector<std::string>> demo_links(const auth::Key& key,
                                                                const std::string& audience,
                                                                const std::string& base_url,
                                                                base::WallTime now);

}  // namespace parley::app
