#include "job/gst_pipeline.h"

#include <fmt/format.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "wrap/owned.h"

namespace parley::job {
namespace {

std::atomic<int> pipelines_alive{0};

}  // namespace

GstClockTime monotonic_now() {
  // The system clock's type is monotonic unless somebody changes it; nobody here does.
  const auto clock = wrap::Ref<GstObject>::adopt(GST_OBJECT(gst_system_clock_obtain()));
  return gst_clock_get_time(GST_CLOCK(clock.get()));
}

// Does one thing after the other on a thread that is nobody's to wait for: it holds itself alive
// until it was told to end, and is left behind when something in it hangs.
class GstPipelineRun::StateThread : public std::enable_shared_from_this<StateThread> {
 public:
  void begin() {
    std::thread([self = shared_from_this()] { self->loop(); }).detach();
  }
  void post(std::function<void()> task) {
    const std::scoped_lock lock(mutex_);
    tasks_.push_back(std::move(task));
    wake_.notify_one();
  }
  void end() {  // after what was posted
    post({});
  }

 private:
  void loop() {
    while (true) {
      std::function<void()> task;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return !tasks_.empty(); });
        task = std::move(tasks_.front());
        tasks_.pop_front();
      }
      if (!task) return;
      task();
    }
  }
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;  // guarded by mutex_
};

// The run may be gone when what was said arrives, and may go while it hears it.
struct GstPipelineRun::Link {
  GstPipelineRun* run;

  static void say(const std::weak_ptr<Link>& link, Said what) {
    struct Block {
      std::weak_ptr<Link> link;
      Said what;
    };
    g_idle_add_full(
        G_PRIORITY_DEFAULT,
        +[](gpointer data) -> gboolean {
          auto* block = static_cast<Block*>(data);
          if (const auto link = block->link.lock()) link->run->said(block->what);
          return G_SOURCE_REMOVE;
        },
        std::make_unique<Block>(Block{link, std::move(what)}).release(),
        +[](gpointer data) { const std::unique_ptr<Block> owned(static_cast<Block*>(data)); });
  }
};

GstPipelineRun::GstPipelineRun(const std::string& name, PipelineEvents events)
    : events_(std::move(events)),
      pipeline_(wrap::Ref<GstElement>::sink(gst_pipeline_new(name.c_str()))),
      link_(std::make_shared<Link>(Link{this})),
      states_(std::make_shared<StateThread>()) {
  ++pipelines_alive;
  states_->begin();
  const auto clock = wrap::Ref<GstObject>::adopt(GST_OBJECT(gst_system_clock_obtain()));
  gst_pipeline_use_clock(GST_PIPELINE(pipeline_.get()), GST_CLOCK(clock.get()));
  const auto bus = wrap::Ref<GstBus>::adopt(gst_element_get_bus(pipeline_.get()));
  bus_watch_ = gst_bus_add_watch(bus.get(), on_bus, this);
}

GstPipelineRun::~GstPipelineRun() {
  if (stop_timer_ != 0) g_source_remove(stop_timer_);
  if (bus_watch_ != 0) g_source_remove(bus_watch_);
  states_->post([pipeline = std::move(pipeline_)]() mutable {
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
    pipeline.reset();
    --pipelines_alive;
  });
  states_->end();
}

int GstPipelineRun::alive() { return pipelines_alive; }

void GstPipelineRun::add(const pipeline::Instance& instance) {
  gst_bin_add(bin(), instance.bin());
  if (GST_STATE(pipeline_.get()) >= GST_STATE_PAUSED)
    gst_element_sync_state_with_parent(instance.bin());
}

