#include "app/webhooks.h"

#include <deque>
#include <string>
#include <vector>

#include "support/check_main.h"

using namespace parley;
using namespace parley::app;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

void same(const std::string& got, const std::string& expected) {
  ck_assert_msg(got == expected, "'%s' instead of '%s'", got.c_str(), expected.c_str());
}

// A store of paper, an endpoint that answers when it is told to, and a clock.
struct World {
  base::Instant now{base::TimePoint(std::chrono::hours(5)),
                    base::WallTime(std::chrono::hours(1000))};
  std::vector<store::DueOutgoing> stored;
  std::map<std::string, base::WallTime> put_off;
  bool disk = true;
  struct Posted {
    net::HttpClient::Headers headers;
    std::string body;
    net::HttpClient::Done done;
  };
  std::deque<Posted> posted;
  std::optional<base::TimePoint> alarm;
  std::deque<std::function<void()>> answers;  // of the store, on their way
  int ids = 0;
  int lookups = 0;
  std::unique_ptr<Webhooks> webhooks;

  explicit World(WebhookSettings settings = {}) {
    settings.url = "https://app.example/hook";
    settings.secrets = {"secret"};
    webhooks = std::make_unique<Webhooks>(ports(), settings);
  }
  WebhookPorts ports() {
    return {
        .now = [this] { return now; },
        .fresh_id = [this] { return "id" + std::to_string(++ids); },
        .jitter = [] { return 1.0; },
        .post =
            [this](const std::string&, const net::HttpClient::Headers& headers,
                   const std::string& body, net::HttpClient::Done done) {
              posted.push_back({headers, body, done});
            },
        .due = [this](base::WallTime at, std::size_t limit,
                      auto done) { look_up(at, limit, done); },
        .forget =
            [this](const std::string& id) {
              std::erase_if(stored, [&](const auto& due) { return due.message.id == id; });
            },
        .put_off = [this](const std::string& id, base::WallTime next) { put_off[id] = next; },
        .lives = [](const base::CallId&) { return false; },
        .rearm = [this](std::optional<base::TimePoint> when) { alarm = when; },
    };
  }
  void look_up(base::WallTime at, std::size_t limit,
               std::function<void(base::Result<std::vector<store::DueOutgoing>>)> done) {
    ++lookups;
    if (!disk) {
      answers.emplace_back([done] {
        done(tl::unexpected(base::Error{base::Code::kUnavailable, "no disk"}));
      });
      return;
    }
    std::vector<store::DueOutgoing> due;
    for (const auto& one : stored)
      if (!put_off.contains(one.message.id) || put_off[one.message.id] <= at)
        if (due.size() < limit) due.push_back(one);
    answers.emplace_back([done, due] { done(due); });
  }
  void keep(std::vector<store::Outgoing> outgoing) {
    for (auto& one : outgoing) stored.push_back({std::move(one), 0});
  }
  void text(const std::string& id) {
    call::StoreText text;
    text.text = {
        base::RequestId(id), base::ChainId("k-" + id), {}, base::ProfileId("a"), "x", now.wall};
    text.unheard = {base::ProfileId("b")};
    keep(webhooks->of_text(text));
  }
  // Lets `time` pass, with everything that happens meanwhile.
  void pass(base::Duration time) {
    const auto end = now.mono + time;
    while (true) {
      while (!answers.empty()) {
        const auto answer = answers.front();
        answers.pop_front();
        answer();
      }
      if (!alarm || *alarm > end) break;
      const auto step = std::max(base::Duration(0), *alarm - now.mono);
      now.mono += step;
      now.wall += std::chrono::duration_cast<milliseconds>(step);
      alarm.reset();
      webhooks->tick();
    }
    now.wall += std::chrono::duration_cast<milliseconds>(end - now.mono);
    now.mono = end;
  }
  void answer(base::Result<net::HttpAnswer> answer) {
    ck_assert(!posted.empty());
    const Posted first = posted.front();
    posted.pop_front();
    first.done(std::move(answer));
  }
};

call::CallStarted started(const std::string& id, base::WallTime at) {
  return {
      base::CallId(id), base::ChainId("k"), base::ProfileId("a"), {base::ProfileId("b")}, {}, at};
}
call::CallEnded ended(const std::string& id, base::WallTime at) {
  return {base::CallId(id), call::Outcome::kMissed, 0, {}, at};
}

}  // namespace

START_TEST(sends_only_what_is_on_disk) {
  World w;
  (void)w.webhooks->of_save(started("c", w.now.wall));  // the store refuses it
  w.pass(seconds(1));
  ck_assert(w.posted.empty());
  w.text("t");
  w.pass(seconds(1));
  ck_assert_uint_eq(w.posted.size(), 1);
  ck_assert(w.posted[0].body.find("\"textId\":\"t\"") != std::string::npos);
  w.answer(net::HttpAnswer{200});
  ck_assert(w.stored.empty());
  w.pass(seconds(100));
  ck_assert(w.posted.empty());
}
END_TEST

