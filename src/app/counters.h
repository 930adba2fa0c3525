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
#include "wire/wire.h"

namespace parley::app {

// Main thread only.
struct Counters {
  std::uint64_t connections = 0;                  // sessions with a socket, now
  std::uint64_t lost_connections = 0;             // sessions that may be resumed, now
  std::uint64_t live_calls = 0;                   // now
  std::uint64_t waiting_effects = 0;              // behind a commit, now
  std::uint64_t hellos = 0;                       // valid ones that began a session
  std::uint64_t resumed = 0;                      // ... that went on with one
  std::uint64_t refused_resumes = 0;              // ... that could not, and began a new one
  std::uint64_t replaced = 0;                     // sockets closed for a newer one of their session
  std::uint64_t ended_lost = 0;                   // sessions that nobody resumed in time
  std::uint64_t evicted = 0;                      // lost sessions that gave way to a new one
  std::uint64_t refused_hellos = 0;               // wrong token, or none in time
  std::map<std::string, std::uint64_t> requests;  // by kind of message
  std::map<std::string, std::uint64_t> errors;    // by code of the answer
  std::uint64_t failed_commits = 0;               // decisions released without being on disk
  std::uint64_t flooders = 0;                     // sockets closed for their message rate
  std::uint64_t withdrawn_calls = 0;              // calls whose id the store knew as taken
  std::uint64_t overloaded = 0;                   // requests refused: too much waits for the disk
  std::uint64_t texts = 0;                        // on disk
  std::uint64_t refused_texts = 0;                // by the store
  // Seconds a decision waited for the disk.
  metrics::Histogram commit_wait{{0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5}};

  void count(call::ErrorCode error) { ++errors[std::string(wire::name_of(error))]; }
};

// The word in the metrics for a request.
[[nodiscard]] std::string kind_of(const call::RequestBody& body);
[[nodiscard]] std::string kind_of(const wire::ChainList& question);
[[nodiscard]] std::string kind_of(const wire::ChainHistory& question);

[[nodiscard]] std::string metrics_page(const Counters& counters, const net::ServerStats& net,
                                       const store::StoreStats& store,
                                       const media::WorkerStats& media);

}  // namespace parley::app
