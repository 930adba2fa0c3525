#include "sdp/writing.h"

#include <cstdint>

namespace parley::sdp {

void put_candidates(std::string& out, const Transport& transport) {
  constexpr std::uint32_t kHostPreference = 126;
  constexpr std::uint32_t kComponent = 1;  // RTP, and RTCP with it
  std::uint32_t preference = 65535;
  std::uint32_t foundation = 1;
  for (const Candidate& candidate : transport.candidates) {
    const std::uint32_t priority =
        (kHostPreference << 24U) | (preference-- << 8U) | (256 - kComponent);
    put(out, "a=candidate:{} {} udp {} {} {} typ host", foundation++, kComponent, priority,
        candidate.address, candidate.port);
  }
  put(out, "a=end-of-candidates");
}

}  // namespace parley::sdp
