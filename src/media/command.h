// What control tells a media worker. Values only: no pointers, no waiting, so that a worker can
// become a process of its own. The worker knows legs and streams, never calls.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
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

// ---- jobs -----------------------------------------------------------------------------------

// How jobs name `stream`: as `owner`'s in `group`. Before its first Feed; kept until the stream is
// forgotten.
struct Name {
  StreamId stream;
  std::string group;
  std::string owner;
};
// A process that shows `secret` may tap every named stream of `group` but those of `hidden` owners,
// and feed the ports that were opened for `job`. Given again for the same job, it replaces
// `hidden`: taps of an owner who is hidden now end at once.
struct AdmitJob {
  base::JobId job;
  std::string secret;
  std::string group;
  std::set<std::string> hidden;
};
// Its connections are closed; its ports stay until CloseLeg.
struct DismissJob {
  base::JobId job;
};
// A leg whose media comes from a job's socket, as `owner` in `group`, and that receives nothing.
// It publishes the sources that are attached. Connected: the first one is attached; Silent: nothing
// has come for silent_after, or none is attached any more; Audible: media again. Ended by CloseLeg.
struct OpenPort {
  LegId leg;
  base::JobId job;
  std::string owner;
};

// ---- guests: WHIP (RFC 9725) and WHEP -------------------------------------------------------

// A leg whose peer makes the only offer. Answered with Answered, or a Verdict with an error, after
// which there is no such leg. `publishes`: the peer sends (audio is its microphone, video its
// camera); else it receives, on its m-line of each kind, the first stream it is shown that has a
// track of that kind.
struct OpenGuest {
  LegId leg;
  std::uint64_t ticket = 0;
  bool publishes = true;
  std::string sdp;
};
// application/trickle-ice-sdpfrag (RFC 8840, 9). Candidates are taken note of only: the server is
// ICE-lite. New credentials restart ICE. Answered with Patched, or a Verdict with an error.
struct PatchGuest {
  LegId leg;
  std::uint64_t ticket = 0;
  std::string fragment;
};

using Command =
    std::variant<OpenLeg, CloseLeg, Answer, Publish, Subscribe, Restart, Feed, Show, Hide, Mute,
                 Name, AdmitJob, DismissJob, OpenPort, OpenGuest, PatchGuest>;

}  // namespace parley::media
