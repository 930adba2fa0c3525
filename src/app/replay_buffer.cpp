#include "app/replay_buffer.h"

#include <iterator>
#include <utility>

namespace parley::app {

void ReplayBuffer::push(std::string text, const ReplayBounds& bounds) {
  ++last_;
  bytes_ += text.size();
  events_.push_back(std::move(text));
  while (!events_.empty() && (events_.size() > bounds.events || bytes_ > bounds.bytes)) pop();
}

void ReplayBuffer::pop() {
  bytes_ -= events_.front().size();
  events_.pop_front();
}

bool ReplayBuffer::reaches(std::uint64_t seq) const {
  return seq <= last_ && last_ - seq <= events_.size();
}

void ReplayBuffer::each_after(std::uint64_t seq,
                              const std::function<void(const std::string&)>& tell) const {
  const std::uint64_t known = last_ - events_.size();  // the number before the oldest kept
  auto event = events_.begin();
  if (seq > known) std::advance(event, seq - known);
  for (; event != events_.end(); ++event) tell(*event);
}

void ReplayBuffer::forget_until(std::uint64_t seq) {
  while (!events_.empty() && last_ - events_.size() < seq) pop();
}

}  // namespace parley::app
