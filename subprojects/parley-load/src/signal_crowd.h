// Devices that come online together, not faster than a server takes them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "event_loop.h"
#include "signal_device.h"
#include "signal_load.h"

namespace parley::load {

class Crowd {
 public:
  using OnMessage = std::function<void(SignalDevice&, std::string_view, std::string_view)>;

  explicit Crowd(const SignalOptions& options, TokenSource& tokens)
      : options_(options), tokens_(tokens) {}

  // To be connected by connect_all().
  SignalDevice& add(const std::string& user, OnMessage on_message);
  // Until everybody is online; false, with the reason in problem(), when somebody is not after a
  // minute or was refused.
  [[nodiscard]] bool connect_all();
  // Serves them for so long, or until `done`; `each_round` is called in between.
  void run(double seconds, const std::function<void()>& each_round = nullptr,
           const std::function<bool()>& done = nullptr);
  // The first trouble that any of them had; empty: none.
  [[nodiscard]] std::string problem() const;

 private:
  const SignalOptions& options_;
  TokenSource& tokens_;
  EventLoop loop_;
  std::vector<std::unique_ptr<SignalDevice>> devices_;
  std::string problem_;
};

}  // namespace parley::load
