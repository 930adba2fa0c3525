#include "app/gate.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/overloaded.h"

namespace parley::app {
namespace {

std::vector<call::CallId> started_in(const std::vector<call::Save>& saves) {
  std::vector<call::CallId> calls;
  for (const call::Save& save : saves)
    if (const auto* started = std::get_if<call::CallStarted>(&save)) calls.push_back(started->call);
  return calls;
}

// What its caller is told instead of "ok".
void refuse_reply(call::Effect& effect, const call::CallId& call) {
  auto* send = std::get_if<call::SendReply>(&effect);
  if (send == nullptr || send->reply.ref.str() != call.str()) return;
  send->reply.body =
      call::Refusal{call::ErrorCode::kConflict,
                    "the id is taken by an earlier call, chain or text; make a new one",
                    {}};
}

bool tells_of(const call::Effect& effect, const call::CallId& call) {
  const auto* event = std::get_if<call::SendEvent>(&effect);
  return event != nullptr && event->event.call == call;
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
  // Kept only where the store's word may make another submission necessary.
  std::vector<call::Save> kept = started_in(saves).empty() ? std::vector<call::Save>{} : saves;
  commit_(std::move(saves),
          [self = self_, batch, kept = std::move(kept)](const base::Result<void>& result) {
            if (*self != nullptr) (*self)->settle(batch, kept, result);
          });
}

void Gate::settle(const std::shared_ptr<Batch>& batch, std::vector<call::Save> saves,
                  const base::Result<void>& result) {
  const std::vector<call::CallId> refused = started_in(saves);
  const bool taken = !result && result.error().code == base::Code::kConflict && !refused.empty();
  if (taken) {
    for (const call::CallId& call : refused) {
      withdraw(*batch, call);
      std::erase_if(saves, [&call](const call::Save& save) {
        return std::visit([&call](const auto& s) { return s.call == call; }, save);
      });
    }
    for (const call::CallId& call : refused) withdrawn_(call);
    // The end of a call that it would have replaced, for example: that has happened.
    if (!saves.empty()) return commit(batch, std::move(saves));
  }
  batch->open = true;
  waited_(clock_() - batch->since, taken ? base::Result<void>{} : result);
  release();
}

void Gate::withdraw(Batch& batch, const call::CallId& call) {
  for (call::Effect& effect : batch.effects) refuse_reply(effect, call);
  // What was performed already is no more than an empty shell.
  waiting_ -= std::erase_if(batch.effects,
                            [&call](const call::Effect& effect) { return tells_of(effect, call); });
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
