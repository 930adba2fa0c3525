// The thread of a recording that waits for the disk, so that nothing else has to.
//
// A disk that hangs or is slow holds up whoever writes, syncs or closes. Everything of that kind,
// but the writing itself, which is on the threads of the parts' pipelines, happens here in order.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/result.h"
#include "wrap/context_thread.h"
#include "wrap/mailbox.h"

namespace parley::job {

// Made, called and destroyed on the job's main context.
class Disk {
 public:
  Disk();
  // Waits for what was begun; what was not is dropped.
  ~Disk();
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  // `work` on the thread; then what it returns on the main context, if this lives then.
  using Then = std::function<void()>;
  void run(std::function<Then()> work);

 private:
  struct Inside;  // of the thread
  wrap::ContextMailbox<Then> answers_;
  std::unique_ptr<wrap::ContextThread> thread_;
  std::unique_ptr<Inside> inside_;
};

// Whether the disk has the room left that it is to keep for others. Lives like a Disk, within its
// life and that of the folder's descriptor.
class FreeRoom {
 public:
  // `on_short` is told how much there is and how much there should be, once.
  FreeRoom(Disk& disk, int folder, std::uint64_t keep_bytes,
           std::function<void(base::Error)> on_short);
  ~FreeRoom() { *self_ = nullptr; }
  FreeRoom(const FreeRoom&) = delete;
  FreeRoom& operator=(const FreeRoom&) = delete;

  void look();

 private:
  Disk& disk_;
  const int folder_;
  const std::uint64_t keep_bytes_;
  std::function<void(base::Error)> on_short_;  // empty: told
  bool looking_ = false;
  std::shared_ptr<FreeRoom*> self_;  // for answers that come late
};

}  // namespace parley::job
