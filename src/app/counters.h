// What the driver counts, for /metrics.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "call/messages.h"
#include "media/worker.h"
#include "metrics/page.h"
#include "net/server.h"
#include "store/store.h"

namespace parley::app {

// Main thread only.
struct Counters {
  std::uint64_t connections = 0;                  // sessions that said a valid hello, now
  std::uint64_t live_calls = 0;                   // now
  std::uint64_t waiting_effects = 0;              // behind a commit, now
  std::uint64_t hellos = 0;                       // valid ones
  std::uint64_t refused_hellos = 0;               // wrong token, or none in time
  std::map<std::string, std::uint64_t> requests;  // by kind of message
  std::map<std::string, std::uint64_t> errors;    // by code of the answer
  std::uint64_t failed_commits = 0;               // decisions released without being on disk
  std::uint64_t flooders = 0;                     // sockets closed for their message rate
  // Seconds a decision waited for the disk.
  metrics::Histogram commit_wait{{0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5}};
};

// The word in the metrics for a request.
[[nodiscard]] std::string kind_of(const call::RequestBody& body);

[[nodiscard]] std::string metrics_page(const Counters& counters, const net::ServerStats& net,
                                       const store::StoreStats& store,
                                       const media::WorkerStats& media);

}  // namespace parley::app
