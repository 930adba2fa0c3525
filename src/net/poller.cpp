#include "net/poller.h"

#include <fmt/format.h>
#include <glib-unix.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace parley::net {
namespace {

// Told of in one turn of the main loop; the rest has its turn after the other sources.
constexpr int kEventsAtOnce = 128;

// Of no slot: the descriptor that stands for calls_.
constexpr std::uint64_t kCalls = ~std::uint64_t{0};

constexpr std::uint64_t name_of(std::size_t slot, std::uint32_t generation) {
  return std::uint64_t{generation} << 32U | slot;
}

}  // namespace

Poller::Poller()
    : epoll_fd_(epoll_create1(EPOLL_CLOEXEC)), calls_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kCalls;
  if (epoll_fd_ < 0 || epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, calls_fd_, &event) != 0)
    g_error("no epoll: %s", g_strerror(errno));  // ends the process
  source_.reset(g_unix_fd_source_new(epoll_fd_, G_IO_IN));
  g_source_set_callback(source_.get(), G_SOURCE_FUNC(on_events), this, nullptr);
  g_source_attach(source_.get(), g_main_context_get_thread_default());
}

Poller::~Poller() {
  source_.reset();
  ::close(calls_fd_);
  ::close(epoll_fd_);
}

base::Result<Poller::Watch> Poller::watch(int fd, Handler& handler) {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const std::uint32_t place = free_.back();
  Slot& slot = slots_[place];
  const std::uint64_t name = name_of(place, slot.generation);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLRDHUP;
  event.data.u64 = name;
  if (epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) != 0)
    return base::fail(base::Code::kUnavailable,
                      fmt::format("cannot watch a socket: {}", g_strerror(errno)));
  free_.pop_back();
  slot.handler = &handler;
  slot.fd = fd;
  slot.writable_wanted = false;
  return Watch{name};
}

Poller::Slot* Poller::find(std::uint64_t watch) {
  const std::size_t place = watch & 0xffffffffU;
  if (place >= slots_.size()) return nullptr;
  Slot& slot = slots_[place];
  return slot.handler != nullptr && slot.generation == watch >> 32U ? &slot : nullptr;
}

void Poller::unwatch(Watch watch) {
  const auto name = static_cast<std::uint64_t>(watch);
  Slot* slot = find(name);
  if (slot == nullptr) return;
  epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, slot->fd, nullptr);
  slot->handler = nullptr;
  ++slot->generation;
  free_.push_back(static_cast<std::uint32_t>(name & 0xffffffffU));
}

void Poller::want_writable(Watch watch, bool on) {
  const auto name = static_cast<std::uint64_t>(watch);
  Slot* slot = find(name);
  if (slot == nullptr || slot->writable_wanted == on) return;
  slot->writable_wanted = on;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLRDHUP | (on ? std::uint32_t{EPOLLOUT} : 0U);
  event.data.u64 = name;
  epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, slot->fd, &event);
}

void Poller::call(Call call) {
  if (calls_.empty()) eventfd_write(calls_fd_, 1);
  calls_.push_back(call);
}

gboolean Poller::on_events(gint /*fd*/, GIOCondition /*condition*/, gpointer self) noexcept {
  static_cast<Poller*>(self)->dispatch();
  return G_SOURCE_CONTINUE;
}

void Poller::dispatch() {
  std::array<epoll_event, kEventsAtOnce> events;
  const int count = epoll_wait(epoll_fd_, events.data(), kEventsAtOnce, 0);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    if (event.data.u64 == kCalls) {
      eventfd_t ignored = 0;
      eventfd_read(calls_fd_, &ignored);
      for (const Call& call : std::exchange(calls_, {}))
        tell(call.watch, call.readable, !call.readable);
    } else {
      tell(event.data.u64, (event.events & ~std::uint32_t{EPOLLOUT}) != 0,
           (event.events & EPOLLOUT) != 0);
    }
  }
}

// A handler that was told of earlier in the same turn may have ended this one.
void Poller::tell(std::uint64_t watch, bool readable, bool writable) {
  if (const Slot* slot = find(watch)) slot->handler->on_ready(readable, writable);
}

}  // namespace parley::net
