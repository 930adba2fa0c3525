// A thread that runs a GMainContext of its own, and a repeating timer on one.
#pragma once

#include <glib.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "wrap/ref.h"

namespace parley::wrap {

// Owned by the thread that made it, which is not the one it runs.
class ContextThread {
 public:
  // `name` is what ps and top show; at most 15 bytes of it. The context is the thread's default.
  explicit ContextThread(const std::string& name);
  // Lets the loop finish what it is in, then joins.
  ~ContextThread();
  ContextThread(const ContextThread&) = delete;
  ContextThread& operator=(const ContextThread&) = delete;

  [[nodiscard]] GMainContext* context() const { return context_.get(); }

  // Runs `work` there, and waits for it. For start and stop, never between running threads.
  void run_and_wait(const std::function<void()>& work);

 private:
  Ref<GMainContext> context_;
  Ref<GMainLoop> loop_;
  std::thread thread_;
};

// Calls back every `interval` on `context` until destroyed, there.
class RepeatingTimer {
 public:
  RepeatingTimer(GMainContext* context, std::chrono::milliseconds interval,
                 std::function<void()> on_tick);
  ~RepeatingTimer();
  RepeatingTimer(const RepeatingTimer&) = delete;
  RepeatingTimer& operator=(const RepeatingTimer&) = delete;

 private:
  GSource* source_;  // one reference; dropped in the destructor
  std::function<void()> on_tick_;
};

}  // namespace parley::wrap
