#include "app/webhooks.h"

#include <algorithm>
#include <array>

#include "app/log.h"
#include "base/overloaded.h"

namespace parley::app {
namespace {

constexpr std::size_t kFetched = 256;           // at once, beyond what is known already
constexpr std::chrono::seconds kFetchAgain{5};  // after the store could not be read
// What another process put off, or there was no room for, comes up by itself.
constexpr std::chrono::seconds kLook{30};

// Who answers so has read the request, and will answer so again. Everything else may be a mistake
// that somebody mends within the day: a wrong path, a lost secret, a proxy without a server.
constexpr std::array<unsigned, 4> kRefusals = {400, 410, 413, 422};

}  // namespace

Webhooks::Webhooks(WebhookPorts ports, WebhookSettings settings)
    : ports_(std::move(ports)),
      settings_(std::move(settings)),
      queue_({.parallel = settings_.parallel, .give_up_after = settings_.give_up_after}) {}

// ---- what happens ---------------------------------------------------------------------------

void Webhooks::remember(const call::CallStarted& start) {
  if (begun_.size() >= tidy_at_) {
    std::erase_if(begun_, [this](const auto& entry) { return !ports_.lives(entry.first); });
    tidy_at_ = std::max(tidy_at_, 2 * begun_.size());
  }
  begun_[start.call] = {start.chain, start.from};
}

std::optional<admin::NoticeBody> Webhooks::notice_of(const call::Save& save) {
  using Notice = std::optional<admin::NoticeBody>;
  return std::visit(base::Overloaded{
                        [&](const call::CallStarted& start) -> Notice {
                          remember(start);
                          return start;
                        },
                        [](const call::RingsUnheard& ringing) -> Notice { return ringing; },
                        [](const call::RecordingBegan& began) -> Notice { return began; },
                        [](const call::RecordingOver& over) -> Notice { return over; },
                        [](const call::BridgeNoted& noted) -> Notice { return noted; },
                        [&](const call::CallEnded& end) -> Notice {
                          const auto begun = begun_.extract(end.call);
                          if (begun.empty()) return std::nullopt;
                          return admin::EndNotice{begun.mapped().chain, begun.mapped().from, end};
                        },
                        [](const auto&) -> Notice { return std::nullopt; },
                    },
                    save);
}

std::vector<store::Outgoing> Webhooks::store(admin::NoticeBody body) {
  if (!settings_.events.contains(admin::kind_of(body))) return {};
  const base::Instant now = ports_.now();
  const admin::Notice notice{ports_.fresh_id(), std::move(body)};
  // The store is asked for it after it has been given it.
  fetch_at_ = now.mono;
  ports_.rearm(fetch_at_);
  return {store::Outgoing{notice.id, admin::encode(notice), now.wall}};
}

std::vector<store::Outgoing> Webhooks::of_save(const call::Save& save) {
  auto notice = notice_of(save);
  return notice ? store(std::move(*notice)) : std::vector<store::Outgoing>{};
}

std::vector<store::Outgoing> Webhooks::of_text(const call::StoreText& text) {
  return text.unheard.empty() ? std::vector<store::Outgoing>{} : store(text);
}

// ---- from the store into the queue ----------------------------------------------------------

void Webhooks::start() {
  fetch_at_ = ports_.now().mono;
  ports_.rearm(fetch_at_);
}

void Webhooks::tick() {
  const base::Instant now = ports_.now();
  if (fetch_at_ && now.mono >= *fetch_at_ && !fetching_) fetch(now);
  pump(now);
}

void Webhooks::fetch(base::Instant now) {
  if (!queue_.has_room()) return;
  fetch_at_ = now.mono + kLook;
  // The first time all there are, also those that are put off: only who knows the earlier of two
  // can keep their order.
  const base::WallTime due = first_ ? base::WallTime::max() : now.wall;
  const std::size_t limit = queue_.size() + (first_ ? 4 * kFetched : kFetched);
  fetching_ = true;
  ports_.due(due, limit, [this, limit](base::Result<std::vector<store::DueOutgoing>> found) {
    fetching_ = false;
    take(std::move(found), limit);
  });
}

void Webhooks::take(base::Result<std::vector<store::DueOutgoing>> found, std::size_t limit) {
  const base::Instant now = ports_.now();
  if (!found) {
    log_debug("Webhooks wait for the store: {}", found.error().message);
    fetch_at_ = now.mono + kFetchAgain;
    return pump(now);
  }
  first_ = false;
  // Those that were put off come behind younger ones.
  std::stable_sort(found->begin(), found->end(),
                   [](const auto& a, const auto& b) { return a.message.at < b.message.at; });
  for (store::DueOutgoing& due : *found) {
    const auto envelope = admin::read_envelope(due.message.body);
    if (!envelope) {
      log_warning("A webhook in the store cannot be read, and is dropped.");
      ports_.forget(due.message.id);
      continue;
    }
    queue_.add({due.message.id, std::move(due.message.body), envelope->type, envelope->topic,
                due.message.at, envelope->until, due.attempts},
               now);
  }
  if (found->size() >= limit) fetch_at_ = now.mono;  // there may be more
  pump(now);
}

void Webhooks::pump(base::Instant now) {
  while (const auto delivery = queue_.next(now)) send(*delivery, now);
  for (const Delivery& expired : queue_.take_expired()) give_up(expired, "late", "");
  std::optional<base::TimePoint> next = queue_.deadline();
  const bool may_fetch = fetch_at_ && !fetching_ && queue_.has_room();
  if (may_fetch && (!next || *fetch_at_ < *next)) next = fetch_at_;
  ports_.rearm(next);
}

// ---- from the queue to the endpoint ---------------------------------------------------------

void Webhooks::send(const Delivery& delivery, base::Instant now) {
  const net::HttpClient::Headers headers = {
      {"Parley-Event", delivery.type},
      {"Parley-Delivery", delivery.id},
      {"Parley-Signature", admin::sign(delivery.body, now.wall, settings_.secrets)},
  };
  ports_.post(settings_.url, headers, delivery.body,
              [this, delivery](const base::Result<net::HttpAnswer>& answer) {
                finish(delivery, answer);
                pump(ports_.now());
              });
}

void Webhooks::finish(const Delivery& delivery, const base::Result<net::HttpAnswer>& answer) {
  const base::Instant now = ports_.now();
  const bool was_down = queue_.down();
  if (!answer) {
    retry(delivery, answer.error().message, {});
  } else if (answer->status >= 200 && answer->status < 300) {
    ++delivered_;
    delay_.add(std::chrono::duration<double>(now.wall - delivery.at).count());
    ports_.forget(delivery.id);
    queue_.delivered(delivery.id, now);
  } else if (std::count(kRefusals.begin(), kRefusals.end(), answer->status) > 0) {
    queue_.refused(delivery.id, now);
    give_up(delivery, "refused", fmt::format("it was answered with {}", answer->status));
  } else {
    retry(delivery, fmt::format("it was answered with {}", answer->status), answer->retry_after);
  }
  if (was_down && !queue_.down())
    log_info("Webhooks reach {} again; {} wait.", net::redacted(settings_.url), queue_.size());
  if (!was_down && queue_.down())
    log_warning("Webhooks do not reach {}; they are kept and tried again.",
                net::redacted(settings_.url));
}

void Webhooks::retry(const Delivery& delivery, const std::string& why, base::Duration at_least) {
  ++failed_attempts_;
  log_debug("webhook {} failed: {}", delivery.id, why);
  const auto again = queue_.failed(delivery.id, ports_.jitter(), at_least, ports_.now());
  if (again)
    ports_.put_off(delivery.id, *again);
  else
    give_up(delivery, "late", why);
}

void Webhooks::give_up(const Delivery& delivery, const char* reason, const std::string& why) {
  ++given_up_[reason];
  log_warning("Webhook {} ({}) is given up after {} attempts{}{}.", delivery.id, delivery.type,
              delivery.attempts + (why.empty() ? 0 : 1), why.empty() ? "" : ": ", why);
  ports_.forget(delivery.id);
}

std::string Webhooks::metrics() const {
  metrics::Page page;
  page.gauge("parley_webhooks_waiting", "Webhooks in memory that are not delivered yet.",
             static_cast<double>(queue_.size()));
  page.gauge("parley_webhooks_down", "1 while no webhook reaches its endpoint.",
             queue_.down() ? 1 : 0);
  page.counter("parley_webhooks_delivered_total", "Webhooks delivered.",
               static_cast<double>(delivered_));
  page.counter("parley_webhook_failures_total", "Attempts to deliver that failed.",
               static_cast<double>(failed_attempts_));
  for (const char* reason : {"late", "refused"}) {
    const auto n = given_up_.find(reason);
    page.counter("parley_webhooks_given_up_total", "Webhooks that were not delivered.",
                 n == given_up_.end() ? 0 : static_cast<double>(n->second), {{"reason", reason}});
  }
  page.histogram("parley_webhook_delay_seconds",
                 "From what happened until the endpoint had taken it.", delay_);
  return page.text();
}

}  // namespace parley::app
