#include "app/webhooks_queue.h"

#include <algorithm>

namespace parley::app {
namespace {

// Enough for seconds to become months; many more would overflow.
constexpr int kMostDoublings = 24;

}  // namespace

void WebhookQueue::add(Delivery delivery, base::Instant now) {
  const auto [entry, fresh] = items_.try_emplace(delivery.id);
  if (!fresh) return;
  Item& item = entry->second;
  item.number = next_number_++;
  item.due = now.mono;
  item.delivery = std::move(delivery);
  auto& topic = topics_[item.delivery.topic];
  topic.push_back(item.delivery.id);
  if (topic.size() == 1) make_ready(item);
}

std::optional<WebhookQueue::Due> WebhookQueue::candidate(base::TimePoint now) const {
  if (ready_.empty()) return std::nullopt;
  const Due& first = ready_.begin()->first;
  // While it is down, what is due first stands for all of them.
  const bool may =
      down() ? flying_ == 0 && now >= probe_at_ : flying_ < policy_.parallel && now >= first.first;
  return may ? std::optional(first) : std::nullopt;
}

std::optional<Delivery> WebhookQueue::next(base::Instant now) {
  while (const auto due = candidate(now.mono)) {
    const std::string id = ready_.at(*due);
    Item& item = items_.at(id);
    if (item.delivery.until && now.wall > *item.delivery.until) {
      expired_.push_back(remove(id));
      continue;
    }
    ready_.erase(*due);
    item.flying = true;
    ++flying_;
    return item.delivery;
  }
  return std::nullopt;
}

Delivery WebhookQueue::remove(const std::string& id) {
  auto node = items_.extract(id);
  Item& item = node.mapped();
  if (item.flying)
    --flying_;
  else
    ready_.erase({item.due, item.number});
  const auto topic = topics_.find(item.delivery.topic);
  topic->second.pop_front();  // only the first of a topic is ever looked at
  if (topic->second.empty())
    topics_.erase(topic);
  else
    make_ready(items_.at(topic->second.front()));
  return std::move(item.delivery);
}

void WebhookQueue::reached(base::Instant now) {
  const bool was_down = down();
  failures_ = 0;
  if (!was_down) return;
  std::map<Due, std::string> ready;
  for (const auto& [due, id] : ready_) {
    Item& item = items_.at(id);
    item.due = std::min(item.due, now.mono);
    ready.emplace(Due{item.due, item.number}, id);
  }
  ready_ = std::move(ready);
}

void WebhookQueue::delivered(const std::string& id, base::Instant now) {
  if (!items_.contains(id)) return;
  remove(id);
  reached(now);
}

void WebhookQueue::refused(const std::string& id, base::Instant now) { delivered(id, now); }

base::Duration WebhookQueue::wait(int times, base::Duration longest, double jitter) const {
  const int doublings = std::clamp(times - 1, 0, kMostDoublings);
  const base::Duration whole =
      std::min(longest, policy_.first_wait * (std::int64_t{1} << doublings));
  // From half of it to all of it, so that those who failed together do not come back together.
  return base::Duration(static_cast<std::int64_t>(static_cast<double>(whole.count()) *
                                                  (0.5 + std::clamp(jitter, 0.0, 1.0) / 2)));
}

std::optional<base::WallTime> WebhookQueue::failed(const std::string& id, double jitter,
                                                   base::Duration at_least, base::Instant now) {
  const auto found = items_.find(id);
  if (found == items_.end()) return std::nullopt;
  Item& item = found->second;
  ++failures_;
  if (down())
    probe_at_ = now.mono +
                wait(failures_ - policy_.failures_to_down + 1, policy_.longest_probe_wait, jitter);
  ++item.delivery.attempts;
  const base::Duration pause = std::max(wait(item.delivery.attempts, policy_.longest_wait, jitter),
                                        std::min(at_least, policy_.longest_wait));
  const auto again = now.wall + std::chrono::duration_cast<std::chrono::milliseconds>(pause);
  const auto end = item.delivery.at +
                   std::chrono::duration_cast<std::chrono::milliseconds>(policy_.give_up_after);
  if (again > std::min(end, item.delivery.until.value_or(end))) {
    remove(id);
    return std::nullopt;
  }
  item.flying = false;
  --flying_;
  item.due = now.mono + pause;
  make_ready(item);
  return again;
}

std::optional<base::TimePoint> WebhookQueue::deadline() const {
  if (ready_.empty()) return std::nullopt;
  if (down()) return flying_ == 0 ? std::optional(probe_at_) : std::nullopt;
  if (flying_ >= policy_.parallel) return std::nullopt;
  return ready_.begin()->first.first;
}

}  // namespace parley::app
