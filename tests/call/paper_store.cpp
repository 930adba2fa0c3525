#include "call/paper_store.h"

#include "base/overloaded.h"
#include "call/ledger.h"

namespace parley::test {

std::optional<call::CallId> PaperStore::contradiction(
    const std::vector<call::Effect>& effects) const {
  for (const call::Effect& effect : effects) {
    const auto* save = std::get_if<call::Save>(&effect);
    const auto* started = save != nullptr ? std::get_if<call::CallStarted>(save) : nullptr;
    if (started == nullptr) continue;
    if (ids_.contains(started->call.str())) return started->call;
    const auto chain = chains_.find(started->chain);
    if (chain != chains_.end() && !call::contains(chain->second, started->from))
      return started->call;
  }
  return std::nullopt;
}

std::optional<call::Input> PaperStore::take(const call::Effect& effect) {
  return std::visit(
      base::Overloaded{
          [&](const call::Save& record) -> std::optional<call::Input> {
            keep(record);
            return std::nullopt;
          },
          [&](const call::StoreText& text) -> std::optional<call::Input> { return store(text); },
          [&](const call::Recall& recall) -> std::optional<call::Input> { return look_up(recall); },
          [](const auto&) -> std::optional<call::Input> { return std::nullopt; }},
      effect);
}

bool PaperStore::is_over(const call::CallId& call) const {
  const auto found = calls_.find(call);
  return found != calls_.end() && found->second.ended;
}

void PaperStore::keep(const call::Save& record) {
  std::visit(base::Overloaded{[&](const call::CallStarted& r) {
                                std::vector<call::ProfileId> everybody{r.from};
                                everybody.insert(everybody.end(), r.to.begin(), r.to.end());
                                ids_.insert({r.call.str(), r.chain.str()});
                                chains_.try_emplace(r.chain, everybody);
                                calls_[r.call].profiles = everybody;
                              },
                              [&](const call::ParticipantAdded& r) {
                                calls_[r.call].profiles.push_back(r.profile);
                              },
                              [&](const call::CallEnded& r) {
                                if (const auto call = calls_.find(r.call); call != calls_.end())
                                  call->second.ended = true;
                              },
                              [](const auto&) {}},
             record);
}

call::Input PaperStore::store(const call::StoreText& effect) {
  const call::TextMessage& text = effect.text;
  if (full_)
    return call::TextStored{
        text.id, call::Refusal{call::ErrorCode::kUnavailable, "the disk is full", std::nullopt}};
  const auto chain = chains_.find(text.chain);
  const bool foreign =
      !effect.founds && chain != chains_.end() && !call::contains(chain->second, text.from);
  if (foreign || !ids_.insert(text.id.str()).second)
    return call::TextStored{
        text.id, call::Refusal{call::ErrorCode::kConflict, "this id is taken", std::nullopt}};
  if (effect.founds) chains_[text.chain] = text.members;
  texts_ += (texts_.empty() ? "" : " ") + text.from.str() + ":" + text.body;
  return call::TextStored{text.id, std::nullopt};
}

call::Input PaperStore::look_up(const call::Recall& effect) const {
  call::Recalled answer{.id = effect.id, .refusal = {}, .chain = {}, .participants = {}};
  if (unreadable_) {
    answer.refusal =
        call::Refusal{call::ErrorCode::kUnavailable, "the disk is broken", std::nullopt};
    return answer;
  }
  if (effect.chain)
    if (const auto chain = chains_.find(*effect.chain); chain != chains_.end())
      answer.chain = call::Recalled::Chain{chain->first, chain->second};
  if (effect.call)
    if (const auto call = calls_.find(*effect.call); call != calls_.end() && call->second.ended)
      answer.participants = call->second.profiles;
  return answer;
}

}  // namespace parley::test
