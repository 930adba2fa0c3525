// The pieces that answers, guests' offers and fragments have in common: ICE, DTLS, directions,
// SSRCs.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sdp/document.h"
#include "sdp/leg_session.h"

namespace parley::sdp {

inline constexpr std::string_view kProto = "UDP/TLS/RTP/SAVPF";

[[nodiscard]] bool equal_ignoring_case(std::string_view a, std::string_view b);

// The one attribute `name`; kInvalid when it stands twice.
[[nodiscard]] base::Result<std::optional<Attribute>> only(const std::vector<Attribute>& attributes,
                                                          std::string_view name);

// What one section says of ICE and DTLS; empty members: nothing.
struct TransportWords {
  std::string_view ufrag;
  std::string_view pwd;
  std::string_view setup;  // "active", "passive" or, in an offer, "actpass"
  std::vector<Fingerprint> fingerprints;
};
// `actpass`: whether a=setup:actpass is allowed, as it is in offers (RFC 8842, 5).
[[nodiscard]] base::Result<TransportWords> read_transport(const std::vector<Attribute>& attributes,
                                                          bool actpass);

// Takes over what `words` says; kInvalid when it says other than `merged` (all share one
// transport, RFC 8843).
[[nodiscard]] base::Result<void> merge(TransportWords& merged, const TransportWords& words,
                                       std::size_t line);

// sendrecv when nothing is said (RFC 8866, 6.7).
[[nodiscard]] base::Result<std::string_view> read_direction(const MediaSection& section,
                                                            const std::vector<Attribute>& session);

// The section's SSRCs, in order. `all`: those of the whole description, which gains them.
[[nodiscard]] base::Result<std::vector<std::uint32_t>> read_ssrcs(const MediaSection& section,
                                                                  std::set<std::uint32_t>& all);

}  // namespace parley::sdp
