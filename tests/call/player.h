// Plays one random run: users with several profiles and devices, requests, commands, reports of the
// media layer, lost sockets, a store that answers late or refuses, and time. Watch looks at every
// step. A run can be written down as a journal, which `parleyd replay` takes.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "call/machine.h"
#include "call/paper_store.h"
#include "call/watch.h"

namespace parley::test {

// What to do, and three numbers that choose with whom and what.
struct Step {
  unsigned what = 0;
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
};

class Player {
 public:
  Player();

  void play(const Step& step);
  // Everybody leaves, or the server ends; then nothing may be left.
  void finish(bool by_shutdown);
  [[nodiscard]] bool failed() const { return !watch_.problems().empty(); }
  // What happened how often, by name: a test that never gets anywhere proves nothing.
  [[nodiscard]] const std::map<std::string, std::size_t>& happened() const { return happened_; }
  // What was done, in words, and what is wrong.
  [[nodiscard]] std::string story() const;
  // Everything that was handed in, and what came of it.
  [[nodiscard]] std::string journal() const;

 private:
  void connect(unsigned user);
  void disconnect(unsigned which);
  void change_socket(const Step& step);
  void init(const Step& step);
  void text(const Step& step);
  void request(const Step& step);
  void repeat(const Step& step);
  void command(const Step& step);
  void report(const Step& step);
  void verdict(const Step& step);
  void report_job(const Step& step);
  void report_port(const Step& step);
  void guest_command(const Step& step);
  void change_store(const Step& step);
  void pass(const Step& step);
  void ask(const std::string& from, call::RequestBody body, bool admin, const std::string& what);
  void hand_in(const call::Input& input, const std::string& what);
  void let_store_answer(std::size_t most);
  void keep(const call::Effect& effect);
  void count(const call::SendReply& effect);
  [[nodiscard]] std::string pick_connection(unsigned n) const;
  [[nodiscard]] call::CallId pick_call(unsigned n) const { return calls_[n % calls_.size()]; }
  [[nodiscard]] std::string next_id() { return "q" + std::to_string(next_++); }

  call::Limits limits_;
  call::Machine machine_;
  Watch watch_;
  PaperStore store_;
  std::deque<call::Input> answers_;  // of the store, on their way
  base::Instant now_{};
  unsigned next_ = 1;
  std::uint64_t next_ticket_ = 1;
  std::vector<std::string> connections_;
  std::set<std::string> without_socket_;
  std::map<std::string, std::vector<call::ProfileId>> profiles_by_connection_;
  std::vector<call::CallId> calls_{call::CallId("unheard-of")};
  std::vector<call::ChainId> chains_{call::ChainId("unheard-of")};
  std::vector<call::Received> asked_;
  std::vector<std::pair<std::string, call::CallId>> told_of_;  // devices and calls, latest last
  std::vector<base::LegId> legs_{base::LegId{999'999}};        // one that never was, then real ones
  std::vector<call::ToLeg> to_legs_;
  std::vector<call::CallId> running_;  // accepted, and not over
  // Mostly a call that runs; else any.
  [[nodiscard]] call::CallId pick_running(unsigned n) const {
    return running_.empty() || n % 8 == 0 ? pick_call(n / 8) : running_[n / 8 % running_.size()];
  }
  std::vector<call::JobId> jobs_{call::JobId("unheard-of")};
  std::vector<base::LegId> ports_{base::LegId{999'999}};  // also of guests
  std::vector<std::pair<base::LegId, std::uint64_t>> asked_guests_;
  std::map<std::string, std::size_t> happened_;
  std::vector<std::pair<call::Input, base::Instant>> inputs_;
  std::vector<std::string> words_;  // for each of them
};

}  // namespace parley::test