void GstPipelineRun::start(GstClockTime base_time) {
  // No start time: GStreamer would choose the base time by itself.
  gst_element_set_start_time(pipeline_.get(), GST_CLOCK_TIME_NONE);
  gst_element_set_base_time(pipeline_.get(), base_time);
  states_->post([pipeline = pipeline_, link = std::weak_ptr(link_)] {
    if (gst_element_set_state(pipeline.get(), GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE)
      Link::say(link, {false, "it could not start"});
  });
}

void GstPipelineRun::send_end() { gst_element_send_event(pipeline_.get(), gst_event_new_eos()); }

void GstPipelineRun::stop(std::chrono::milliseconds limit, std::function<void(bool)> stopped) {
  stopped_ = std::move(stopped);
  failed_ = true;  // errors of its end are nobody's
  states_->post([pipeline = pipeline_, link = std::weak_ptr(link_)] {
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
    Link::say(link, {true, {}});
  });
  if (stop_timer_ != 0) g_source_remove(stop_timer_);
  stop_timer_ = g_timeout_add(
      static_cast<guint>(limit.count()),
      +[](gpointer data) -> gboolean {
        auto* self = static_cast<GstPipelineRun*>(data);
        self->stop_timer_ = 0;
        self->finish_stop(false);
        return G_SOURCE_REMOVE;
      },
      this);
}

void GstPipelineRun::dispose(std::unique_ptr<GstPipelineRun> run, std::chrono::milliseconds limit,
                             std::function<void()> stopped) {
  // What it still has to say concerns nobody.
  run->events_ = PipelineEvents{};
  auto shared = std::shared_ptr<GstPipelineRun>(std::move(run));
  shared->stop(limit, [shared, stopped = std::move(stopped)](bool) mutable {
    if (stopped) stopped();
    // Not while it is in a call of its own.
    g_idle_add_full(
        G_PRIORITY_DEFAULT, +[](gpointer) -> gboolean { return G_SOURCE_REMOVE; },
        std::make_unique<std::shared_ptr<GstPipelineRun>>(std::move(shared)).release(),
        +[](gpointer data) {
          const std::unique_ptr<std::shared_ptr<GstPipelineRun>> owned(
              static_cast<std::shared_ptr<GstPipelineRun>*>(data));
        });
  });
}

gboolean GstPipelineRun::on_bus(GstBus* /*bus*/, GstMessage* message, gpointer self) noexcept {
  static_cast<GstPipelineRun*>(self)->heard(message);
  return G_SOURCE_CONTINUE;
}

void GstPipelineRun::heard(GstMessage* message) {
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
    wrap::Owned<GError> error;
    gst_message_parse_error(message, wrap::OutParam(error), nullptr);
    fail(fmt::format("{}: {}", GST_MESSAGE_SRC_NAME(message), error->message));
  } else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS) {
    // A copy, for the callback may delete this.
    const auto ended = events_.ended;
    if (ended) ended();
  } else if ((GST_MESSAGE_TYPE(message) & (GST_MESSAGE_ELEMENT | GST_MESSAGE_APPLICATION)) != 0) {
    const auto other = events_.other;
    if (other) other(message);
  }
}

void GstPipelineRun::said(const Said& what) {
  if (what.stopped) return finish_stop(true);
  if (what.failed.empty()) return;
  // An element may have said more.
  const auto bus = wrap::Ref<GstBus>::adopt(gst_element_get_bus(pipeline_.get()));
  GstMessage* message = gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ERROR);
  if (message == nullptr) return fail(what.failed);
  // It goes when the callback does.
  const std::unique_ptr<GstMessage, void (*)(GstMessage*)> owned(
      message, [](GstMessage* m) { gst_message_unref(m); });
  heard(message);
}

void GstPipelineRun::fail(const std::string& why) {
  if (std::exchange(failed_, true)) return;
  const auto failed = events_.failed;
  if (failed) failed(why);
}

void GstPipelineRun::finish_stop(bool clean) {
  if (stop_timer_ != 0) g_source_remove(std::exchange(stop_timer_, 0));
  if (const auto stopped = std::exchange(stopped_, nullptr)) stopped(clean);
}

}  // namespace parley::job
