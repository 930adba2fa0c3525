#include "media/reaper.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "media/io_thread.h"
#include "media/log.h"

namespace parley::media {

namespace {

// For threads that have nothing to do to end (our choice). Whoever ends a reaper has waited for
// what it had given to it, if that was to be waited for.
constexpr std::chrono::milliseconds kEndWait{200};

// Runs when the last reference to a webrtcbin goes, on whichever thread drops it.
struct Finalised {
  TransportId id;
  std::shared_ptr<ControlBox> box;
  static void notify(gpointer data, GObject* /*where*/) noexcept {
    const std::unique_ptr<Finalised> own(static_cast<Finalised*>(data));
    own->box->post(Reaped{own->id});
  }
};

}  // namespace

Reaper::Reaper(std::shared_ptr<ControlBox> box, std::chrono::milliseconds watchdog)
    : shared_(std::make_shared<Shared>()), watchdog_(watchdog) {
  shared_->box = std::move(box);
  const std::scoped_lock lock(shared_->mutex);
  start_thread();
}

void Reaper::start_thread() {
  auto progress = std::make_shared<Progress>();
  std::thread thread([shared = shared_, progress] {
    pthread_setname_np(pthread_self(), "parley-reaper");
    run(*shared, *progress);
  });
  workers_.push_back({std::move(thread), std::move(progress)});
}

void Reaper::run(Shared& shared, Progress& progress) {
  std::unique_lock lock(shared.mutex);
  while (!progress.given_up) {
    shared.changed.wait(lock, [&] { return shared.stopping || !shared.queue.empty(); });
    if (shared.queue.empty()) break;
    Remains remains = std::move(shared.queue.front());
    shared.queue.pop_front();
    progress.busy = true;
    progress.busy_since = monotonic_now();
    lock.unlock();
    reap(shared, std::move(remains));
    lock.lock();
    progress.busy = false;
  }
  progress.ended = true;
  shared.changed.notify_all();
}

void Reaper::reap(const Shared& shared, Remains remains) {
  g_object_weak_ref(G_OBJECT(remains.webrtcbin.get()), Finalised::notify,
                    new Finalised{remains.id, shared.box});
  // webrtcbin 1.22 makes elements while it works on a description. Going to NULL meanwhile can miss
  // its receiving bin, which then keeps itself alive: the block on its pad refers to it, and goes
  // only with the bin's own way to NULL.
  if (remains.last_operation) gst_promise_wait(remains.last_operation.get());
  gst_element_set_state(remains.pipeline.get(), GST_STATE_NULL);
  remains.last_operation.reset();
  remains.webrtcbin.reset();
  remains.pipeline.reset();
}

void Reaper::take(Remains remains) {
  {
    const std::scoped_lock lock(shared_->mutex);
    shared_->queue.push_back(std::move(remains));
  }
  shared_->changed.notify_one();
}

std::uint64_t Reaper::check(base::TimePoint now) {
  const std::scoped_lock lock(shared_->mutex);
  std::erase_if(workers_, [](Worker& worker) {  // came back after all
    if (!worker.progress->ended) return false;
    worker.thread.join();
    return true;
  });
  std::uint64_t stuck = 0;
  for (const Worker& worker : workers_) {
    Progress& progress = *worker.progress;
    if (progress.busy && !progress.given_up && now - progress.busy_since > watchdog_) {
      progress.given_up = true;
      log(GST_LEVEL_ERROR, "a leg does not go to NULL; going on without its thread");
    }
    stuck += progress.given_up ? 1 : 0;
  }
  if (stuck == workers_.size()) start_thread();
  return stuck;
}

Reaper::~Reaper() {
  std::unique_lock lock(shared_->mutex);
  shared_->stopping = true;
  shared_->changed.notify_all();
  shared_->changed.wait_for(lock, kEndWait, [this] {
    return std::all_of(workers_.begin(), workers_.end(),
                       [](const Worker& w) { return w.progress->ended; });
  });
  for (Worker& worker : workers_)
    if (!worker.progress->ended) worker.thread.detach();
  std::vector<Worker> workers = std::move(workers_);
  lock.unlock();
  for (Worker& worker : workers)
    if (worker.thread.joinable()) worker.thread.join();  // it has ended, or is about to return
}

}  // namespace parley::media
