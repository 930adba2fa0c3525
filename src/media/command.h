// What control tells a media worker. Values only: no pointers, no waiting, so that a worker can
// become a process of its own. The worker knows legs and streams, never calls.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/source.h"

namespace parley::media {

using base::LegId;
using base::StreamId;

// Makes a leg and sends its first offer (Offered).
struct OpenLeg {
  LegId leg;
};
// Ends a leg; Closed follows when nothing of it is left.
struct CloseLeg {
  LegId leg;
};
// The peer's answer to offer `rev`. `ticket` comes back in the Verdict.
struct Answer {
  LegId leg;
  std::uint64_t ticket = 0;
  std::uint32_t rev = 0;
  std::string sdp;
};
// What the peer of `leg` has to send from now on; replaces what was said before.
struct Publish {
  LegId leg;
  std::uint64_t ticket = 0;
  std::vector<base::Source> sources;
};
// A wish of `leg` about one track it receives.
struct Subscribe {
  LegId leg;
  std::uint64_t ticket = 0;
  struct Track {
    std::string owner;  // the label given with Show
    base::Source source = base::Source::kCamera;
    std::optional<bool> paused;
    std::optional<std::uint32_t> max_height;
    std::optional<std::uint32_t> priority;
  };
  std::vector<Track> tracks;
};
// New ICE credentials and a new offer; fresh: a new DTLS association and PeerConnection as well.
struct Restart {
  LegId leg;
  std::uint64_t ticket = 0;
  bool fresh = false;
};
// `leg` feeds `stream` from now on; nullopt: nobody does.
struct Feed {
  StreamId stream;
  std::optional<LegId> leg;
};
// `leg` receives every track of `stream`, labelled `owner` in its offers.
struct Show {
  LegId leg;
  StreamId stream;
  std::string owner;
};
struct Hide {
  LegId leg;
  StreamId stream;
};
// Nothing of a muted microphone or camera is forwarded, whatever the peer sends.
struct Mute {
  StreamId stream;
  bool audio_muted = false;
  bool video_muted = false;
};

using Command =
    std::variant<OpenLeg, CloseLeg, Answer, Publish, Subscribe, Restart, Feed, Show, Hide, Mute>;

}  // namespace parley::media
