// Calls back on a main context whenever a descriptor is readable or its other end has gone.
#pragma once

#include <glib-unix.h>

#include <functional>
#include <utility>

namespace parley::media {

// Owned by the context's thread. May be destroyed from its own callback.
class FdWatch {
 public:
  FdWatch(GMainContext* context, int fd, std::function<void()> on_ready)
      : source_(
            g_unix_fd_source_new(fd, static_cast<GIOCondition>(G_IO_IN | G_IO_HUP | G_IO_ERR))) {
    // The closure is GLib's, which keeps it until a call that is running has returned.
    g_source_set_callback(source_, G_SOURCE_FUNC(&FdWatch::call),
                          new std::function<void()>(std::move(on_ready)), &FdWatch::free_closure);
    g_source_attach(source_, context);
  }
  ~FdWatch() {
    g_source_destroy(source_);
    g_source_unref(source_);
  }
  FdWatch(const FdWatch&) = delete;
  FdWatch& operator=(const FdWatch&) = delete;

 private:
  static gboolean call(gint /*fd*/, GIOCondition /*condition*/, gpointer closure) noexcept {
    (*static_cast<std::function<void()>*>(closure))();
    return G_SOURCE_CONTINUE;
  }
  static void free_closure(gpointer closure) noexcept {
    delete static_cast<std::function<void()>*>(closure);
  }
  GSource* source_;  // one reference
};

}  // namespace parley::media
