// Where jobs and operators find the media worker's socket.
#pragma once

#include <string>

#include "base/result.h"

namespace parley::app {

// A path nobody else uses: media.sock in parley's runtime folder, where the elements parleysrc and
// parleysink look by themselves; or, when another parleyd of this user has that one,
// media-PID.sock beside it. It is held for the life of the process. Once, by the main thread.
[[nodiscard]] base::Result<std::string> claim_tap_socket();

}  // namespace parley::app
