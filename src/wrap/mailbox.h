// A mailbox of values: any thread posts, one thread takes. Nobody waits for anybody.
//
// Held by shared_ptr, so that a thread of somebody else's (GStreamer's) may still post after the
// taker has gone; such values are dropped with the mailbox.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/result.h"
#include "wrap/ref.h"
#include "wrap/waker.h"

namespace parley::wrap {

// Thread-safe. Wake is EventFdWaker or ContextWaker.
template <class T, class Wake>
class Mailbox {
 public:
  explicit Mailbox(Wake wake) : wake_(std::move(wake)) {}
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  void post(T value) {
    bool was_empty = false;
    {
      const std::scoped_lock lock(mutex_);
      was_empty = values_.empty();
      values_.push_back(std::move(value));
    }
    if (was_empty) wake_.wake();
  }

  // Everything that was posted, in order of posting. `into` is cleared and its memory reused.
  void take(std::vector<T>& into) {
    into.clear();
    wake_.acknowledge();
    const std::scoped_lock lock(mutex_);
    values_.swap(into);
  }

  [[nodiscard]] const Wake& waker() const { return wake_; }

 private:
  Wake wake_;
  std::mutex mutex_;
  std::vector<T> values_;  // guarded by mutex_
};

// For a thread with an epoll loop: watch `mailbox->waker().fd()`.
template <class T>
using EventFdMailbox = Mailbox<T, EventFdWaker>;

// For a thread with a GMainContext: `on_values` is called there, from the context's loop, with all
// that came since the last call.
template <class T>
class ContextMailbox {
 public:
  using OnValues = std::function<void(std::vector<T>&)>;

  // Owned by the context's thread; mailbox() may be shared with any.
  ContextMailbox(GMainContext* context, OnValues on_values)
      : box_(std::make_shared<Box>(ContextWaker{})), on_values_(std::move(on_values)) {
    box_->waker().attach(context, [this] {
      box_->take(taken_);
      on_values_(taken_);
      taken_.clear();
    });
  }
  ~ContextMailbox() { box_->waker().detach(); }
  ContextMailbox(const ContextMailbox&) = delete;
  ContextMailbox& operator=(const ContextMailbox&) = delete;

  using Box = Mailbox<T, ContextWaker>;
  [[nodiscard]] const std::shared_ptr<Box>& box() const { return box_; }

 private:
  std::shared_ptr<Box> box_;
  OnValues on_values_;
  std::vector<T> taken_;
};

}  // namespace parley::wrap
