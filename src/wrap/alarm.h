// A source of a main context whose time is set again and again.
#pragma once

#include <glib.h>

#include <functional>
#include <optional>
#include <utility>

#include "base/time.h"

namespace parley::wrap {

// Owned by the thread whose default context it wakes. Times are g_get_monotonic_time()'s.
class Alarm {
 public:
  explicit Alarm(std::function<void()> on_due) : on_due_(std::move(on_due)) {
    static GSourceFuncs functions = {nullptr, nullptr, dispatch, nullptr, nullptr, nullptr};
    source_ = g_source_new(&functions, sizeof(GSource));
    g_source_set_callback(source_, call, this, nullptr);
    g_source_attach(source_, nullptr);
  }
  ~Alarm() {
    g_source_destroy(source_);
    g_source_unref(source_);
  }
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  // nullopt: not at all.
  void set(std::optional<base::TimePoint> when) {
    g_source_set_ready_time(source_, when ? when->time_since_epoch().count() : -1);
  }

 private:
  static gboolean dispatch(GSource* source, GSourceFunc callback, gpointer data) noexcept {
    g_source_set_ready_time(source, -1);
    return callback(data);
  }
  static gboolean call(gpointer self) noexcept {
    static_cast<Alarm*>(self)->on_due_();
    return G_SOURCE_CONTINUE;
  }

  const std::function<void()> on_due_;
  GSource* source_;  // one reference; dropped in the destructor
};

}  // namespace parley::wrap