START_TEST(tells_of_the_end_of_a_call_whose_it_was) {
  World w;
  w.keep(w.webhooks->of_save(started("c", w.now.wall)));
  w.keep(w.webhooks->of_save(ended("c", w.now.wall)));
  w.pass(seconds(1));
  ck_assert_uint_eq(w.posted.size(), 1);  // the end waits for the beginning
  w.answer(net::HttpAnswer{204});
  ck_assert_uint_eq(w.posted.size(), 1);
  ck_assert(w.posted[0].body.find(R"("chainId":"k","from":"a","reason":"missed")") !=
            std::string::npos);
  ck_assert(w.webhooks->of_save(ended("unknown", w.now.wall)).empty());
}
END_TEST

START_TEST(tells_only_what_is_wanted) {
  WebhookSettings settings;
  settings.events = {admin::NoticeKind::kCallEnded};
  World w(settings);
  ck_assert(w.webhooks->of_save(started("c", w.now.wall)).empty());
  ck_assert_uint_eq(w.webhooks->of_save(ended("c", w.now.wall)).size(), 1);
  call::StoreText heard;
  ck_assert(World().webhooks->of_text(heard).empty());
}
END_TEST

START_TEST(goes_on_in_order_with_what_another_process_left) {
  World before;
  before.keep(before.webhooks->of_save(started("c", before.now.wall)));
  before.pass(seconds(1));
  before.keep(before.webhooks->of_save(ended("c", before.now.wall)));
  World after;
  after.stored = {before.stored[1], before.stored[0]};  // as the first was put off
  after.put_off["id1"] = after.now.wall + std::chrono::minutes(30);
  after.webhooks->start();
  after.pass(milliseconds(1));
  ck_assert_uint_eq(after.posted.size(), 1);
  ck_assert(after.posted[0].body.starts_with(R"({"id":"id1","type":"call.started")"));
  after.answer(net::HttpAnswer{200});
  ck_assert(after.posted.at(0).body.starts_with(R"({"id":"id2","type":"call.ended")"));
}
END_TEST

START_TEST(remembers_on_disk_when_to_try_again) {
  World w;
  w.text("t");
  w.pass(milliseconds(1));
  w.answer(net::HttpAnswer{503, seconds(7)});
  ck_assert(w.put_off.at("id1") == w.now.wall + seconds(7));
  w.pass(seconds(7));
  w.answer(tl::unexpected(base::Error{base::Code::kUnavailable, "nobody there"}));
  ck_assert(w.put_off.at("id1") == w.now.wall + seconds(2));
  w.pass(seconds(2));
  w.answer(net::HttpAnswer{410});
  ck_assert(w.stored.empty());
  const std::string page = w.webhooks->metrics();
  ck_assert(page.find("parley_webhook_failures_total 2") != std::string::npos);
  ck_assert(page.find("given_up_total{reason=\"refused\"} 1") != std::string::npos);
}
END_TEST

START_TEST(waits_for_a_store_that_refuses) {
  World w;
  w.disk = false;
  w.text("t");
  w.pass(seconds(60));
  ck_assert(w.posted.empty());
  ck_assert_int_le(w.lookups, 20);
  w.disk = true;
  w.pass(seconds(6));
  ck_assert_uint_eq(w.posted.size(), 1);
}
END_TEST

START_TEST(drops_what_it_cannot_read) {
  World w;
  w.stored = {{{"x", "nonsense", w.now.wall}, 0}};
  w.webhooks->start();
  w.pass(milliseconds(1));
  ck_assert(w.stored.empty() && w.posted.empty());
}
END_TEST

START_TEST(works_off_more_than_it_keeps) {
  World w;
  for (int i = 0; i < 3000; ++i) w.text(std::to_string(i));
  std::set<std::string> seen;
  w.pass(milliseconds(1));
  while (!w.posted.empty()) {
    ck_assert_uint_le(w.posted.size(), 4);
    ck_assert(seen.insert(w.posted.front().body).second);
    w.answer(net::HttpAnswer{200});
    w.pass(milliseconds(1));
  }
  ck_assert_uint_eq(seen.size(), 3000);
  ck_assert(w.stored.empty());
  same(w.webhooks->metrics().find("parley_webhooks_delivered_total 3000") != std::string::npos
           ? "all"
           : "some",
       "all");
}
END_TEST

int main() {
  return test::run("webhooks",
                   {sends_only_what_is_on_disk, tells_of_the_end_of_a_call_whose_it_was,
                    tells_only_what_is_wanted, goes_on_in_order_with_what_another_process_left,
                    remembers_on_disk_when_to_try_again, waits_for_a_store_that_refuses,
                    drops_what_it_cannot_read, works_off_more_than_it_keeps});
}
