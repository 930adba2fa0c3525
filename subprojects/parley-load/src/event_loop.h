// One epoll set: sockets report here, nobody else waits.
#pragma once

#include <cstdint>

namespace parley::load {

class EventHandler {
 public:
  EventHandler() = default;
  EventHandler(const EventHandler&) = delete;
  EventHandler& operator=(const EventHandler&) = delete;
  virtual ~EventHandler() = default;
  virtual void on_events(std::uint32_t events) = 0;  // of EPOLLIN, EPOLLOUT, …
};

// Single-threaded. No handler may be destroyed while poll() runs.
class EventLoop {
 public:
  EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  ~EventLoop();

  void add(int fd, std::uint32_t events, EventHandler& handler);
  void modify(int fd, std::uint32_t events, EventHandler& handler);
  void remove(int fd);
  // Waits at most `timeout_ns` for events and delivers them.
  void poll(std::uint64_t timeout_ns);

 private:
  int epoll_fd_;
};

}  // namespace parley::load
