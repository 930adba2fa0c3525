// Has files of recordings looked at by a process of its own: what was cut off, and what strangers
// sent, is no matter for a parser in the server.
//
// Main thread only; never waits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"

namespace parley::app {

struct Measured {
  std::string file;
  bool plays = false;
  std::int64_t start_ms = 0;
  std::int64_t duration_ms = 0;
  std::uint64_t bytes = 0;
};

// So many look at a time; the others wait for their turn. Our choice: one is busy with a disk and a
// processor, and calls are more urgent.
inline constexpr std::size_t kVerifiersAtATime = 2;

// `program` is parley-job. kUnavailable: it did not say.
void verify_in_child(const std::string& program, const std::string& folder,
                     std::function<void(base::Result<std::vector<Measured>>)> done);

}  // namespace parley::app
