// The desk of the HTTP API: takes a request from the listener to admin::Api, what that asks to the
// call machine or the store, and their answer back.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "admin/api.h"
#include "app/driver.h"
#include "app/recordings.h"
#include "net/route.h"

namespace parley::app {

// What the desk uses of the world.
struct ApiPorts {
  std::function<base::Instant()> now;
  std::function<void(call::CommandBody, std::function<void(const Driver::Answer&)>)> command;
  std::function<std::vector<call::CallView>()> live;
  std::function<std::optional<call::CallView>(const base::CallId&)> find;
  StorePorts store;
  Recordings* recordings = nullptr;  // outlives the desk
};

// Main thread only. Must outlive what it has asked; who asked may go at any time.
class ApiDesk {
 public:
  ApiDesk(ApiPorts ports, admin::Rules rules);

  // For the listener. The desk must outlive it.
  [[nodiscard]] net::Route route(net::Access access);
  // Prometheus's text.
  [[nodiscard]] std::string metrics() const;

 private:
  using Answer = std::function<void(const admin::Response&)>;

  void serve(const net::HttpRequest& request, const net::Respond& respond);
  void ask(const admin::LiveCalls& question, const Answer& answer);
  void ask(const admin::OneCall& question, const Answer& answer);
  void ask(const admin::Ask& question, const Answer& answer);
  void ask(const admin::LiveBridges& question, const Answer& answer);
  void ask(const admin::Chains& question, const Answer& answer);
  void ask(const admin::History& question, const Answer& answer);
  void ask(const admin::Recordings& question, const Answer& answer);
  void ask(const admin::OneRecording& question, const Answer& answer);
  void ask(const admin::DeleteRecording& question, const Answer& answer);
  // Answered by its bytes, with what `respond` takes.
  void serve_file(const admin::RecordingFile& question, const net::HttpRequest& request,
                  const net::Respond& respond);
  [[nodiscard]] std::optional<admin::RecordingFile> by_ticket(
      const net::HttpRequest& request) const;
  [[nodiscard]] net::HttpResponse finish(const admin::Response& response);

  const ApiPorts ports_;
  admin::Api api_;
  std::map<unsigned, std::uint64_t> answers_;  // by status
};

}  // namespace parley::app
