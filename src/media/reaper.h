// Takes pipelines to NULL, away from every thread that must not wait.
//
// Going to NULL joins streaming threads, and in GStreamer 1.22 can hang for good. One pipeline is
// taken at a time; when it takes longer than the watchdog allows it is counted as stuck, and a new
// thread goes on with the others.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/time.h"
#include "media/peer_connection.h"

namespace parley::media {

// Thread-safe.
class Reaper {
 public:
  Reaper(std::shared_ptr<ControlBox> box, std::chrono::milliseconds watchdog);
  // Joins. A thread that is not done in a moment is left behind with its pipeline and the queue.
  ~Reaper();
  Reaper(const Reaper&) = delete;
  Reaper& operator=(const Reaper&) = delete;

  // Reaped is posted when the webrtcbin is finalised.
  void take(Remains remains);
  // Looks after the watchdog; to be called now and then. Returns how many pipelines are stuck.
  std::uint64_t check(base::TimePoint now);

 private:
  // Shared with the threads, so that a stuck one may outlive the Reaper.
  struct Shared {
    std::shared_ptr<ControlBox> box;
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<Remains> queue;  // guarded by mutex, as is all below
    bool stopping = false;
  };
  struct Progress {  // of one thread; guarded by Shared::mutex
    base::TimePoint busy_since;
    bool busy = false;
    bool given_up = false;  // the watchdog's verdict; the thread ends when it comes back
    bool ended = false;
  };
  struct Worker {
    std::thread thread;
    std::shared_ptr<Progress> progress;
  };

  void start_thread();
  static void run(Shared& shared, Progress& progress);
  static void reap(const Shared& shared, Remains remains);

  std::shared_ptr<Shared> shared_;
  std::chrono::milliseconds watchdog_;
  std::vector<Worker> workers_;  // guarded by Shared::mutex
};

}  // namespace parley::media
