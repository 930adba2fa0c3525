// A store of paper: what a Machine asked to be kept, in memory, with answers like the real store's.
// Put away and taken out again it plays a restart of the server.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "call/machine.h"

namespace parley::test {

class PaperStore {
 public:
  // Whether the records of one input contradict what is kept: then the gate drops its effects, and
  // the machine is to be told CallNotStored.
  [[nodiscard]] std::optional<call::CallId> contradiction(
      const std::vector<call::Effect>& effects) const;
  // Keeps what is to be kept. The input that answers this effect; nullopt: it needs none.
  [[nodiscard]] std::optional<call::Input> take(const call::Effect& effect);
  // Texts are refused from now on, or not any more.
  void set_full(bool full) { full_ = full; }
  // Nothing can be looked up from now on, or it can again.
  void set_unreadable(bool unreadable) { unreadable_ = unreadable; }
  // Whether there was such a call, and it has ended.
  [[nodiscard]] bool is_over(const call::CallId& call) const;
  // Every text that is kept: "A:hello B:hi".
  [[nodiscard]] const std::string& texts() const { return texts_; }

 private:
  struct Call {
    std::vector<call::ProfileId> profiles;
    bool ended = false;
  };
  void keep(const call::Save& record);
  [[nodiscard]] call::Input store(const call::StoreText& effect);
  [[nodiscard]] call::Input look_up(const call::Recall& effect) const;

  std::set<std::string> ids_;  // of calls, chains and texts
  std::map<call::ChainId, std::vector<call::ProfileId>> chains_;
  std::map<call::CallId, Call> calls_;
  std::string texts_;
  bool full_ = false;
  bool unreadable_ = false;
};

}  // namespace parley::test
