// The call and role protocol as a state machine: inputs and the time in, effects out.
//
// Every decision about a call is made here and nowhere else, in the order in which inputs arrive.
// The driver hands in what sockets, the media layer and the timer report, and performs the effects.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "call/messages.h"

namespace parley::call {

using base::LegId;
using base::StreamId;

// All configurable (docs/OPERATING.md); the defaults are those of docs/PROTOCOL.md.
struct Limits {
  base::Duration init_timeout = std::chrono::seconds(10);
  base::Duration ringing_timeout = std::chrono::seconds(45);
  base::Duration pick_up_timeout = std::chrono::seconds(30);
  base::Duration take_over_timeout = std::chrono::seconds(10);
  base::Duration move_interval = std::chrono::seconds(2);  // between take-overs: no ping-pong
  base::Duration media_timeout = std::chrono::seconds(15);
  base::Duration resume_window = std::chrono::seconds(30);
  base::Duration alone_timeout = std::chrono::seconds(60);
  base::Duration longest_call = std::chrono::hours(24);
  std::size_t unanswered_calls_per_user = 4;
  std::size_t live_calls_per_user = 32;   // opened by it: bounds the media one account can hold
  std::size_t receivers_per_call = 49;    // 50 participants with the caller
  std::size_t remembered_requests = 256;  // ids per user
  base::Duration request_memory = std::chrono::minutes(10);
  std::size_t remembered_calls = 10'000;  // ended ones; what is older is asked of the store
  std::size_t text_bytes = 8192;
  base::Duration consent_timeout = std::chrono::seconds(30);  // silence means no
  std::size_t bridges_per_call = 8;                           // our choice: each is a process
  std::size_t guests_per_call = 100;  // our choice: twice as many as participants
  // Somebody outside wakes devices that are not connected: tell it (RingsUnheard), and give them
  // until the end of the ringing time-out.
  bool push = false;
};

// ---- inputs ---------------------------------------------------------------------------------

// A device is there: it said a valid hello. Answered with Welcome.
struct Connected {
  ConnectionId connection;
  UserId user;
  std::vector<ProfileId> profiles;
};
// Its socket is lost; the connection may come back as itself (Resumed) until it is Disconnected.
struct SocketLost {
  ConnectionId connection;
};
struct Resumed {
  ConnectionId connection;
};
// It is gone for good: there is no way back to this connection.
struct Disconnected {
  ConnectionId connection;
};
// A request that passed the wire's checks.
struct Received {
  ConnectionId connection;
  Request request;
  bool admin = false;  // its token grants `admin` now
  // ... or one of these; who may everything may these, too.
  bool may_record = false;
  bool may_mix = false;
  bool may_bridge = false;
  std::optional<JobId> fresh = {};  // a random name for what the request may start
};

// What a server that uses Parley asks; answered by CommandDone.
struct EndCall {
  CallId call;
};
struct RemoveParticipant {
  CallId call;
  ProfileId profile;
};
struct MuteParticipant {  // absent: unchanged; false: muted
  CallId call;
  ProfileId profile;
  std::optional<bool> audio;
  std::optional<bool> video;
};
struct PostText {  // in the name of any profile
  RequestId id;
  UserId user;  // of the server's token: ids of requests belong to users
  Text text;
};
// A guest comes to a running call with an offer of its own: WHIP (RFC 9725) when it publishes, then
// it is the participant `profile`; WHEP when it only watches, then nobody is told of it. Answered
// with Ok{bridge: its session, sdp: the answer}.
struct JoinGuest {
  CallId call;
  ProfileId profile;
  bool publishes = true;
  std::optional<ProfileId> watches;  // one participant; nullopt: the mix
  std::string sdp;
};
// Trickled candidates, or new ICE credentials (RFC 8840, 9). Ok{sdp: the fragment to answer with}.
struct PatchGuest {
  CallId call;
  JobId guest;
  std::string fragment;
};
struct LeaveGuest {
  CallId call;
  JobId guest;
};
using CommandBody =
    std::variant<EndCall, RemoveParticipant, MuteParticipant, PostText, Record, SetMode,
                 StartBridge, StopBridge, JoinGuest, PatchGuest, LeaveGuest>;
struct Command {
  std::uint64_t ticket = 0;
  CommandBody body;
  std::optional<JobId> fresh = {};  // a random name for what it may start
};

// From the store, about a StoreText: it is on disk, or why not.
struct TextStored {
  RequestId id;
  std::optional<Refusal> refusal;
};
// From the store, about a Recall: what it knows; nullopt: nothing.
struct Recalled {
  RequestId id;
  std::optional<Refusal> refusal;  // it could not look
  struct Chain {
    ChainId id;
    std::vector<ProfileId> members;
  };
  std::optional<Chain> chain;
  // Everybody who took part in the call asked for, which is over.
  std::optional<std::vector<ProfileId>> participants;
};
// A CallStarted that contradicts what is stored (its id is taken): there is no such call. Its
// effects were not performed.
struct CallNotStored {
  CallId call;
};
// Whether the store takes anything at all: while it does not, calls and texts are not begun.
struct StoreState {
  bool accepting = true;
};

// From the media layer, about a leg opened by OpenLeg. Reports on unknown legs are ignored: they
// crossed a CloseLeg on the way.
struct LegOffered {
  LegId leg;
  MediaOfferEvent offer;
};
struct LegVerdict {  // on a ToLeg: taken, or refused and why
  LegId leg;
  ConnectionId connection;
  RequestId ref;
  std::optional<Refusal> refusal;
};
struct LegConnected {  // ICE and DTLS are up, the peer's identity is proven
  LegId leg;
};
struct LegSilent {  // nothing authentic has come from the peer for a while
  LegId leg;
};
struct LegAudible {  // ... and now something has
  LegId leg;
};
struct LegFailed {
  LegId leg;
  std::string message;
};
// To an OpenGuest or a PatchLeg, by its ticket: the answer, or why there is none. A refused
// OpenGuest leaves no leg behind.
struct GuestAnswered {
  LegId leg;
  std::uint64_t ticket = 0;
  std::optional<Refusal> refusal;
  std::string sdp;
};
// What has become of a job that StartJob began. kEnded and kFailed: nothing of it runs any more.
enum class JobState { kStarting, kLive, kReconnecting, kEnded, kFailed };
struct JobReported {
  JobId job;
  JobState state = JobState::kStarting;
  std::string message;  // for people
  std::string watch;    // path of a playlist
};
struct Tick {};      // deadline() has passed
struct Shutdown {};  // end every call as `shutdown`

using Input =
    std::variant<Connected, SocketLost, Resumed, Disconnected, Received, Command, TextStored,
                 Recalled, CallNotStored, StoreState, LegOffered, LegVerdict, LegConnected,
                 LegSilent, LegAudible, LegFailed, GuestAnswered, JobReported, Tick, Shutdown>;

// ---- effects --------------------------------------------------------------------------------

struct Welcome {
  ConnectionId connection;
  std::vector<Snapshot> calls;
};
struct SendReply {
  ConnectionId connection;
  Reply reply;
};
struct SendEvent {
  ConnectionId connection;
  Event event;
};
struct DeliverText {
  ConnectionId connection;
  TextMessage text;
};
struct CommandDone {
  std::uint64_t ticket = 0;
  std::variant<Ok, Refusal> body;
};

// Asks the store; the request of this id waits for Recalled.
struct Recall {
  RequestId id;
  std::optional<ChainId> chain;
  std::optional<CallId> call;
};
// A text to be stored; it is told when TextStored says it is on disk. `founds`: with it the chain
// begins. `unheard`: members none of whose devices is connected.
struct StoreText {
  TextMessage text;
  bool founds = false;
  std::vector<ProfileId> unheard;
};

// Media. A leg belongs to one connection in one call; a stream is a participant's media as the
// others see it, and stays the same when another leg comes to feed it.
struct OpenLeg {
  LegId leg;
};
struct CloseLeg {
  LegId leg;
};
struct ToLeg {
  LegId leg;
  ConnectionId connection;  // who asked; answered by LegVerdict
  RequestId ref;
  MediaBody body;
};
struct Feed {  // from now on `leg` feeds `stream`; nullopt: nobody does
  StreamId stream;
  std::optional<LegId> leg;
};
struct Show {  // `leg` receives `stream`, labelled with the participant's profile
  LegId leg;
  StreamId stream;
  ProfileId profile;
};
struct Hide {
  LegId leg;
  StreamId stream;
};
struct Mute {  // what may be forwarded of `stream`; false: nothing of its microphone or camera
  StreamId stream;
  Settings unmuted;
};

// By this name jobs know the stream: before the first Feed of somebody who comes.
struct NameStream {
  StreamId stream;
  CallId call;
  ProfileId profile;
};

// Jobs: processes that record, mix, send on or bring in. What they are told and what they cost is
// the driver's business; every StartJob ends in a JobReported of kEnded or kFailed.
struct RecordWork {
  RecordLayout layout = RecordLayout::kTracks;
  RecordFormat format = RecordFormat::kWebm;
};
// Feeds the port "mix" with one picture, and each port "mix/PROFILE" with what that participant
// hears; "mix/" is for who takes no part, and hears everybody.
struct MixWork {};
struct OutWork {
  BridgeKind kind = BridgeKind::kRtmp;
  std::string url;
  RecordLayout layout = RecordLayout::kGrid;
  std::optional<ProfileId> only;
};
struct InWork {
  BridgeKind kind = BridgeKind::kRtmp;
  std::string url;
  ProfileId owner;
};
using JobWork = std::variant<RecordWork, MixWork, OutWork, InWork>;
struct StartJob {
  JobId job;
  CallId call;
  JobWork work;
  std::vector<ProfileId> hidden;  // whose media it never gets
};
struct UpdateJob {
  JobId job;
  std::vector<ProfileId> hidden;
};
struct StopJob {  // in order
  JobId job;
};
// A leg whose media comes from the job, as `owner`. LegConnected when there is some. CloseLeg.
struct OpenPort {
  LegId leg;
  JobId job;
  CallId call;
  std::string owner;
};
// A leg whose peer has made the offer. Answered by GuestAnswered.
struct OpenGuest {
  LegId leg;
  std::uint64_t ticket = 0;
  bool publishes = true;
  std::string sdp;
};
struct PatchLeg {
  LegId leg;
  std::uint64_t ticket = 0;
  std::string fragment;
};

// What must outlive a restart. Effects behind a Save are performed when it has committed.
struct CallStarted {
  CallId call;
  ChainId chain;
  ProfileId from;
  std::vector<ProfileId> to;
  Settings settings;
  base::WallTime at;
};
struct CallAccepted {
  CallId call;
  ProfileId profile;
  ConnectionId connection;
  base::WallTime at;
};
struct ParticipantAdded {  // by call.invite
  CallId call;
  ProfileId profile;
  base::WallTime at;
};
struct ParticipantLeft {  // provisional; the end of the call has the last word
  CallId call;
  ProfileId profile;
  Outcome outcome = Outcome::kCompleted;
  base::WallTime at;
};
struct CallEnded {
  CallId call;
  Outcome reason = Outcome::kCompleted;
  std::int64_t duration_ms = 0;
  std::map<ProfileId, Outcome> outcomes;
  base::WallTime at;
};
// A call rings for a profile none of whose devices is connected. Only with Limits::push.
struct RingsUnheard {
  CallId call;
  ChainId chain;
  ProfileId from;
  ProfileId profile;
  Settings settings;
  base::WallTime at;
  base::WallTime until;  // somebody may answer
};
struct RecordingBegan {  // its job is about to start
  CallId call;
  JobId recording;
  RecordLayout layout = RecordLayout::kTracks;
  RecordFormat format = RecordFormat::kWebm;
  RecordPolicy policy = RecordPolicy::kNotify;
  std::optional<ProfileId> by;  // who asked for it; nullopt: a server
  base::WallTime at;
};
struct RecordingOver {  // also after the end of its call
  CallId call;
  JobId recording;
  bool failed = false;
  std::string message;
  base::WallTime at;
};
// Not stored: for who is told of what happens. A bridge is starting, live for the first time, or
// over.
struct BridgeNoted {
  CallId call;
  BridgeView bridge;
  base::WallTime at;
};
using Save = std::variant<CallStarted, CallAccepted, ParticipantAdded, ParticipantLeft, CallEnded,
                          RingsUnheard, RecordingBegan, RecordingOver, BridgeNoted>;

using Effect = std::variant<Welcome, SendReply, SendEvent, DeliverText, CommandDone, Recall,
                            StoreText, OpenLeg, CloseLeg, ToLeg, Feed, Show, Hide, Mute, NameStream,
                            StartJob, UpdateJob, StopJob, OpenPort, OpenGuest, PatchLeg, Save>;

// Not thread-safe: one driver owns it. Never reads a clock, never blocks, never logs.
class Machine {
 public:
  explicit Machine(Limits limits);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  // Applies one input. Effects take place in order; those behind a Save, when it has committed.
  [[nodiscard]] std::vector<Effect> handle(const Input& input, base::Instant now);

  // When to hand in a Tick if nothing else comes first; nullopt: no timer runs.
  [[nodiscard]] std::optional<base::TimePoint> deadline() const;

  // Calls that live now.
  [[nodiscard]] std::size_t live_calls() const;
  [[nodiscard]] std::vector<CallView> live() const;
  [[nodiscard]] std::optional<CallView> find(const CallId& call) const;

  // The whole state as text for people; the format is not stable.
  [[nodiscard]] std::string debug_state() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace parley::call
