// The offers that real browsers were asked to answer; tests/sdp/data holds what they said, as
// <browser>-<scenario>-<step>.sdp. capture/capture.py asks them again.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sdp/leg_session.h"
#include "sdp/peer.h"

namespace parley::test {

struct Scenario {
  const char* name;
  // What happens before each offer; as many offers as steps.
  std::vector<std::function<void(sdp::LegSession&)>> steps;
};

inline void join(sdp::LegSession& session, std::uint64_t stream) {
  for (const base::Source source : {base::Source::kMic, base::Source::kCamera}) {
    const auto ssrc = static_cast<std::uint32_t>(stream * 10 + (source == base::Source::kMic));
    (void)session.add_track(key(stream, source), "p" + std::to_string(stream), ssrc);
  }
}

inline void leave(sdp::LegSession& session, std::uint64_t stream) {
  session.remove_track(key(stream, base::Source::kMic));
  session.remove_track(key(stream, base::Source::kCamera));
}

inline std::vector<Scenario> scenarios() {
  const auto publish = [](sdp::LegSession& session) {
    session.set_published({base::Source::kMic, base::Source::kCamera});
  };
  return {
      {"publish", {publish}},
      // Three others come, one leaves and another takes the lines, with a screen of our own.
      {"group",
       {publish,
        [](sdp::LegSession& session) {
          for (std::uint64_t stream = 1; stream <= 3; ++stream) join(session, stream);
        },
        [](sdp::LegSession& session) { leave(session, 2); },
        [](sdp::LegSession& session) {
          join(session, 4);
          session.set_published({base::Source::kMic, base::Source::kCamera, base::Source::kScreen,
                                 base::Source::kScreenAudio});
        }}},
      // The page stops its video transceivers.
      {"novideo", {publish, [](sdp::LegSession& session) { join(session, 1); }}},
      // Nothing is sent.
      {"listen", {[](sdp::LegSession& session) { join(session, 1); }}},
      {"large", {[](sdp::LegSession& session) {
         for (std::uint64_t stream = 1; stream <= 49; ++stream) join(session, stream);
       }}},
  };
}

}  // namespace parley::test
