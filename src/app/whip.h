// The desk of WHIP and WHEP: takes a request from the listener to admin::GuestDoor, what that asks
// to the call machine, and the answer back, with what a page of another origin may see of it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "admin/whip.h"
#include "app/driver.h"
#include "net/route.h"

namespace parley::app {

// What the desk uses of the world.
struct WhipPorts {
  std::function<base::Instant()> now;
  std::function<void(call::CommandBody, std::function<void(const Driver::Answer&)>)> command;
};

// Main thread only. Must outlive what it has asked; who asked may go at any time.
class WhipDesk {
 public:
  // `origins`: of pages that may use it, besides the server's own, as for WebSockets.
  WhipDesk(WhipPorts ports, admin::GuestRules rules, std::vector<std::string> origins);

  // For the listener, one for each prefix. The desk must outlive it.
  [[nodiscard]] std::vector<net::Route> routes();
  // Prometheus's text.
  [[nodiscard]] std::string metrics() const;

 private:
  void serve(const net::HttpRequest& request, const net::Respond& respond);
  [[nodiscard]] net::HttpResponse finish(const admin::Response& response,
                                         const net::HttpRequest* request);

  const WhipPorts ports_;
  admin::GuestDoor door_;
  const std::vector<std::string> origins_;
  std::map<unsigned, std::uint64_t> answers_;  // by status
};

}  // namespace parley::app
