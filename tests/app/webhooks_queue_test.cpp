#include "app/webhooks_queue.h"

#include <string>

#include "support/check_main.h"

using namespace parley;
using namespace parley::app;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr double kLongest = 1.0;  // jitter: all of the wait

// A queue and a clock of its own.
struct World {
  WebhookQueue queue;
  base::Instant now{base::TimePoint(hours(5)), base::WallTime(hours(1000))};

  explicit World(QueuePolicy policy = {}) : queue(policy) {}
  void add(const std::string& id, const std::string& topic,
           std::optional<base::WallTime> until = {}) {
    queue.add({id, "{}", "call.started", topic, now.wall, until, 0}, now);
  }
  void pass(base::Duration time) {
    now.mono += time;
    now.wall += std::chrono::duration_cast<milliseconds>(time);
  }
  // Ids of all that is to be sent now.
  std::string sent() {
    std::string ids;
    while (const auto delivery = queue.next(now)) ids += delivery->id + " ";
    return ids;
  }
  std::optional<base::WallTime> put_off(const std::string& id, base::Duration at_least = {}) {
    return queue.failed(id, kLongest, at_least, now);
  }
  // Lets time pass until the next is due, and sends it.
  std::string next() {
    const auto deadline = queue.deadline();
    ck_assert(deadline.has_value());
    if (*deadline > now.mono) pass(*deadline - now.mono);
    return sent();
  }
};

void same(const std::string& got, const std::string& expected) {
  ck_assert_msg(got == expected, "'%s' instead of '%s'", got.c_str(), expected.c_str());
}

}  // namespace

START_TEST(sends_so_many_at_once_and_in_order) {
  World w({.parallel = 2});
  w.add("a", "1");
  w.add("b", "2");
  w.add("c", "3");
  w.add("a", "1");  // known
  same(w.sent(), "a b ");
  ck_assert(!w.queue.deadline());
  w.queue.delivered("b", w.now);
  same(w.sent(), "c ");
  w.queue.delivered("a", w.now);
  w.queue.delivered("c", w.now);
  ck_assert_uint_eq(w.queue.size(), 0);
  ck_assert(!w.queue.deadline());
}
END_TEST

START_TEST(keeps_the_order_of_a_topic) {
  World w;
  w.add("started", "call");
  w.add("other", "another");
  w.add("ended", "call");
  same(w.sent(), "started other ");
  ck_assert(w.put_off("started").has_value());
  same(w.sent(), "");
  w.queue.delivered("other", w.now);
  same(w.next(), "started ");
  w.queue.delivered("started", w.now);
  same(w.sent(), "ended ");
}
END_TEST

START_TEST(waits_twice_as_long_each_time_up_to_an_hour) {
  World w({.failures_to_down = 1000});
  w.add("a", "1");
  same(w.sent(), "a ");
  for (const int wait : {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600}) {
    const auto again = w.put_off("a");
    ck_assert(again == w.now.wall + seconds(wait));
    w.pass(seconds(wait) - milliseconds(1));
    same(w.sent(), "");
    w.pass(milliseconds(1));
    same(w.sent(), "a ");
  }
}
END_TEST

START_TEST(spreads_those_that_failed_together) {
  World w({.failures_to_down = 1000});
  w.add("a", "1");
  w.add("b", "2");
  same(w.sent(), "a b ");
  ck_assert(w.queue.failed("a", 0.0, {}, w.now) == w.now.wall + milliseconds(500));
  ck_assert(w.queue.failed("b", 0.5, {}, w.now) == w.now.wall + milliseconds(750));
}
END_TEST

START_TEST(waits_as_long_as_it_is_asked_but_not_for_ever) {
  World w({.failures_to_down = 1000});
  w.add("a", "1");
  same(w.sent(), "a ");
  ck_assert(w.put_off("a", seconds(120)) == w.now.wall + seconds(120));
  same(w.next(), "a ");
  ck_assert(w.put_off("a", hours(100)) == w.now.wall + hours(1));
}
END_TEST

