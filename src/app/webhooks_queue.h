// Which webhook is sent next, and when one that failed is tried again. Pure: time is an argument.
//
// Of two with the same topic the earlier goes first, and the later waits until it is delivered or
// given up. One that fails waits longer each time. When nothing gets through any more, the endpoint
// counts as down: then one at a time is sent to find out whether it is back, and as soon as one
// has got through, all that waited are due.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"

namespace parley::app {

struct QueuePolicy {
  std::size_t parallel = 4;
  base::Duration give_up_after = std::chrono::hours(24);  // from when it happened
  base::Duration first_wait = std::chrono::seconds(1);    // twice as long each time
  base::Duration longest_wait = std::chrono::hours(1);
  int failures_to_down = 5;  // in a row, whichever message
  base::Duration longest_probe_wait = std::chrono::seconds(30);
  std::size_t kept = 1000;  // in memory; the others wait in the store
};

struct Delivery {
  std::string id;
  std::string body;
  std::string type;
  std::string topic;
  base::WallTime at;
  std::optional<base::WallTime> until;  // of no use later
  int attempts = 0;                     // that failed so far
};

// Not thread-safe.
class WebhookQueue {
 public:
  explicit WebhookQueue(QueuePolicy policy) : policy_(policy) {}

  [[nodiscard]] bool has_room() const { return items_.size() < policy_.kept; }
  [[nodiscard]] std::size_t size() const { return items_.size(); }
  [[nodiscard]] bool down() const { return failures_ >= policy_.failures_to_down; }

  // Takes it in unless it is here already. In the order in which they happened.
  void add(Delivery delivery, base::Instant now);

  // One that is to be sent now; it is on its way until one of the three below is told of it. What
  // is of no use any more is taken out on the way: see take_expired().
  [[nodiscard]] std::optional<Delivery> next(base::Instant now);
  [[nodiscard]] std::vector<Delivery> take_expired() { return std::exchange(expired_, {}); }

  void delivered(const std::string& id, base::Instant now);
  // The endpoint has read it and will never take it.
  void refused(const std::string& id, base::Instant now);
  // When it is to be tried again; nullopt: it is given up, and gone from here. `jitter`: from 0 up
  // to 1. `at_least`: what the endpoint has asked for.
  [[nodiscard]] std::optional<base::WallTime> failed(const std::string& id, double jitter,
                                                     base::Duration at_least, base::Instant now);

  // When to ask next() again, if nothing else comes first.
  [[nodiscard]] std::optional<base::TimePoint> deadline() const;

 private:
  struct Item {
    Delivery delivery;
    std::uint64_t number = 0;  // of arrival: breaks ties
    base::TimePoint due;
    bool flying = false;
  };
  using Due = std::pair<base::TimePoint, std::uint64_t>;

  [[nodiscard]] base::Duration wait(int times, base::Duration longest, double jitter) const;
  [[nodiscard]] std::optional<Due> candidate(base::TimePoint now) const;
  void make_ready(Item& item) { ready_.emplace(Due{item.due, item.number}, item.delivery.id); }
  Delivery remove(const std::string& id);
  void reached(base::Instant now);

  const QueuePolicy policy_;
  std::uint64_t next_number_ = 1;
  std::map<std::string, Item> items_;
  // Ids, in order; the first of each is ready or on its way.
  std::map<std::string, std::deque<std::string>> topics_;
  std::map<Due, std::string> ready_;
  std::vector<Delivery> expired_;
  std::size_t flying_ = 0;
  int failures_ = 0;  // in a row
  base::TimePoint probe_at_;
};

}  // namespace parley::app
