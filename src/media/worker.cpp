#include "media/worker.h"

#include <gst/gst.h>

#include <future>
#include <utility>

#include "media/control.h"
#include "wrap/context_thread.h"

namespace parley::media {

class Worker::Impl {
 public:
  Impl() : thread_("parley-media") {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  base::Result<void> start(WorkerConfig config, std::function<void(Event)> on_event) {
    base::Result<void> result;
    stall_ = config.shutdown_stall;
    thread_.run_and_wait([&] {
      auto control = Control::start(thread_.context(), std::move(config), std::move(on_event));
      if (control)
        control_ = std::move(*control);
      else
        result = tl::unexpected(control.error());
    });
    return result;
  }

  ~Impl() {
    if (!control_) return;
    // Shared: it may be fulfilled after the wait was given up.
    const auto empty = std::make_shared<std::promise<void>>();
    thread_.run_and_wait([&] { control_->close_all([empty] { empty->set_value(); }); });
    // A pipeline that hangs is left behind; the process is about to end anyway.
    const auto ended = empty->get_future();
    std::uint64_t before = 0;
    do {
      before = control_->counters().legs_reaping.load(std::memory_order_relaxed);
    } while (ended.wait_for(stall_) == std::future_status::timeout &&
             control_->counters().legs_reaping.load(std::memory_order_relaxed) != before);
    thread_.run_and_wait([&] { control_.reset(); });
  }

  [[nodiscard]] const Control& control() const { return *control_; }

 private:
  std::chrono::milliseconds stall_{};
  wrap::ContextThread thread_;
  std::unique_ptr<Control> control_;  // constant while the worker lives
};

base::Result<std::unique_ptr<Worker>> Worker::start(WorkerConfig config,
                                                    std::function<void(Event)> on_event) {
  if (gst_is_initialized() == FALSE) {
    if (gst_init_check(nullptr, nullptr, nullptr) == FALSE)
      return base::fail(base::Code::kUnavailable, "GStreamer does not initialise");
  }
  auto impl = std::make_unique<Impl>();
  if (auto started = impl->start(std::move(config), std::move(on_event)); !started)
    return tl::unexpected(started.error());
  return std::unique_ptr<Worker>(new Worker(std::move(impl)));
}

Worker::Worker(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Worker::~Worker() = default;

void Worker::post(Command command) { impl_->control().box()->post(std::move(command)); }

std::uint16_t Worker::udp_port() const { return impl_->control().udp_port(); }

WorkerStats Worker::stats() const {
  const auto get = [](const std::atomic<std::uint64_t>& counter) {
    return counter.load(std::memory_order_relaxed);
  };
  const IoCounters& io = impl_->control().io_counters();
  const ControlCounters& control = impl_->control().counters();
  WorkerStats out;
  out.packets_in = get(io.packets_in);
  out.packets_out = get(io.packets_out);
  out.bytes_in = get(io.bytes_in);
  out.bytes_out = get(io.bytes_out);
  out.auth_failures = get(io.auth_failures);
  out.replays = get(io.replays);
  out.malformed = get(io.malformed);
  out.send_drops = get(io.send_drops);
  out.keyframe_requests = get(io.keyframe_requests);
  out.nacked = get(io.nacked);
  out.tap_packets = get(io.tap_packets);
  out.tap_drops = get(io.tap_drops);
  out.injected = get(io.injected);
  out.injected_drops = get(io.injected_drops);
  out.job_connections = get(control.job_connections);
  out.fingerprint_mismatches = get(control.fingerprint_mismatches);
  out.legs = get(control.legs);
  out.legs_reaping = get(control.legs_reaping);
  out.reaper_stuck = get(control.reaper_stuck);
  return out;
}

}  // namespace parley::media