START_TEST(gives_up_after_a_day) {
  World w({.failures_to_down = 1000});
  w.add("a", "1");
  w.add("b", "1");
  same(w.sent(), "a ");
  int attempts = 1;
  const auto begin = w.now.wall;
  while (w.put_off("a")) {
    same(w.next(), "a ");
    ++attempts;
  }
  ck_assert(w.now.wall <= begin + hours(24) && w.now.wall > begin + hours(22));
  ck_assert_int_eq(attempts, 12 + 23);  // until an hour is reached, then by the hour
  same(w.sent(), "b ");
  w.queue.refused("b", w.now);
  ck_assert_uint_eq(w.queue.size(), 0);
}
END_TEST

START_TEST(sends_nothing_that_is_of_no_use_any_more) {
  World w({.parallel = 1});
  w.add("first", "0");
  w.add("ringing", "1", w.now.wall + seconds(45));
  w.add("ended", "1");
  same(w.sent(), "first ");
  w.pass(seconds(46));
  w.queue.delivered("first", w.now);
  same(w.sent(), "ended ");
  const auto expired = w.queue.take_expired();
  ck_assert_uint_eq(expired.size(), 1);
  same(expired[0].id, "ringing");
  ck_assert(w.queue.take_expired().empty());
  w.queue.delivered("ended", w.now);
  // Nor is it put off beyond that.
  w.add("again", "1", w.now.wall + milliseconds(900));
  same(w.sent(), "again ");
  ck_assert(!w.put_off("again"));
  ck_assert_uint_eq(w.queue.size(), 0);
}
END_TEST

START_TEST(finds_out_with_one_at_a_time_whether_the_endpoint_is_back) {
  World w({.parallel = 4, .failures_to_down = 4, .longest_probe_wait = seconds(30)});
  for (const char* id : {"a", "b", "c", "d", "e", "f"}) w.add(id, id);
  same(w.sent(), "a b c d ");
  for (const char* id : {"a", "b", "c", "d"}) ck_assert(w.put_off(id).has_value());
  ck_assert(w.queue.down());
  same(w.sent(), "");
  same(w.next(), "e ");  // has never been tried
  ck_assert(!w.queue.deadline());
  ck_assert(w.put_off("e").has_value());
  same(w.next(), "f ");
  ck_assert(w.put_off("f").has_value());
  for (int i = 0; i < 20; ++i) {
    const auto before = w.now.mono;
    const std::string probe = w.next();
    ck_assert_uint_eq(probe.size(), 2);
    ck_assert(w.now.mono - before <= seconds(30));
    ck_assert(w.put_off(probe.substr(0, 1)).has_value());
  }
  const std::string probe = w.next().substr(0, 1);
  w.queue.delivered(probe, w.now);
  ck_assert(!w.queue.down());
  ck_assert_uint_eq(w.sent().size(), 2 * 4);  // all that waited are due, four at once
}
END_TEST

START_TEST(does_not_take_one_bad_message_for_a_bad_endpoint) {
  World w({.parallel = 1, .failures_to_down = 3});
  w.add("bad", "bad");
  for (int i = 0; i < 50; ++i) {
    const std::string id = "good" + std::to_string(i);
    w.add(id, id);
    for (std::string sent = w.sent(); !sent.empty(); sent = w.sent()) {
      if (sent == "bad ")
        ck_assert(w.put_off("bad").has_value());
      else
        w.queue.delivered(sent.substr(0, sent.size() - 1), w.now);
    }
    ck_assert(!w.queue.down());
    w.pass(seconds(1));
  }
  ck_assert_uint_eq(w.queue.size(), 1);
}
END_TEST

START_TEST(keeps_no_more_than_it_may) {
  World w({.kept = 2});
  ck_assert(w.queue.has_room());
  w.add("a", "1");
  w.add("b", "1");
  ck_assert(!w.queue.has_room());
  // What it does not know is nobody's.
  w.queue.delivered("x", w.now);
  w.queue.refused("x", w.now);
  ck_assert(!w.put_off("x"));
  ck_assert_uint_eq(w.queue.size(), 2);
}
END_TEST

int main() {
  return test::run("webhook queue",
                   {sends_so_many_at_once_and_in_order, keeps_the_order_of_a_topic,
                    waits_twice_as_long_each_time_up_to_an_hour, spreads_those_that_failed_together,
                    waits_as_long_as_it_is_asked_but_not_for_ever, gives_up_after_a_day,
                    sends_nothing_that_is_of_no_use_any_more,
                    finds_out_with_one_at_a_time_whether_the_endpoint_is_back,
                    does_not_take_one_bad_message_for_a_bad_endpoint, keeps_no_more_than_it_may});
}
