// The output gate: nobody is told of a decision before it is on disk.
//
// Effects come in the order they were decided. What stands behind a Save waits until the store has
// committed it, while the machine goes on deciding; no thread waits. When a commit fails, decisions
// about a live call are released all the same, and counted: people who talk go on talking. Only a
// call whose id the store knows as taken is withdrawn: there must not be two of that name.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "call/machine.h"

namespace parley::app {

// Main thread only.
class Gate {
 public:
  // Hands records over that belong together; `done` is called later, in the order of the calls.
  using Commit =
      std::function<void(std::vector<call::Save>, std::function<void(base::Result<void>)> done)>;
  using Perform = std::function<void(call::Effect)>;
  // Told of each wait that is over: how long, and what the store said.
  using Waited = std::function<void(base::Duration, const base::Result<void>&)>;
  // Told of a call that is not stored since its id is taken, and with it nothing of its input. All
  // effects of that input are dropped; the caller is answered with `conflict`.
  using Withdrawn = std::function<void(const call::CallId&)>;
  using Clock = std::function<base::TimePoint()>;

  Gate(Commit commit, Perform perform, Waited waited, Withdrawn withdrawn, Clock clock);
  ~Gate();
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  // The effects of one input. Its Saves are one transaction.
  void push(std::vector<call::Effect> effects);

  // Effects that wait.
  [[nodiscard]] std::size_t waiting() const { return waiting_; }

 private:
  // The effects of one input; all Saves among them are gone.
  struct Batch {
    std::vector<call::Effect> effects;
    std::size_t next = 0;     // to be performed
    std::size_t barrier = 0;  // from here on they wait
    bool open = true;
    base::TimePoint since;
  };

  void commit(const std::shared_ptr<Batch>& batch, std::vector<call::Save> saves);
  void settle(Batch& batch, const std::vector<call::CallId>& started,
              const base::Result<void>& result);
  void withdraw(Batch& batch, const call::CallId& call);
  void forget_events(Batch& batch, const call::CallId& call,
                     const std::set<base::ConnectionId>& untold);
  void release();

  const Commit commit_;
  const Perform perform_;
  const Waited waited_;
  const Withdrawn withdrawn_;
  const Clock clock_;
  std::deque<std::shared_ptr<Batch>> batches_;
  std::size_t waiting_ = 0;
  bool releasing_ = false;
  // What a commit that comes back after us finds.
  std::shared_ptr<Gate*> self_;
};

}  // namespace parley::app
