// What a media worker tells control. Values only. Events on a leg come in order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/source.h"

namespace parley::media {

// An offer for the leg's peer.
struct Offered {
  base::LegId leg;
  std::uint32_t rev = 0;
  std::string sdp;
  struct Track {
    std::string mid;
    std::string owner;  // the label given with Show
    base::Source source = base::Source::kMic;
  };
  std::vector<Track> tracks;
};
// Whether the command with `ticket` was taken. kConflict: the answer is to an older offer.
struct Verdict {
  base::LegId leg;
  std::uint64_t ticket = 0;
  std::optional<base::Error> error;
};
struct Connected {  // ICE and DTLS are up and the certificate is the announced one
  base::LegId leg;
};
struct Silent {  // nothing authentic from the peer for silent_after, or since a fresh Restart
  base::LegId leg;
};
struct Audible {  // ... and now again
  base::LegId leg;
};
struct Failed {  // the leg is of no more use; CloseLeg is still expected
  base::LegId leg;
  std::string message;
};
struct Closed {  // nothing of the leg is left: no thread, no socket, no memory
  base::LegId leg;
};
// To a guest's offer.
struct Answered {
  base::LegId leg;
  std::uint64_t ticket = 0;
  std::string sdp;
};
// `fragment`: with the server's new credentials; empty: only candidates came.
struct Patched {
  base::LegId leg;
  std::uint64_t ticket = 0;
  std::string fragment;
};

using Event =
    std::variant<Offered, Verdict, Connected, Silent, Audible, Failed, Closed, Answered, Patched>;

}  // namespace parley::media
