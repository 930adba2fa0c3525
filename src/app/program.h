// The running server: the rooms, joined, and the main loop that drives them.
#pragma once

#include <memory>

#include "app/config.h"
#include "base/result.h"

namespace parley::app {

// Main thread only.
class Program {
 public:
  // Starts everything `config` says, with nothing left open (fill_in()). Errors say what to change.
  [[nodiscard]] static base::Result<std::unique_ptr<Program>> start(const Config& config);
  // Takes everything down: sockets, then the store (which commits what it was given), then media.
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // Until stop() or a signal that ends programs; calls have ended and connections been told then.
  void run();
  [[nodiscard]] std::uint16_t http_port() const;

 private:
  class Impl;
  explicit Program(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace parley::app
