#include "signal_crowd.h"

#include <algorithm>
#include <utility>

#include "base.h"

namespace parley::load {
namespace {

// Connections on their way at a time: below the usual backlog of a listening socket.
constexpr std::size_t kOnTheirWay = 100;
constexpr double kConnectSeconds = 60;
// Each with 28,000 ports of its own (the kernel's default), and a server's limits on one address.
constexpr std::size_t kPerAddress = 500;

// 127.1.0.1, 127.1.0.2, …
std::string source_of(std::size_t index) {
  const std::size_t address = index / kPerAddress;
  return "127.1." + std::to_string(address / 250) + "." + std::to_string(1 + address % 250);
}

}  // namespace

SignalDevice& Crowd::add(const std::string& user, OnMessage on_message) {
  devices_.push_back(std::make_unique<SignalDevice>(loop_, user, std::move(on_message)));
  return *devices_.back();
}

bool Crowd::connect_all() {
  std::size_t begun = 0;
  std::size_t online = 0;
  const std::uint64_t limit = monotonic_ns() + seconds_to_ns(kConnectSeconds);
  while (online < devices_.size() && monotonic_ns() < limit) {
    for (; begun < devices_.size() && begun - online < kOnTheirWay; ++begun) {
      std::string token;
      if (!tokens_.token_for(devices_[begun]->user(), token, problem_)) return false;
      if (!devices_[begun]->connect_to(options_.url, token, source_of(begun))) {
        problem_ = "cannot connect from " + source_of(begun);
        return false;
      }
    }
    loop_.poll(10 * kMilliNs);
    // They come online nearly in order.
    while (online < begun && devices_[online]->state() == SignalDevice::State::kOnline) ++online;
    if (online < begun && devices_[online]->state() == SignalDevice::State::kFailed) break;
  }
  if (online == devices_.size()) return true;
  problem_ = problem();
  if (problem_.empty()) problem_ = "not everybody came online within a minute";
  return false;
}

void Crowd::run(double seconds, const std::function<void()>& each_round,
                const std::function<bool()>& done) {
  const std::uint64_t end = monotonic_ns() + seconds_to_ns(seconds);
  while (monotonic_ns() < end && !(done && done())) {
    if (each_round) each_round();
    loop_.poll(each_round ? kMilliNs / 2 : 20 * kMilliNs);
  }
}

std::string Crowd::problem() const {
  if (!problem_.empty()) return problem_;
  for (const auto& device : devices_)
    if (device->state() == SignalDevice::State::kFailed)
      return device->user() + ": " + device->trouble();
  return {};
}

}  // namespace parley::load
