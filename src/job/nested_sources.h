// Keeps what comes in from naming where more is to be fetched.
//
// decodebin goes by content: whatever a stranger sends, or a file that is called .mp4, may be a
// playlist, and its lines files of this machine or hosts that nobody has checked; an SDP opens
// sockets. Where a playlist is what was asked for, its lines may be HTTP's alone, which connect()
// keeps to the checked address (pinned_network.h).
#pragma once

#include <string>

namespace parley::job {

// From now on this process fetches nothing that a stream of `kind` (see In) names, but segments of
// an hls one. After gst_init() and before any element is made.
void forbid_nested_sources(const std::string& kind);

}  // namespace parley::job
