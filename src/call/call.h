// One live call as plain data, and questions about it. What may change it stands in `state.h`.
//
// Not thread-safe: owned by one Machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "call/machine.h"
#include "call/messages.h"

namespace parley::call {

// How far a participant has come. Roles and the states shown to clients follow from it.
enum class Stage {
  kPickUp,  // an initiator who has not picked up its own call yet (`immediate: false`)
  kInviting,
  kRinging,
  kActive,
  kLeft
};

// What a receiver's connection made of its call.init.
enum class Response {
  kAwaited,   // nothing yet, and its time to answer is not over
  kSilent,    // nothing within the init time-out: not reachable, until it answers after all
  kRings,     // call.ringing
  kDeclined,  // call.reject for this connection only
};

// A connection that was told of the call.
struct Device {
  std::size_t participant = 0;  // index into Call::participants
  Response response = Response::kAwaited;
  base::TimePoint answer_by;  // for call.ringing
  bool founding = false;      // was told of the call when it began
};

// The media of an active participant. Exists from OpenLeg to CloseLeg.
struct MediaLeg {
  LegId id;
  bool offered = false;
  bool connected = false;
  std::optional<base::TimePoint>
      connect_by;  // set until it is connected; the first offer renews it
  std::set<RequestId> awaiting_verdict;
  std::set<StreamId> shown;
};

// Where a participant is active. Kept for the resume window when socket or media are lost.
struct Place {
  ConnectionId connection;
  std::optional<MediaLeg> media;
  std::optional<base::TimePoint> socket_back_by;  // set: the socket is gone
  std::optional<base::TimePoint> media_back_by;   // set: the media is silent
  [[nodiscard]] bool lost() const { return socket_back_by || media_back_by; }
};

// A device that is about to take the call over: it has a leg beside the one that feeds.
struct Taking {
  ConnectionId connection;
  MediaLeg media;
  base::TimePoint give_up_by;
};

// A leg whose media comes from a job, and the stream it feeds.
struct Port {
  LegId leg;
  StreamId stream;
  bool connected = false;
};

struct Recording {
  RecordingView view;
  std::optional<base::TimePoint> ask_until;  // set: everybody is asked, and there is no job yet
  std::vector<ProfileId> hidden;             // as the job knows it
  std::optional<ProfileId> by;
  bool stopping = false;
};

// Makes one picture of everybody, and for each who wants it the sound of everybody else.
struct Mixer {
  JobId job;
  Port picture;
  std::map<ProfileId, Port> sounds;  // empty profile: for guests who watch
  // Whether this one can be shown what is mixed. Once it can, it stays so.
  [[nodiscard]] bool ready(const ProfileId& profile) const {
    const auto sound = sounds.find(profile);
    return picture.connected && sound != sounds.end() && sound->second.connected;
  }
};

struct Bridge {
  BridgeView view;
  std::optional<Port> port;  // in
  bool was_live = false;
  bool stopping = false;
};

// Somebody whose leg was made by its own offer. One that publishes is a participant when its leg is
// connected; one that watches never is.
struct Guest {
  ProfileId profile;
  bool publishes = true;
  std::optional<ProfileId> watches;      // nullopt: the mix
  Port port;                             // stream: when it publishes
  std::optional<std::uint64_t> joining;  // the command that waits for the answer
  std::set<std::uint64_t> patching;      // commands that wait for theirs
  std::optional<base::TimePoint> connect_by;
  std::optional<base::TimePoint> back_by;  // of one that watches: its media is silent
  std::set<StreamId> shown;
  [[nodiscard]] bool watches_mix() const { return !publishes && !watches; }
};

struct Participant {
  ProfileId profile;
  StreamId stream;  // for the life of the call, whichever leg feeds it
  bool initiator = false;
  Stage stage = Stage::kInviting;
  Settings unmuted;
  std::optional<Outcome> outcome;           // set exactly when stage is kLeft; provisional
  std::optional<Place> place;               // set exactly when stage is kActive
  std::optional<Taking> taking;             // only while there is a place
  std::optional<base::TimePoint> moved_at;  // when the last take-over was completed
  bool barred = false;                      // removed: may not come back unless invited again
  std::optional<RejectReason> declined;     // said by one of its devices, for that device alone
  base::TimePoint init_by;                  // earliest moment to call it unreachable
  base::TimePoint answer_cap;               // no device may put that off beyond this
  std::optional<base::TimePoint> ringing_by;
  std::optional<Mode> mode;     // set: another than the call's
  std::optional<JobId> bridge;  // brought in by this bridge or guest: no person, and on no device
  bool named = false;           // jobs know its stream

  [[nodiscard]] bool waiting() const {
    return stage == Stage::kInviting || stage == Stage::kRinging;
  }
};

struct Call {
  CallId id;
  ChainId chain;
  UserId opener;
  ConnectionId opened_from;
  Settings settings;
  base::WallTime at;
  bool group = false;  // has or had more than one receiver
  bool immediate = true;
  bool two_met = false;  // two were active at once, at some time
  bool rung = false;     // some device rings or rang: the initiator's media is wanted
  bool ended = false;
  std::uint64_t order = 0;                      // of the start among all calls
  base::TimePoint end_by;                       // longest call
  std::optional<base::TimePoint> accepted_at;   // the first accept by a receiver
  std::optional<base::WallTime> accepted_wall;  // the same, for people
  std::optional<base::TimePoint> alone_until;   // set: one is left of at least two
  std::optional<base::TimePoint> pick_up_by;    // set: somebody waits for the initiator
  std::vector<Effect> superseding;              // the end of the call that this one replaced
  Mode mode = Mode::kForward;
  std::optional<Recording> recording;
  std::optional<Mixer> mixer;
  std::vector<Bridge> bridges;  // in the order of their start
  std::map<JobId, Guest> guests;
  // The initiator first, then as in `to`, and in between what bridges have brought in.
  std::vector<Participant> participants;
  std::map<ConnectionId, Device> devices;

  [[nodiscard]] const Participant& initiator() const { return participants.front(); }
  [[nodiscard]] std::vector<ProfileId> receivers() const;
  [[nodiscard]] bool picking_up() const { return initiator().stage == Stage::kPickUp; }
  // nullptr: takes no part.
  [[nodiscard]] Participant* find(const ProfileId& profile);
  [[nodiscard]] Bridge* find_bridge(const JobId& id);
  // Whether this participant is to get what is mixed.
  [[nodiscard]] bool wants_mix(const Participant& participant) const {
    return participant.place && !participant.bridge &&
           participant.mode.value_or(mode) == Mode::kMix;
  }
  // Who counts are people: the call does not live for what is bridged in.
  [[nodiscard]] std::size_t count_people() const;
  [[nodiscard]] std::size_t count_active() const;
  [[nodiscard]] std::size_t count_waiting() const;
  // Whether some device of `participants[index]` may still ring or be answered.
  [[nodiscard]] bool reachable(std::size_t index) const;
  // The participant that a connection with these profiles is: the initiator if it can be, else the
  // first that stands in `to`; nullopt: an outsider.
  [[nodiscard]] std::optional<std::size_t> participant_of(
      const std::vector<ProfileId>& profiles) const;
};

}  // namespace parley::call
