// Checks what a bridge is to connect to, with one look at its name's addresses.
//
// The address that comes out is the one to connect to: a second look could be answered otherwise
// (DNS rebinding).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "net/target_policy.h"

namespace parley::net {

struct Target {
  std::string kind;
  std::string url;      // with its port; of a file its name, relative to `address`; of hls empty
  std::string address;  // literal, to be connected to; of a file the folder; of hls empty
  std::string host;
  std::uint16_t port = 0;
};

// Main thread only; never blocks it but for looking whether a file is there.
class Targets {
 public:
  explicit Targets(TargetRules rules, base::Duration timeout = std::chrono::seconds(5));
  // What is under way is dropped, and its Done not called.
  ~Targets();
  Targets(const Targets&) = delete;
  Targets& operator=(const Targets&) = delete;

  // `done` is called once from the main loop, never from within. kInvalid, kForbidden, kNotFound (a
  // file), kUnavailable (no address, or not in time), kBusy (too many at once): no message holds
  // more of the URL than its scheme.
  using Done = std::function<void(base::Result<Target>)>;
  void check(Direction direction, const std::string& kind, const std::string& url, Done done);
  // What can be said at once, without looking a name up: what check() would refuse for certain.
  [[nodiscard]] base::Result<void> look_at(Direction direction, const std::string& kind,
                                           const std::string& url) const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace parley::net
