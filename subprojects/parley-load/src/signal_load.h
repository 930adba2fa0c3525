// The loads of parley-signals: idle connections, and calls without media.
#pragma once

#include <string>
#include <vector>

#include "event_loop.h"
#include "json.h"
#include "token_source.h"
#include "web_socket.h"

namespace parley::load {

struct SignalOptions {
  std::string mode;  // "idle" or "calls"
  WebSocketUrl url;
  int connections = 10'000;  // idle
  int pairs = 64;            // calls: a caller, and a callee with two devices, each
  double rate = 0;           // calls: begun in a second; 0: each pair's next when its last is over
  double duration_s = 10;
  double settle_s = 2;
  std::vector<int> server_pids;
};

// The result as JSON; "problem" is a member where something went wrong, and says what.
[[nodiscard]] Json run_idle(const SignalOptions& options, TokenSource& tokens);
[[nodiscard]] Json run_calls(const SignalOptions& options, TokenSource& tokens);

}  // namespace parley::load
