// An ICE-lite agent for one peer (RFC 8445, 2.5): answers authenticated binding requests, and
// learns from them where the peer is. It never sends to an address the peer has only named.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/endpoint.h"
#include "base/time.h"
#include "ice/stun.h"

namespace parley::ice {

struct Credentials {
  std::string ufrag;  // 4 to 256 ice-chars (RFC 8839, 5.4)
  std::string pwd;    // 22 to 256
};

// The local ufrag in the USERNAME of a binding request, for finding its agent before anything is
// verified; nullopt when this is no binding request with a USERNAME of the form local:remote.
[[nodiscard]] std::optional<std::string_view> requested_ufrag(
    std::span<const std::uint8_t> datagram);

// Room that an answer needs at most.
inline constexpr std::size_t kMaxResponseBytes = 256;

struct Handled {
  bool authentic = false;  // MESSAGE-INTEGRITY held
  bool malformed = false;
  std::size_t response_bytes = 0;  // to be sent back on the path the request came by; 0: nothing
  bool path_changed = false;       // selected() is another one now
};

// Thread-compatible. Never allocates after construction but in restart().
class LiteAgent {
 public:
  explicit LiteAgent(Credentials local);

  // Handles one STUN datagram that came by `path`. What is not authentic is never answered with
  // more bytes than it had, so that nobody can use us to amplify a flood.
  [[nodiscard]] Handled handle(std::span<const std::uint8_t> datagram, const base::Path& path,
                               base::TimePoint now, std::span<std::uint8_t> response);

  // New credentials (RFC 8445, 9). The old ones stay good until the first request that uses the
  // new ones; the selected path, until the peer nominates another.
  void restart(Credentials local);

  // Where the peer is; nullopt before it nominated a path.
  [[nodiscard]] const std::optional<base::Path>& selected() const { return selected_; }
  // When the last authentic request came, for consent (RFC 7675).
  [[nodiscard]] std::optional<base::TimePoint> last_request() const { return last_request_; }

 private:
  struct Identity {
    std::string ufrag;
    IntegrityKey key;
  };
  // Whose `ufrag` it is; nullptr: neither the present one nor the one before.
  [[nodiscard]] Identity* identity_of(std::string_view ufrag);

  Identity local_;
  std::optional<Identity> previous_;
  std::optional<base::Path> selected_;
  std::optional<base::TimePoint> last_request_;
};

}  // namespace parley::ice
