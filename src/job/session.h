// One job from its spec to its end: the work, what the media worker says there is, orders, time.
// Main thread only.
#pragma once

#include <glib.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/result.h"
#include "job/discretion.h"
#include "job/lines.h"
#include "job/reporter.h"
#include "job/spec.h"
#include "job/watch.h"
#include "job/work.h"
#include "pipeline/description.h"
#include "wrap/ref.h"

namespace parley::job {

class Session {
 public:
  // Orders come from `orders_fd`; `orders` has what was read of it already.
  Session(Spec spec, Lines& orders, int orders_fd, Reporter& reporter);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Until the work is over; its last report has been made then.
  [[nodiscard]] base::Result<void> run();
  // For lines that were read together with the spec.
  void order(std::string_view line);

 private:
  using Track = std::pair<std::string, base::Source>;
  static gboolean on_orders(gint fd, GIOCondition condition, gpointer self) noexcept;
  static gboolean on_time_over(gpointer self) noexcept;
  static gboolean on_beat(gpointer self) noexcept;
  void read_orders();
  [[nodiscard]] WatchEvents watch_events();
  void begin();
  void add_track(const Track& track);
  void remove_track(const Track& track);
  void hide(std::set<std::string> profiles);
  void stop();
  void lost(const std::string& why);
  void finish(base::Result<void> result);
  void failing(const std::string& why);
  static gboolean on_stuck(gpointer self) noexcept;
  void report(const Report& report);
  [[nodiscard]] bool hidden(const std::string& owner) const { return spec_.hidden.contains(owner); }

  Spec spec_;
  const Discretion discretion_;
  const pipeline::Folders folders_;
  Lines& orders_;
  const int orders_fd_;
  Reporter& reporter_;
  const wrap::Ref<GMainLoop> loop_;
  const Context context_;
  std::unique_ptr<Work> work_;
  std::unique_ptr<Watch> watch_;
  std::set<Track> tracks_;  // there are, hidden ones too
  bool begun_ = false;      // the work
  bool stopping_ = false;
  std::optional<base::Error> lost_;  // why it stops, when nobody has asked for it
  std::optional<base::Result<void>> result_;
  guint orders_source_ = 0;
  guint time_source_ = 0;
  guint beat_source_ = 0;
  guint stuck_source_ = 0;
  std::string failing_;  // why
};

}  // namespace parley::job
