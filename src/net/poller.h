// Watches file descriptors by one epoll set that is one source of the main loop.
//
// GLib's main loop looks at each of its sources, and hands all their descriptors to poll(), every
// time round: with 10,000 sockets as sources of their own a single message costs milliseconds.
#pragma once

#include <glib.h>

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "net/handles.h"

namespace parley::net {

// Main thread only.
class Poller {
 public:
  class Handler {
   public:
    Handler() = default;
    virtual ~Handler() = default;
    Handler(const Handler&) = delete;
    Handler& operator=(const Handler&) = delete;
    // Called from the main loop. Level-triggered: again as long as it is so. A connection that
    // broke is readable.
    virtual void on_ready(bool readable, bool writable) = 0;
  };
  // A watched descriptor. Never one of another that was watched before.
  enum class Watch : std::uint64_t {};

  Poller();
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // `handler` is told when `fd` is readable, until unwatch(). kUnavailable: no more descriptors.
  [[nodiscard]] base::Result<Watch> watch(int fd, Handler& handler);
  // Before `fd` is closed.
  void unwatch(Watch watch);
  // Whether to tell of room for writing, too.
  void want_writable(Watch watch, bool on);
  // To be told once that it is readable, whatever the descriptor says: bytes are here already.
  void call_readable(Watch watch) { call({static_cast<std::uint64_t>(watch), true}); }
  // To be told once that it is writable, in the next turn of the main loop: cheaper than to ask for
  // it where there mostly is room.
  void call_writable(Watch watch) { call({static_cast<std::uint64_t>(watch), false}); }

 private:
  struct Slot {
    Handler* handler = nullptr;  // nullptr: free
    int fd = -1;
    std::uint32_t generation = 0;
    bool writable_wanted = false;
  };

  struct Call {
    std::uint64_t watch = 0;
    bool readable = false;  // or writable
  };

  static gboolean on_events(gint fd, GIOCondition condition, gpointer self) noexcept;
  void call(Call call);
  void dispatch();
  void tell(std::uint64_t watch, bool readable, bool writable);
  [[nodiscard]] Slot* find(std::uint64_t watch);

  int epoll_fd_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
  std::vector<Call> calls_;
  int calls_fd_;  // readable while calls_ is not empty
  Source source_;
};

}  // namespace parley::net
