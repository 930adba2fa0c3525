// The newest events of a session as they were sent, for a client that lost its socket.
//
// Nothing acknowledges an event, so what a client missed is known only when it comes back and says
// how far it got. What is kept is bounded; a client that missed more has to start anew.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <string>

namespace parley::app {

struct ReplayBounds {
  std::size_t events = 256;         // our choice: a group call of 50 for some seconds
  std::size_t bytes = 256UL << 10;  // our choice: some offers of such a call
};

// Thread-compatible. Takes no memory while it is empty.
class ReplayBuffer {
 public:
  // The number of the newest event, counted from 1; 0: there was none.
  [[nodiscard]] std::uint64_t last() const { return last_; }
  // Keeps the next event, and lets go of the oldest beyond `bounds`.
  void push(std::string text, const ReplayBounds& bounds);
  // Whether all events behind number `seq` are here.
  [[nodiscard]] bool reaches(std::uint64_t seq) const;
  // In order, those behind number `seq`.
  void each_after(std::uint64_t seq, const std::function<void(const std::string&)>& tell) const;
  void forget_until(std::uint64_t seq);
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  void pop();

  std::list<std::string> events_;  // oldest first
  std::uint64_t last_ = 0;
  std::size_t bytes_ = 0;  // of events_
};

}  // namespace parley::app
