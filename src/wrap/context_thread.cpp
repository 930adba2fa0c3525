#include "wrap/context_thread.h"

#include <pthread.h>

#include <future>
#include <utility>

namespace parley::wrap {

namespace {

// As a source of the context, never directly: g_main_context_invoke() would run `work` on the
// calling thread while the loop has not begun yet.
void run_in_loop(GMainContext* context, GSourceFunc work, gpointer data) {
  GSource* source = g_idle_source_new();
  g_source_set_priority(source, G_PRIORITY_DEFAULT);
  g_source_set_callback(source, work, data, nullptr);
  g_source_attach(source, context);
  g_source_unref(source);
}

}  // namespace

ContextThread::ContextThread(const std::string& name)
    : context_(Ref<GMainContext>::adopt(g_main_context_new())),
      loop_(Ref<GMainLoop>::adopt(g_main_loop_new(context_.get(), FALSE))) {
  thread_ = std::thread([this, name = name.substr(0, 15)] {
    pthread_setname_np(pthread_self(), name.c_str());
    g_main_context_push_thread_default(context_.get());
    g_main_loop_run(loop_.get());
    g_main_context_pop_thread_default(context_.get());
  });
}

ContextThread::~ContextThread() {
  run_in_loop(
      context_.get(),
      [](gpointer loop) -> gboolean {
        g_main_loop_quit(static_cast<GMainLoop*>(loop));
        return G_SOURCE_REMOVE;
      },
      loop_.get());
  thread_.join();
}

void ContextThread::run_and_wait(const std::function<void()>& work) {
  struct Job {
    const std::function<void()>& work;
    std::promise<void> done;
  };
  Job job{work, {}};
  auto finished = job.done.get_future();
  run_in_loop(
      context_.get(),
      [](gpointer data) -> gboolean {
        auto* job = static_cast<Job*>(data);
        job->work();
        job->done.set_value();
        return G_SOURCE_REMOVE;
      },
      &job);
  finished.wait();
}

RepeatingTimer::RepeatingTimer(GMainContext* context, std::chrono::milliseconds interval,
                               std::function<void()> on_tick)
    : source_(g_timeout_source_new(static_cast<guint>(interval.count()))),
      on_tick_(std::move(on_tick)) {
  g_source_set_callback(
      source_,
      [](gpointer self) -> gboolean {
        static_cast<RepeatingTimer*>(self)->on_tick_();
        return G_SOURCE_CONTINUE;
      },
      this, nullptr);
  g_source_attach(source_, context);
}

RepeatingTimer::~RepeatingTimer() {
  g_source_destroy(source_);
  g_source_unref(source_);
}

}  // namespace parley::wrap
