// Collects what one input leads to, in the order in which the driver must do it: first what must be
// on disk, then the replies, then events and media. So nobody is told of an unrecorded decision, a
// client has the answer to its request before the events it caused, and one input is one commit.
#pragma once

#include <iterator>
#include <utility>
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
