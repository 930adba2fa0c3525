// A media worker: the legs pinned to it, their webrtcbins, and the packet path between them.
//
// One control thread (webrtcbins), one I/O thread (socket, ICE, SRTP, routing), one reaper (legs on
// their way to NULL), one UDP port. docs/THREADS.md has the rules.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "media/command.h"
#include "media/event.h"

namespace parley::media {

struct WorkerConfig {
  std::uint16_t udp_port = 0;                 // 0: any free port
  std::vector<std::string> listen;            // literal addresses; empty: the wildcard, v4 and v6
  std::vector<std::string> announced_ips;     // literal; offered in place of the interfaces' (NAT)
  std::chrono::milliseconds consent{30'000};  // RFC 7675, 5.1: sent to after its last check
  std::chrono::milliseconds silent_after{10'000};  // above the 6 s between Firefox's ICE checks
  // How long others keep the tracks of a participant who went over to another leg that does not
  // publish them (yet): somebody there may have to allow the microphone.
  std::chrono::milliseconds kept_after_switch{15'000};
  // Path of the Unix socket that jobs connect to; empty: none. Its folder is made with mode 0700. A
  // process of the server's own user that shows the secret in the file beside it (".key", mode
  // 0600, new at each start) may tap every group, which is how an operator tries a pipeline by
  // hand.
  std::string tap_socket;
  std::chrono::milliseconds reaper_watchdog{10'000};
  // The end of a worker waits for pipelines as long as one is done in this time.
  std::chrono::milliseconds shutdown_stall{2'000};
};

// Counters since start, and gauges. Read by any thread at any time.
struct WorkerStats {
  std::uint64_t packets_in = 0;
  std::uint64_t packets_out = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t auth_failures = 0;  // SRTP, SRTCP or STUN integrity
  std::uint64_t replays = 0;
  std::uint64_t malformed = 0;
  std::uint64_t send_drops = 0;         // the kernel had no room
  std::uint64_t keyframe_requests = 0;  // PLIs sent to publishers
  std::uint64_t nacked = 0;             // packets asked for again, each time
  std::uint64_t fingerprint_mismatches = 0;
  std::uint64_t tap_packets = 0;      // given to jobs
  std::uint64_t tap_drops = 0;        // a job did not read in time
  std::uint64_t injected = 0;         // packets that jobs made
  std::uint64_t injected_drops = 0;   // ... more than one may send
  std::uint64_t job_connections = 0;  // open now
  std::uint64_t legs = 0;             // open now
  std::uint64_t legs_reaping = 0;     // on their way to NULL
  std::uint64_t reaper_stuck = 0;     // beyond the watchdog
};

class Worker {
 public:
  // `on_event` is called on the worker's control thread: post and return.
  [[nodiscard]] static base::Result<std::unique_ptr<Worker>> start(
      WorkerConfig config, std::function<void(Event)> on_event);
  // Ends every leg and joins its threads. Not from on_event.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Any thread; never blocks.
  void post(Command command);
  [[nodiscard]] WorkerStats stats() const;
  [[nodiscard]] std::uint16_t udp_port() const;

 private:
  class Impl;
  explicit Worker(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace parley::media
