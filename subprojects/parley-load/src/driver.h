// How a participant talks to one kind of server. Implement Driver and add a line to driver.cpp.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace parley::load {

class Participant;

// One instance per participant; called on the event loop's thread.
class Driver {
 public:
  Driver() = default;
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;
  virtual ~Driver() = default;

  [[nodiscard]] virtual std::string sub_protocol() const { return ""; }
  virtual void on_open() = 0;  // the WebSocket is open: join
  virtual void on_text(const std::string& text) = 0;
  virtual void on_tick(std::uint64_t /*now_ns*/) {}  // each 20 ms or so
  virtual void leave() = 0;
};

[[nodiscard]] std::vector<std::string> driver_names();
// Null when there is none of this name.
[[nodiscard]] std::unique_ptr<Driver> make_driver(const std::string& name,
                                                  Participant& participant);

[[nodiscard]] std::unique_ptr<Driver> make_generic_driver(Participant& participant);
[[nodiscard]] std::unique_ptr<Driver> make_janus_driver(Participant& participant);
[[nodiscard]] std::unique_ptr<Driver> make_parley_driver(Participant& participant);

}  // namespace parley::load
