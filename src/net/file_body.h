// Sends a part of a file as the body of an answer, a piece at a time.
//
// A recording has gigabytes: it is neither read into memory nor waited for. Main thread.
#pragma once

#include <libsoup/soup.h>

#include <functional>
#include <string>

#include "net/route.h"

namespace parley::net {

// `message` is paused, and goes on when there is something to send. `on_progress` is called
// whenever a piece has gone out, so that a slow reader is not taken for a dead one.
void send_file(SoupServerMessage* message, const std::string& type, const FilePart& part,
               std::function<void()> on_progress);

}  // namespace parley::net
