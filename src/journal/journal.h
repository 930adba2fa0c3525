// The journal of a machine: everything that enters it, and what came of it, in a file that can be
// replayed elsewhere. It holds names of users and devices, but no token, no session description
// and no text (see hidden.h).
//
// The file has a thread of its own that writes, so that a slow disk holds nobody up.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "call/machine.h"

namespace parley::journal {

// Owned by the thread that owns the machine.
class Journal {
 public:
  // Why it stopped before its end, as a sentence: it is full, or the disk failed. Said once, from
  // within handle(); the machine goes on without a journal.
  using Stopped = std::function<void(const std::string& why)>;

  // Begins a new file, readable by the owner alone; one that is there becomes PATH.1. kUnavailable:
  // the path and the system's reason. `limits` are the machine's, which must be fresh.
  [[nodiscard]] static base::Result<std::unique_ptr<Journal>> open(const std::string& path,
                                                                   std::uint64_t max_bytes,
                                                                   const call::Limits& limits,
                                                                   Stopped stopped);
  // Marks the end, and waits until all is written.
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // machine.handle(), written down.
  [[nodiscard]] std::vector<call::Effect> handle(call::Machine& machine, const call::Input& input,
                                                 base::Instant now);

 private:
  class Impl;
  explicit Journal(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace parley::journal
