#include "wrap/waker.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

namespace parley::wrap {

base::Result<EventFdWaker> EventFdWaker::create() {
  const int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (fd < 0)
    return base::fail(base::Code::kUnavailable,
                      std::string("no eventfd: ") + strerrordesc_np(errno));
  return EventFdWaker(fd);
}

EventFdWaker::EventFdWaker(EventFdWaker&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

EventFdWaker::~EventFdWaker() {
  if (fd_ >= 0) close(fd_);
}

void EventFdWaker::wake() const {
  const std::uint64_t one = 1;
  // EAGAIN means the counter is full, so the taker is awake already.
  [[maybe_unused]] const ssize_t written = write(fd_, &one, sizeof one);
}

void EventFdWaker::acknowledge() const {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = read(fd_, &count, sizeof count);
}

namespace {

// A source that is ready only when its ready time has been set, which any thread may do.
GSourceFuncs wake_source_functions = {
    nullptr,
    nullptr,
    [](GSource* source, GSourceFunc callback, gpointer data) -> gboolean {
      g_source_set_ready_time(source, -1);
      return callback != nullptr ? callback(data) : G_SOURCE_CONTINUE;
    },
    nullptr,
    nullptr,
    nullptr};

}  // namespace

ContextWaker::ContextWaker() : source_(g_source_new(&wake_source_functions, sizeof(GSource))) {}

ContextWaker::~ContextWaker() = default;

void ContextWaker::attach(GMainContext* context, std::function<void()> on_wake) const {
  using Callback = std::function<void()>;
  auto callback = std::make_unique<Callback>(std::move(on_wake));
  g_source_set_callback(
      source_.get(),
      [](gpointer data) -> gboolean {
        (*static_cast<Callback*>(data))();
        return G_SOURCE_CONTINUE;
      },
      callback.release(),
      [](gpointer data) { const std::unique_ptr<Callback> own(static_cast<Callback*>(data)); });
  g_source_attach(source_.get(), context);
}

void ContextWaker::detach() const { g_source_destroy(source_.get()); }

void ContextWaker::wake() const { g_source_set_ready_time(source_.get(), 0); }

}  // namespace parley::wrap
