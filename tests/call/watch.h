// Watches a Machine from outside, input by input, and says when it breaks a promise that holds
// whatever the order and timing of messages, time-outs and disconnections.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "call/machine.h"

namespace parley::test {

class Watch {
 public:
  // What was handed in, and what came of it. Broken promises are collected in problems().
  void see(const call::Input& input, const std::vector<call::Effect>& effects,
           const call::Machine& machine, base::TimePoint now);
  // The store holds the id of this call already: what began it is not performed, and the machine
  // is told CallNotStored after a while. What is told of it until then concerns nobody.
  void see_withdrawn(const call::CallId& call) {
    withdrawn_.insert(call);
    to_be_undone_.insert(call);
  }
  // After the last call has ended: nothing may be left.
  void see_end(const call::Machine& machine);
  [[nodiscard]] const std::vector<std::string>& problems() const { return problems_; }

 private:
  struct Party {
    std::optional<call::ConnectionId> active;  // as recorded
    std::optional<call::ConnectionId> was;     // where it was taken from
    bool reconnecting = false;
    bool ringing = false;
    std::optional<call::Outcome> outcome;  // provisional
    // Was unreachable, and a device has rung since: perhaps with nobody there to be told of it. Or
    // it was invited again.
    bool may_ring_again = false;
  };
  struct Call {
    std::map<call::ProfileId, Party> parties;
    std::set<call::ConnectionId> told;
    std::set<call::ConnectionId> told_end;
    std::map<call::ProfileId, call::Outcome> outcomes;
    std::optional<call::ProfileId> to_pick_up;  // the initiator, while it is expected to
    std::set<call::ConnectionId> takers;        // devices that ever asked to take it over
    bool ended = false;
  };

  void note(const call::Connected& input);
  void note(const call::SocketLost& input) { without_socket_.insert(input.connection); }
  void note(const call::Resumed& input) { without_socket_.erase(input.connection); }
  void note(const call::Disconnected& input);
  void note(const call::Received& input);
  void note(const call::TextStored& input);
  void note(const call::Recalled& input);
  void note(const call::CallNotStored& input) { to_be_undone_.erase(input.call); }
  void note_ringing(const call::CallId& id);
  void note_take(const call::CallId& id);
  void note_invite(const call::Invite& invite);
  template <class Other>
  void note(const Other& /*input*/) {}

  void check(const call::Welcome& effect);
  void check(const call::SendReply& effect);
  void check(const call::SendEvent& effect);
  void check(const call::OpenLeg& effect);
  void check(const call::CloseLeg& effect);
  void check(const call::ToLeg& effect);
  void check(const call::Feed& effect);
  void check(const call::Show& effect);
  void check(const call::Hide& effect);
  void check(const call::Mute& effect);
  void check(const call::NameStream& effect);
  void check(const call::StartJob& effect);
  void check(const call::UpdateJob& effect);
  void check(const call::StopJob& effect);
  void check(const call::OpenPort& effect);
  void check(const call::OpenGuest& effect);
  void check(const call::PatchLeg& effect);
  void check(const call::CommandDone& effect);
  void check(const call::RecordingBegan& record);
  void check(const call::RecordingOver& record);
  void check_view(const call::RecordingView& view, const call::CallId& id);
  void check_mixed(const call::Show& effect);
  void note(const call::JobReported& input);
  void note(const call::GuestAnswered& input);
  void note(const call::Command& input) { tickets_.insert(input.ticket); }
  void check(const call::DeliverText& effect);
  void check(const call::Recall& effect);
  void check(const call::StoreText& effect);
  void check(const call::Save& effect);
  void check(const call::CallStarted& record);
  void check(const call::CallAccepted& record);
  void check(const call::ParticipantAdded& record);
  void check(const call::ParticipantLeft& record);
  void check(const call::CallEnded& record);
  template <class Other>
  void check(const Other& /*effect*/) {}

  void check_event(Call& call, const call::Event& event, const call::ConnectionId& to);
  void check_calls(const call::Machine& machine, base::TimePoint now);
  void check_legs();
  static bool may_get(const Party& party, call::Outcome outcome);
  Call& call_of(const call::CallId& id);
  void expect(bool holds, std::string_view problem);

  std::set<call::ConnectionId> present_;
  std::set<std::pair<call::ConnectionId, call::RequestId>> owed_;
  // What the store was asked for and has not answered, and the device for which it was.
  std::map<call::RequestId, std::optional<call::ConnectionId>> errands_;
  std::map<call::RequestId, call::TextMessage> storing_;
  std::set<call::ConnectionId> heard_;  // of the text that is stored now
  std::optional<call::TextMessage> stored_;
  std::optional<call::ConnectionId> asking_;  // of the input being looked at
  std::optional<call::CallId> taking_;        // what call.take of this input is about
  // What this input recorded: who is active where now, and where he was before. All records of an
  // input stand before the events, also when several timers go off in one Tick.
  using Where = std::tuple<call::CallId, call::ProfileId, call::ConnectionId>;
  std::set<Where> moved_;
  std::set<Where> left_;
  std::set<call::ConnectionId> without_socket_;
  std::map<call::RequestId, bool> immediate_;  // of each call.init
  std::set<call::CallId> withdrawn_;           // ever
  std::set<call::CallId> to_be_undone_;        // the machine does not know it yet
  bool ticked_ = false;
  std::map<call::CallId, Call> calls_;
  std::set<call::LegId> opened_;  // ever
  std::set<call::LegId> open_;
  std::map<call::LegId, call::ConnectionId> takers_legs_;  // do not feed a stream yet
  std::map<call::StreamId, call::LegId> fed_;
  std::set<std::pair<call::LegId, call::StreamId>> shown_;
  // Jobs: from StartJob to the report of their end.
  struct Job {
    call::CallId call;
    bool stopped = false;
    bool records = false;
  };
  std::map<call::JobId, Job> jobs_;
  std::set<call::JobId> named_;  // every job there ever was
  std::map<call::JobId, call::CallId> recording_;
  std::map<call::LegId, std::pair<call::JobId, std::string>> ports_;  // and the owner
  std::map<call::LegId, std::uint64_t> guests_;  // and the command that brought it
  std::set<std::uint64_t> tickets_;              // commands that wait
  std::map<call::StreamId, call::ProfileId> names_;
  std::map<call::LegId, call::ProfileId> owners_;  // of legs that feed a named stream
  std::vector<std::string> problems_;
};

}  // namespace parley::test
