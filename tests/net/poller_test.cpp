#include "net/poller.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <memory>
#include <vector>

#include "net_fixture.h"

// After every C++ standard header: check.h defines `fail`.
#include "support/check_main.h"

using parley::net::Poller;
using parley::test::run_until;

namespace {

// Two sockets that are connected, and what the poller says about the first.
struct Line : Poller::Handler {
  explicit Line(Poller& of) : poller(of) {
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
    watch = *poller.watch(ends[0], *this);
  }
  ~Line() override {
    poller.unwatch(watch);
    for (const int fd : ends) ::close(fd);
  }
  void on_ready(bool readable, bool writable) override {
    reads += readable ? 1 : 0;
    writes += writable ? 1 : 0;
    std::array<char, 64> buffer;
    while (readable && ::read(ends[0], buffer.data(), buffer.size()) > 0) {
    }
    if (on_told) on_told();
  }
  void say() const { ck_assert_int_eq(::write(ends[1], "x", 1), 1); }

  Poller& poller;
  std::array<int, 2> ends{};
  Poller::Watch watch{};
  int reads = 0;
  int writes = 0;
  std::function<void()> on_told;
};

}  // namespace

START_TEST(tells_who_is_readable_and_nobody_else) {
  Poller poller;
  Line a(poller);
  Line b(poller);
  a.say();
  ck_assert(run_until([&] { return a.reads == 1; }));
  ck_assert_int_eq(b.reads + b.writes + a.writes, 0);
  a.say();
  ck_assert(run_until([&] { return a.reads == 2; }));
}
END_TEST

START_TEST(tells_of_room_only_where_asked) {
  Poller poller;
  Line a(poller);
  poller.want_writable(a.watch, true);
  a.on_told = [&] { poller.want_writable(a.watch, false); };
  ck_assert(run_until([&] { return a.writes == 1; }));
  a.say();
  ck_assert(run_until([&] { return a.reads == 1; }));
  ck_assert_int_eq(a.writes, 1);
}
END_TEST

START_TEST(tells_of_the_end_of_a_connection) {
  Poller poller;
  Line a(poller);
  a.on_told = [&] { poller.unwatch(a.watch); };
  shutdown(a.ends[1], SHUT_RDWR);
  ck_assert(run_until([&] { return a.reads == 1; }));
}
END_TEST

// Both are ready in one turn, and the first that is told ends the other, whose descriptor and place
// somebody else gets at once.
START_TEST(does_not_tell_who_was_ended_in_the_same_turn) {
  Poller poller;
  auto a = std::make_unique<Line>(poller);
  auto b = std::make_unique<Line>(poller);
  std::unique_ptr<Line> next;
  int told = 0;
  const auto end_the_other = [&](std::unique_ptr<Line>& other) {
    ++told;
    other.reset();
    next = std::make_unique<Line>(poller);
  };
  a->on_told = [&] { end_the_other(b); };
  b->on_told = [&] { end_the_other(a); };
  a->say();
  b->say();
  ck_assert(run_until([&] { return told == 1; }));
  next->say();
  ck_assert(run_until([&] { return next->reads == 1; }));
  ck_assert_int_eq(told, 1);
}
END_TEST

START_TEST(calls_once_more_when_asked) {
  Poller poller;
  Line a(poller);
  auto b = std::make_unique<Line>(poller);
  poller.call_readable(a.watch);
  poller.call_readable(b->watch);
  b.reset();
  a.on_told = [&] {
    if (a.reads < 3) poller.call_readable(a.watch);
  };
  ck_assert(run_until([&] { return a.reads == 3; }));
  a.say();
  ck_assert(run_until([&] { return a.reads == 4; }));
}
END_TEST

START_TEST(calls_for_writing_when_asked) {
  Poller poller;
  Line a(poller);
  poller.call_writable(a.watch);
  ck_assert(run_until([&] { return a.writes == 1; }));
  a.say();
  ck_assert(run_until([&] { return a.reads == 1; }));
  ck_assert_int_eq(a.writes, 1);
}
END_TEST

int main() {
  return parley::test::run(
      "net poller", {tells_who_is_readable_and_nobody_else, tells_of_room_only_where_asked,
                     tells_of_the_end_of_a_connection, does_not_tell_who_was_ended_in_the_same_turn,
                     calls_once_more_when_asked, calls_for_writing_when_asked});
}
