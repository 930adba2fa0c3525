#include "call/errands.h"

#include <utility>

namespace parley::call {

std::optional<Refusal> Errands::full(const UserId& user) const {
  const auto own = of_user_.find(user);
  if (own != of_user_.end() && own->second >= kOfUser)
    return Refusal{ErrorCode::kRateLimited,
                   "too many of your requests wait for the store; wait for their answers",
                   std::nullopt};
  if (running_.size() >= kOfAll)
    return Refusal{ErrorCode::kUnavailable,
                   "too many requests wait for the store; try again in a moment", std::nullopt};
  return std::nullopt;
}

void Errands::add(const RequestId& id, Errand errand) {
  const UserId& user =
      std::visit([](const auto& one) -> const UserId& { return one.user; }, errand);
  ++of_user_[user];
  running_.insert_or_assign(id, std::move(errand));
}

void Errands::uncount(const UserId& user) {
  const auto own = of_user_.find(user);
  if (--own->second == 0) of_user_.erase(own);
}

}  // namespace parley::call
