// What wakes the taker of a mailbox: an eventfd for epoll loops, a GSource for main contexts.
#pragma once

#include <glib.h>

#include <functional>
#include <memory>

#include "base/result.h"

namespace parley::wrap {

// wake() on any thread; the rest on the taker's.
class EventFdWaker {
 public:
  [[nodiscard]] static base::Result<EventFdWaker> create();
  EventFdWaker(EventFdWaker&& other) noexcept;
  EventFdWaker& operator=(EventFdWaker&&) = delete;
  EventFdWaker(const EventFdWaker&) = delete;
  EventFdWaker& operator=(const EventFdWaker&) = delete;
  ~EventFdWaker();

  void wake() const;
  void acknowledge() const;  // readable no more, until the next wake()
  [[nodiscard]] int fd() const { return fd_; }

 private:
  explicit EventFdWaker(int fd) : fd_(fd) {}
  int fd_ = -1;
};

// wake() on any thread; attach() and detach() by the owner, on the context's thread or while no
// loop runs it.
class ContextWaker {
 public:
  ContextWaker();
  ContextWaker(ContextWaker&&) noexcept = default;
  ContextWaker& operator=(ContextWaker&&) = delete;
  ContextWaker(const ContextWaker&) = delete;
  ContextWaker& operator=(const ContextWaker&) = delete;
  ~ContextWaker();

  // From now on `on_wake` is called by the context's loop after each wake().
  void attach(GMainContext* context, std::function<void()> on_wake) const;
  void detach() const;
  void wake() const;
  void acknowledge() const {}

 private:
  struct SourceDeleter {
    void operator()(GSource* source) const { g_source_unref(source); }
  };
  std::unique_ptr<GSource, SourceDeleter> source_;
};

}  // namespace parley::wrap
