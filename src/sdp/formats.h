// What every m-line of one kind offers besides its payload formats.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/source.h"
#include "sdp/leg_session.h"

namespace parley::sdp {

struct ExtensionFormat {
  Extension id;
  std::string_view uri;  // as in a=extmap
};
// The extensions that are offered; the reserved ones are not.
[[nodiscard]] const std::vector<ExtensionFormat>& extension_formats(base::Kind kind);

// Whether it is of use on a line: what times a sender is not where the peer only receives, and each
// attribute of a line comes back in the answer, which has to fit in a message with those of 50
// participants.
[[nodiscard]] bool is_of_use(Extension extension, bool peer_sends);

// The values of a=rtcp-fb, for every payload type of the kind; transport-cc stands beside them
// where the peer sends.
[[nodiscard]] const std::vector<std::string_view>& feedback_formats(base::Kind kind,
                                                                    bool peer_sends);

// "sha-256 AB:CD:..." (RFC 8122, 5).
[[nodiscard]] std::string write_fingerprint(const Fingerprint& fingerprint);
// nullopt: a hash weaker than sha-256, or one we do not know. kInvalid: a digest that is none.
[[nodiscard]] base::Result<std::optional<Fingerprint>> parse_fingerprint(std::string_view value,
                                                                         std::size_t line);

}  // namespace parley::sdp
