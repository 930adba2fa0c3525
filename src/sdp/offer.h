// Writes the offers of a leg (RFC 8829, 5.2).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sdp/leg_session.h"

namespace parley::sdp {

// `version` counts up within one `session_id` (RFC 8866, 5.2).
[[nodiscard]] std::string write_offer(std::uint64_t session_id, std::uint32_t version,
                                      const Transport& transport,
                                      const std::vector<MediaLine>& lines);

[[nodiscard]] bool is_screen(base::Source source);

}  // namespace parley::sdp
