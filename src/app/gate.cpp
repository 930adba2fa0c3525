#include "app/gate.h"

#include <algorithm>
#include <utility>

namespace parley::app {

Gate::Gate(Commit commit, Perform perform, Waited waited, Clock clock)
    : commit_(std::move(commit)),
      perform_(std::move(perform)),
      waited_(std::move(waited)),
      clock_(std::move(clock)),
      self_(std::make_shared<Gate*>(this)) {}

Gate::~Gate() { *self_ = nullptr; }

void Gate::push(std::vector<call::Effect> effects) {
  std::vector<call::Save> saves;
  std::shared_ptr<Barrier> barrier;
  for (call::Effect& effect : effects) {
    auto* save = std::get_if<call::Save>(&effect);
    if (save == nullptr) {
      entries_.emplace_back(std::move(effect));
      continue;
    }
    // All Saves of an input are one transaction, so what stands behind the first waits for all.
    if (!barrier) {
      barrier = std::make_shared<Barrier>(Barrier{clock_()});
      entries_.emplace_back(barrier);
    }
    saves.push_back(std::move(*save));
  }
  if (barrier) {
    commit_(std::move(saves), [self = self_, barrier](const base::Result<void>& result) {
      if (*self == nullptr) return;
      barrier->open = true;
      (*self)->waited_((*self)->clock_() - barrier->since, result);
      (*self)->release();
    });
  }
  release();
}

// What is performed may push again: that waits for its turn at the end of the line.
void Gate::release() {
  if (releasing_) return;
  releasing_ = true;
  while (!entries_.empty()) {
    const auto* barrier = std::get_if<std::shared_ptr<Barrier>>(&entries_.front());
    if (barrier != nullptr && !(*barrier)->open) break;
    Entry entry = std::move(entries_.front());
    entries_.pop_front();
    if (auto* effect = std::get_if<call::Effect>(&entry)) perform_(std::move(*effect));
  }
  releasing_ = false;
}

std::size_t Gate::waiting() const {
  return static_cast<std::size_t>(std::count_if(
      entries_.begin(), entries_.end(),
      [](const Entry& entry) { return std::holds_alternative<call::Effect>(entry); }));
}

}  // namespace parley::app
