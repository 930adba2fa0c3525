// A world of users and devices around a Machine, with a clock that only moves when told to, in
// words close to the protocol's: "A calls B from c1; c3 rings; B accepts on c3".
//
// What a device was told and what the media layer was asked to do is kept as short text, so that a
// test can say what it expects in one line. Every step is also looked at by Watch.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "call/machine.h"
#include "call/paper_store.h"
#include "call/watch.h"

namespace parley::test {

class CallWorld {
 public:
  explicit CallWorld(call::Limits limits = {});
  // Everything that is wrong, as text; empty: nothing. To be asserted at the end of a test.
  [[nodiscard]] std::string problems() const;

  // A device of `user` comes online. Without profiles its profile is the user's name.
  void connect(const std::string& connection, const std::string& user,
               std::vector<std::string> profiles = {});
  void disconnect(const std::string& connection);
  // Its socket is lost, and back: the connection stays what it is.
  void loses_socket(const std::string& connection);
  void resumes(const std::string& connection);

  // Sends a request with a fresh id; returns the answer as text: "ok", "ok active-receiver",
  // "conflict", "already_accepted c3"; "" while there is none.
  std::string send(const std::string& connection, call::RequestBody body);
  std::string send_as(const std::string& id, const std::string& connection, call::RequestBody body);
  // The full last answer, for its sentence.
  [[nodiscard]] const std::optional<call::Reply>& last_reply() const { return last_reply_; }

  // Starts a call with this id.
  std::string calls(const std::string& connection, const std::string& from,
                    std::vector<std::string> to, const std::string& id = "call");
  std::string rings(const std::string& connection, const std::string& id = "call");
  std::string accepts(const std::string& connection, const std::string& id = "call");
  std::string rejects(const std::string& connection,
                      call::RejectReason reason = call::RejectReason::kDeclined,
                      call::RejectScope scope = call::RejectScope::kProfile,
                      const std::string& id = "call");
  std::string invites(const std::string& connection, std::vector<std::string> to,
                      const std::string& id = "call");
  std::string takes(const std::string& connection, const std::string& id = "call");
  std::string hangs_up(const std::string& connection, const std::string& id = "call");
  std::string publishes(const std::string& connection, const std::string& id = "call");
  // Sends a text that founds the chain `id`, and one into a chain.
  std::string texts(const std::string& connection, const std::string& from,
                    std::vector<std::string> to, const std::string& body, const std::string& id);
  std::string texts_into(const std::string& connection, const std::string& from,
                         const std::string& chain, const std::string& body, const std::string& id);
  // What a server asks; the answer is text like that of send().
  std::string commands(call::CommandBody body);

  // From now on the media of every leg is connected as soon as it is opened.
  void media_connects_at_once() { connects_at_once_ = true; }
  // A report of the media layer.
  void leg(call::Input report);
  void shut_down();
  // Any other input.
  void happens(const call::Input& input) { step(input); }
  // The store answers at once; while held, it answers when released, in order.
  void hold_store() { held_ = true; }
  void release_store();
  [[nodiscard]] PaperStore& store() { return store_; }
  void set_storing(bool accepting);
  // Another process with the same store, and nobody connected.
  void restart();
  // Lets time pass; timers go off at their moment.
  void pass(base::Duration duration);

  // What the device was told since last asked: "init:- ringing:B@c3 end:completed". Roles are
  // shortened: "active", "passive", "-".
  std::string told(const std::string& connection);
  // What the media layer was asked to do since last asked: "open1 feed1=1 show1:2 close1".
  std::string media();
  // What was asked of jobs since last asked: "start:jr1-B update:jr1 stop:jr1"; behind '-' who is
  // hidden from it.
  std::string jobs();
  // Tokens grant recording, mixing and bridging, or no longer do.
  void grants(bool all) { granted_ = all; }
  // The last call.end any device got: "completed 5000 A=completed B=completed".
  [[nodiscard]] const std::string& end() const { return end_; }
  // Everything recorded: "started accepted:B@c3 ended".
  [[nodiscard]] const std::string& records() const { return records_; }
  // The calls a device saw in its welcome.
  [[nodiscard]] const std::vector<call::Snapshot>& snapshots(const std::string& connection) {
    return snapshots_[connection];
  }
  // The last event a device got, and the last message for the media layer.
  [[nodiscard]] const call::Event& last_event(const std::string& connection) {
    return last_events_.at(connection);
  }
  // The effects of the last input.
  [[nodiscard]] const std::vector<call::Effect>& effects() const { return effects_; }
  [[nodiscard]] const call::Machine& machine() const { return *machine_; }

 private:
  void step(const call::Input& input);
  void hand_in(const call::Input& input);
  void connect_new_legs();
  void keep(const call::Welcome& effect);
  void keep(const call::SendReply& effect);
  void keep(const call::SendEvent& effect);
  void keep(const call::OpenLeg& effect);
  void keep(const call::CloseLeg& effect);
  void keep(const call::ToLeg& effect);
  void keep(const call::Feed& effect);
  void keep(const call::Show& effect);
  void keep(const call::Hide& effect);
  void keep(const call::Mute& effect);
  void keep(const call::Save& effect);
  void keep(const call::DeliverText& effect);
  void keep(const call::CommandDone& effect);
  void keep(const call::Recall& effect);
  void keep(const call::StoreText& effect);
  void keep(const call::NameStream& effect);
  void keep(const call::StartJob& effect);
  void keep(const call::UpdateJob& effect);
  void keep(const call::StopJob& effect);
  void keep(const call::OpenPort& effect);
  void keep(const call::OpenGuest& effect);
  void keep(const call::PatchLeg& effect);

  call::Limits limits_;
  std::optional<call::Machine> machine_;
  Watch watch_;
  PaperStore store_;
  std::deque<call::Input> answers_;  // of the store, on their way
  bool held_ = false;
  base::Instant now_;
  std::uint64_t next_request_ = 1;
  bool connects_at_once_ = false;
  std::vector<call::Effect> effects_;
  std::optional<call::Reply> last_reply_;
  std::optional<call::CommandDone> last_done_;
  std::map<std::string, std::string> told_;
  std::map<std::string, std::vector<call::Snapshot>> snapshots_;
  std::map<std::string, call::Event> last_events_;
  std::string media_;
  std::string jobs_;
  bool granted_ = true;
  std::string records_;
  std::string end_;
};

// A on c1 (laptop) and c2 (phone), B on c3 and c4.
class FourDevices : public CallWorld {
 public:
  explicit FourDevices(call::Limits limits = {}) : CallWorld(limits) {
    connect("c1", "A");
    connect("c2", "A");
    connect("c3", "B");
    connect("c4", "B");
  }
};

// Short names, as used in the texts above.
[[nodiscard]] std::string name_of(call::Outcome outcome);
[[nodiscard]] std::string name_of(call::ErrorCode code);
[[nodiscard]] std::string name_of(call::Role role);
[[nodiscard]] std::string name_of(call::RecordingState state);
[[nodiscard]] std::string name_of(call::BridgeState state);

}  // namespace parley::test
