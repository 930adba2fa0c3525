// Whether the certificate that DTLS has shown is the one that signalling announced (RFC 8122, 6.2;
// RFC 8827, 6.5). webrtcbin does not check, so without this anybody who can answer for a peer's
// address could take its place.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "sdp/leg_session.h"

namespace parley::media {

// True when `pem` is one certificate and its digest equals one of `announced`. Digests are compared
// in constant time; hashes other than sha-256, sha-384 and sha-512 never match.
[[nodiscard]] bool is_announced(std::string_view pem, std::span<const sdp::Fingerprint> announced);

}  // namespace parley::media
