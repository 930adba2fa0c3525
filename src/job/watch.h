// The job's own connection to the media worker: which tracks and ports there are in its call.
// Main thread only; callbacks come from its loop.
#pragma once

#include <glib.h>

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/source.h"
#include "tap/frames.h"

namespace parley::job {

struct WatchEvents {
  std::function<void()> accepted;
  std::function<void(const std::string& owner, base::Source source)> track_added;
  std::function<void(const std::string& owner, base::Source source)> track_removed;
  std::function<void(const std::string& owner)> port_added;
  std::function<void(const std::string& owner)> port_removed;
  std::function<void(const std::string& why)> lost;  // refused, or gone; nothing follows
};

class Watch {
 public:
  // kInvalid: the path is too long for a socket. kUnavailable: nobody listens there.
  [[nodiscard]] static base::Result<std::unique_ptr<Watch>> connect(const std::string& socket,
                                                                    const std::string& secret,
                                                                    const std::string& group,
                                                                    WatchEvents events);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

 private:
  Watch(int fd, WatchEvents events);
  static gboolean on_ready(gint fd, GIOCondition condition, gpointer self) noexcept;
  // False: there is nothing now, or never again.
  [[nodiscard]] bool read_one();
  void lose(const std::string& why);
  void heard(const tap::Frame& frame);

  const int fd_;
  WatchEvents events_;
  guint source_ = 0;  // 0: lost
};

}  // namespace parley::job
