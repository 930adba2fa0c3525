// The thread of a recording that waits for the disk, so that nothing else has to.
//
// A disk that hangs or is slow holds up whoever writes, syncs or closes. Everything of that kind,
// but the writing itself, which is on the threads of the parts' pipelines, happens here in order.
#pragma once

#include <functional>
#include <memory>

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

}  // namespace parley::job
