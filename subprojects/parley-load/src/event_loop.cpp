#include "event_loop.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "base.h"

namespace parley::load {

EventLoop::EventLoop() : epoll_fd_(epoll_create1(EPOLL_CLOEXEC)) {
  if (epoll_fd_ >= 0) return;
  std::perror("epoll_create1");
  std::abort();
}

EventLoop::~EventLoop() { close(epoll_fd_); }

void EventLoop::add(int fd, std::uint32_t events, EventHandler& handler) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &handler;
  epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event);
}

void EventLoop::modify(int fd, std::uint32_t events, EventHandler& handler) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &handler;
  epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, fd, &event);
}

void EventLoop::remove(int fd) { epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, fd, nullptr); }

void EventLoop::poll(std::uint64_t timeout_ns) {
  std::array<epoll_event, 128> events;
  const timespec timeout{static_cast<time_t>(timeout_ns / kSecondNs),
                         static_cast<long>(timeout_ns % kSecondNs)};
  const int count =
      epoll_pwait2(epoll_fd_, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
  for (int i = 0; i < count; i++) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    static_cast<EventHandler*>(event.data.ptr)->on_events(event.events);
  }
}

}  // namespace parley::load
