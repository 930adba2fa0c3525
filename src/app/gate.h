// The output gate: nobody is told of a decision before it is on disk.
//
// Effects come in the order they were decided. What stands behind a Save waits until the store has
// committed it, while the machine goes on deciding; no thread waits. When a commit fails, decisions
// about a live call are released all the same, and counted: people who talk go on talking.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <variant>
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
  using Clock = std::function<base::TimePoint()>;

  Gate(Commit commit, Perform perform, Waited waited, Clock clock);
  ~Gate();
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  // The effects of one input. Its Saves are one transaction.
  void push(std::vector<call::Effect> effects);

  // Effects that wait.
  [[nodiscard]] std::size_t waiting() const;

 private:
  struct Barrier {
    base::TimePoint since;
    bool open = false;
  };
  using Entry = std::variant<call::Effect, std::shared_ptr<Barrier>>;

  void release();

  const Commit commit_;
  const Perform perform_;
  const Waited waited_;
  const Clock clock_;
  std::deque<Entry> entries_;
  bool releasing_ = false;
  // What a commit that comes back after us finds.
  std::shared_ptr<Gate*> self_;
};

}  // namespace parley::app
