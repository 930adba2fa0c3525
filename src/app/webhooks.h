// Tells the application's server what happens, by HTTP POST (docs/HTTP-API.md, "Webhooks").
//
// What is to be told is stored in the same transaction as what it is about, so that neither can be
// without the other; it is read back and sent when that is on disk. Nothing waits for it here.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "admin/notices.h"
#include "app/webhooks_queue.h"
#include "base/result.h"
#include "base/time.h"
#include "call/machine.h"
#include "metrics/page.h"
#include "net/http_client.h"
#include "store/store.h"

namespace parley::app {

struct WebhookSettings {
  std::string url;                   // empty: nothing is told
  std::vector<std::string> secrets;  // each signs; at least one
  std::set<admin::NoticeKind> events = {
      admin::NoticeKind::kCallUnheard, admin::NoticeKind::kCallStarted,
      admin::NoticeKind::kCallEnded, admin::NoticeKind::kTextUnheard};
  std::string ca_file;  // authorities believed instead of the system's
  base::Duration timeout = std::chrono::seconds(10);
  std::size_t parallel = 4;
  base::Duration give_up_after = std::chrono::hours(24);
};

// What it uses of the world. `due`, `forget` and `put_off` are the store's.
struct WebhookPorts {
  std::function<base::Instant()> now;
  std::function<std::string()> fresh_id;
  std::function<double()> jitter;  // from 0 up to 1
  std::function<void(const std::string& url, const net::HttpClient::Headers&,
                     const std::string& body, net::HttpClient::Done)>
      post;
  std::function<void(base::WallTime now, std::size_t limit,
                     std::function<void(base::Result<std::vector<store::DueOutgoing>>)>)>
      due;
  std::function<void(const std::string& id)> forget;
  std::function<void(const std::string& id, base::WallTime next)> put_off;
  std::function<bool(const base::CallId&)> lives;
  // When to call tick().
  std::function<void(std::optional<base::TimePoint>)> rearm;
};

// Main thread only. Must outlive what it has asked of the store.
class Webhooks {
 public:
  Webhooks(WebhookPorts ports, WebhookSettings settings);

  // What is to be stored together with these.
  [[nodiscard]] std::vector<store::Outgoing> of_save(const call::Save& save);
  [[nodiscard]] std::vector<store::Outgoing> of_text(const call::StoreText& text);

  // Goes on with what an earlier process has left.
  void start();
  void tick();
  // Prometheus's text.
  [[nodiscard]] std::string metrics() const;

 private:
  // What a call's end is told with.
  struct Begun {
    base::ChainId chain;
    base::ProfileId from;
  };

  void remember(const call::CallStarted& start);
  [[nodiscard]] std::vector<store::Outgoing> store(admin::NoticeBody body);
  [[nodiscard]] std::optional<admin::NoticeBody> notice_of(const call::Save& save);
  void fetch(base::Instant now);
  void take(base::Result<std::vector<store::DueOutgoing>> found, std::size_t limit);
  void pump(base::Instant now);
  void send(const Delivery& delivery, base::Instant now);
  void finish(const Delivery& delivery, const base::Result<net::HttpAnswer>& answer);
  void retry(const Delivery& delivery, const std::string& why, base::Duration at_least);
  void give_up(const Delivery& delivery, const char* reason, const std::string& why);

  const WebhookPorts ports_;
  const WebhookSettings settings_;
  WebhookQueue queue_;
  std::map<base::CallId, Begun> begun_;  // calls that live, and some that the store did not take
  std::size_t tidy_at_ = 1000;           // of them
  std::optional<base::TimePoint> fetch_at_;
  bool fetching_ = false;
  bool first_ = true;
  std::uint64_t delivered_ = 0;
  std::uint64_t failed_attempts_ = 0;
  std::map<std::string, std::uint64_t> given_up_;  // by reason
  // From what happened until the endpoint has it.
  metrics::Histogram delay_{{0.01, 0.05, 0.1, 0.5, 1, 5, 30, 300, 3600}};
};

}  // namespace parley::app
