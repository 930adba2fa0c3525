#include "app/gate.h"

#include <algorithm>
#include <utility>

namespace parley::app {
namespace {

std::vector<call::CallId> started_in(const std::vector<call::Save>& saves) {
  std::vector<call::CallId> calls;
  for (const call::Save& save : saves)
    if (const auto* started = std::get_if<call::CallStarted>(&save)) calls.push_back(started->call);
  return calls;
}

// Whether it answers who opened the call; if so, with what is said instead of "ok".
bool refuses(call::Effect& effect, const call::CallId& call) {
  auto* send = std::get_if<call::SendReply>(&effect);
  if (send == nullptr || send->reply.ref.str() != call.str()) return false;
  send->reply.body =
      call::Refusal{call::ErrorCode::kConflict,
                    "the id is taken by an earlier call, chain or text; make a new one",
                    {}};
  return true;
}

}  // namespace

Gate::Gate(Commit commit, Perform perform, Waited waited, Withdrawn withdrawn, Clock clock)
    : commit_(std::move(commit)),
      perform_(std::move(perform)),
      waited_(std::move(waited)),
      withdrawn_(std::move(withdrawn)),
      clock_(std::move(clock)),
      self_(std::make_shared<Gate*>(this)) {}

Gate::~Gate() { *self_ = nullptr; }

void Gate::push(std::vector<call::Effect> effects) {
  if (effects.empty()) return release();
  const auto batch = std::make_shared<Batch>();
  std::vector<call::Save> saves;
  for (call::Effect& effect : effects) {
    if (auto* save = std::get_if<call::Save>(&effect)) {
      // All Saves of an input are one transaction, so what stands behind the first waits for all.
      if (saves.empty()) batch->barrier = batch->effects.size();
      saves.push_back(std::move(*save));
    } else {
      batch->effects.push_back(std::move(effect));
    }
  }
  waiting_ += batch->effects.size();
  batches_.push_back(batch);
  if (!saves.empty()) {
    batch->open = false;
    batch->since = clock_();
    commit(batch, std::move(saves));
  }
  release();
}

void Gate::commit(const std::shared_ptr<Batch>& batch, std::vector<call::Save> saves) {
  const std::vector<call::CallId> started = started_in(saves);
  commit_(std::move(saves), [self = self_, batch, started](const base::Result<void>& result) {
    if (*self != nullptr) (*self)->settle(*batch, started, result);
  });
}

void Gate::settle(Batch& batch, const std::vector<call::CallId>& started,
                  const base::Result<void>& result) {
  const bool taken = !result && result.error().code == base::Code::kConflict && !started.empty();
  if (taken) withdraw(batch, started.front());
  batch.open = true;
  waited_(clock_() - batch.since, taken ? base::Result<void>{} : result);
  release();
  if (taken) withdrawn_(started.front());
}

// Nothing of what the input caused is on disk, so nothing of it happens. What was to happen all the
// same the machine decides anew when it hears of it.
void Gate::withdraw(Batch& batch, const call::CallId& call) {
  std::vector<call::Effect> answers;
  std::set<base::ConnectionId> untold;
  for (std::size_t i = batch.next; i < batch.effects.size(); ++i) {
    call::Effect& effect = batch.effects[i];
    if (const auto* event = std::get_if<call::SendEvent>(&effect)) untold.insert(event->connection);
    if (!refuses(effect, call)) continue;
    untold.insert(std::get<call::SendReply>(effect).connection);
    answers.push_back(std::move(effect));
  }
  waiting_ -= batch.effects.size() - batch.next - answers.size();
  batch.effects = std::move(answers);
  batch.next = 0;
  for (const auto& later : batches_) forget_events(*later, call, untold);
}

// Who was never told of a call hears no more of it, whatever has become of it meanwhile.
void Gate::forget_events(Batch& batch, const call::CallId& call,
                         const std::set<base::ConnectionId>& untold) {
  const auto is_of_it = [&](const call::Effect& effect) {
    const auto* send = std::get_if<call::SendEvent>(&effect);
    return send != nullptr && send->event.call == call && untold.contains(send->connection);
  };
  std::vector<call::Effect> kept;
  std::size_t barrier = batch.barrier;
  for (std::size_t i = batch.next; i < batch.effects.size(); ++i) {
    if (!is_of_it(batch.effects[i])) {
      kept.push_back(std::move(batch.effects[i]));
    } else {
      --waiting_;
      if (i < batch.barrier) --barrier;
    }
  }
  batch.barrier = barrier - std::min(barrier, batch.next);
  batch.effects = std::move(kept);
  batch.next = 0;
}

// What is performed may push again: that waits for its turn at the end of the line.
void Gate::release() {
  if (releasing_) return;
  releasing_ = true;
  while (!batches_.empty()) {
    const std::shared_ptr<Batch> batch = batches_.front();
    while (batch->next < batch->effects.size() && (batch->open || batch->next < batch->barrier)) {
      call::Effect effect = std::move(batch->effects[batch->next++]);
      --waiting_;
      perform_(std::move(effect));
    }
    if (!batch->open) break;
    batches_.pop_front();
  }
  releasing_ = false;
}

}  // namespace parley::app
