// Collects what one input leads to, in the order in which the driver must do it: first what must be
// on disk, then the replies, then events and media. So nobody is told of an unrecorded decision, a
// client has the answer to its request before the events it caused, and one input is one commit.
#pragma once

#include <cstddef>
#include <iterator>
#include <utility>
#include <variant>
#include <vector>

#include "call/machine.h"

namespace parley::call {

class EffectList {
 public:
  void save(Save record) { saves_.emplace_back(std::move(record)); }
  void reply(const ConnectionId& connection, Reply reply) {
    replies_.emplace_back(SendReply{connection, std::move(reply)});
  }
  void push(Effect effect) { rest_.push_back(std::move(effect)); }

  // What was added once and not performed, again.
  void redo(Effect effect) {
    std::vector<Effect>& part = std::holds_alternative<Save>(effect)        ? saves_
                                : std::holds_alternative<SendReply>(effect) ? replies_
                                                                            : rest_;
    part.push_back(std::move(effect));
  }
  // What has been added since mark(), again.
  struct Mark {
    std::size_t saves = 0;
    std::size_t replies = 0;
    std::size_t rest = 0;
  };
  [[nodiscard]] Mark mark() const { return {saves_.size(), replies_.size(), rest_.size()}; }
  [[nodiscard]] std::vector<Effect> since(const Mark& mark) const {
    std::vector<Effect> added;
    const auto copy = [&added](const std::vector<Effect>& part, std::size_t from) {
      added.insert(added.end(), part.begin() + static_cast<std::ptrdiff_t>(from), part.end());
    };
    copy(saves_, mark.saves);
    copy(replies_, mark.replies);
    copy(rest_, mark.rest);
    return added;
  }

  [[nodiscard]] std::vector<Effect> take() {
    std::vector<Effect> all = std::exchange(saves_, {});
    for (std::vector<Effect>* part : {&replies_, &rest_}) {
      all.insert(all.end(), std::make_move_iterator(part->begin()),
                 std::make_move_iterator(part->end()));
      part->clear();
    }
    return all;
  }

 private:
  std::vector<Effect> saves_;
  std::vector<Effect> replies_;
  std::vector<Effect> rest_;
};

}  // namespace parley::call
