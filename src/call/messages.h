// What clients and the server say to each other about calls, as values: the requests a connection
// may send, and the events and replies it gets. Field names and JSON are `wire`'s business.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/source.h"
#include "base/time.h"

namespace parley::call {

using base::CallId;
using base::ChainId;
using base::ConnectionId;
using base::JobId;
using base::ProfileId;
using base::RequestId;
using base::UserId;

enum class Role {
  kNone,  // a receiver's connection before that receiver accepts or declines
  kActiveInitiator,
  kPassiveInitiator,
  kActiveReceiver,
  kPassiveReceiver,
};

// How a call ended for one participant. A closed list, decided by the server alone.
enum class Outcome {
  kCompleted,
  kCancelled,
  kRejected,
  kBusy,
  kMissed,
  kUnreachable,
  kLost,
  kSuperseded,
  kKicked,
  kShutdown,
  kFailed,
};

// Stable codes for programs; the kind (request, auth, state, retry, server) follows from the code.
enum class ErrorCode {
  kBadRequest,
  kUnauthorized,
  kForbidden,
  kNotFound,
  kConflict,
  kAlreadyAccepted,
  kNotActive,
  kEnded,
  kTooLarge,
  kRateLimited,
  kUnavailable,
  kInternal,
};

enum class RejectReason { kDeclined, kBusy };
enum class RejectScope { kProfile, kConnection };

struct Settings {
  bool audio = true;
  bool video = true;
};

// Whether a participant gets everybody's tracks, or one picture and one sound made of all.
enum class Mode { kForward, kMix };

enum class RecordLayout { kTracks, kGrid, kSpeaker };  // kTracks: each track by itself, as sent
enum class RecordFormat { kWebm, kMp4 };               // of what is composed
// kNotify: everybody is told. kConsent: who has not said yes is left out.
enum class RecordPolicy { kNotify, kConsent };

enum class Direction { kOut, kIn };
// kWhip: a guest that publishes; not for call.bridge.
enum class BridgeKind { kRtmp, kSrt, kRtp, kHls, kRtsp, kFile, kWhip };

// ---- requests -------------------------------------------------------------------------------

struct Init {
  ProfileId from;
  std::vector<ProfileId> to;
  std::optional<ChainId> chain;
  bool immediate = true;
  bool replace = false;  // end the live call of the chain, or the one that crosses, as superseded
  Settings settings;
};
struct Pending {
  CallId call;
};
struct Ringing {
  CallId call;
};
struct Accept {
  CallId call;
};
struct Reject {
  CallId call;
  RejectReason reason = RejectReason::kDeclined;
  RejectScope scope = RejectScope::kProfile;
};
struct Hangup {
  CallId call;
};
struct Take {
  CallId call;
};
struct Invite {
  CallId call;
  std::vector<ProfileId> to;
};
struct Update {  // absent: unchanged; false: muted
  CallId call;
  std::optional<bool> audio;
  std::optional<bool> video;
};

struct MediaAnswer {
  std::uint32_t rev = 0;
  std::string sdp;
};
struct MediaPublish {
  std::vector<base::Source> sources;
};
struct MediaSubscribe {
  struct Track {
    ProfileId profile;
    base::Source source = base::Source::kCamera;
    std::optional<bool> paused;
    std::optional<std::uint32_t> max_height;  // pixels
    std::optional<std::uint32_t> priority;
  };
  std::vector<Track> tracks;
};
struct MediaRestart {
  bool fresh = false;  // the PeerConnection is gone: start anew
};
// A media message between an active leg and the media layer.
using MediaBody = std::variant<MediaAnswer, MediaPublish, MediaSubscribe, MediaRestart>;
struct Media {
  CallId call;
  MediaBody body;
};

// A text message. Into `chain`, or into a new one founded with `to`; exactly one of them is given.
struct Text {
  ProfileId from;
  std::optional<ChainId> chain;
  std::vector<ProfileId> to;
  std::string body;  // UTF-8
};

// ---- recording, mixing, bridging: requests of connections, and of servers ---------------------

struct Record {  // start, or stop
  CallId call;
  bool start = true;
  RecordLayout layout = RecordLayout::kTracks;
  RecordFormat format = RecordFormat::kWebm;
  RecordPolicy policy = RecordPolicy::kNotify;
};
struct Consent {  // of the sender's profile, to be recorded
  CallId call;
  bool given = false;
};
struct SetMode {  // of everybody, or of one
  CallId call;
  Mode mode = Mode::kForward;
  std::optional<ProfileId> profile;
};
struct StartBridge {
  CallId call;
  Direction direction = Direction::kOut;
  BridgeKind kind = BridgeKind::kRtmp;
  std::string url = {};                       // may hold a secret; empty: none is needed
  RecordLayout layout = RecordLayout::kGrid;  // out
  std::optional<ProfileId> only = {};         // out: one participant in place of the layout
  std::optional<ProfileId> profile = {};      // in: whose name it bears; nullopt: KIND-n
};
struct StopBridge {
  CallId call;
  JobId bridge;
};

using RequestBody =
    std::variant<Init, Pending, Ringing, Accept, Reject, Hangup, Take, Invite, Update, Media, Text,
                 Record, Consent, SetMode, StartBridge, StopBridge>;

struct Request {
  RequestId id;
  RequestBody body;
};

// ---- replies --------------------------------------------------------------------------------

struct Ok {  // members are written only where they are set
  std::optional<CallId> call = std::nullopt;
  std::optional<ChainId> chain = std::nullopt;
  std::optional<Role> role = std::nullopt;
  bool merged = false;                              // call.init: `call` is one that lived already
  std::optional<base::WallTime> at = std::nullopt;  // text: its place in time
  std::optional<JobId> recording = std::nullopt;
  std::optional<JobId> bridge = std::nullopt;  // or the session of a guest
  // For a guest: the answer to its offer, or to what it has patched (empty: nothing to say).
  std::optional<std::string> sdp = std::nullopt;
};
struct Refusal {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;                 // what was wrong and what would be right
  std::optional<ConnectionId> winner;  // with kAlreadyAccepted: where the call was taken
};
struct Reply {
  RequestId ref;
  std::variant<Ok, Refusal> body;
};

// ---- events ---------------------------------------------------------------------------------

enum class ParticipantState { kInviting, kRinging, kActive, kReconnecting, kLeft };

struct ParticipantView {
  ProfileId profile;
  ParticipantState state = ParticipantState::kInviting;
  std::optional<ConnectionId> connection;  // where it is active
  Settings unmuted;                        // false: muted
  std::optional<Outcome> outcome;          // provisional while the call lives
  std::optional<Mode> mode = {};           // its own, where it is not the call's
  std::optional<JobId> bridge = {};        // brought in by it: not a person's device
};

enum class RecordingState { kAsking, kStarting, kOn, kEnded, kFailed };
// A recording as everybody in the call is told of it, now and whenever it changes.
struct RecordingView {
  JobId recording;
  RecordingState state = RecordingState::kStarting;
  RecordLayout layout = RecordLayout::kTracks;
  RecordFormat format = RecordFormat::kWebm;
  RecordPolicy policy = RecordPolicy::kNotify;
  struct ConsentOf {
    ProfileId profile;
    std::optional<bool> given;  // nullopt: nothing was said
  };
  std::vector<ConsentOf> consents;  // with RecordPolicy::kConsent
  std::string message;              // kFailed: why
};

enum class BridgeState { kStarting, kLive, kReconnecting, kEnded, kFailed };
// Never with an address.
struct BridgeView {
  JobId bridge;
  Direction direction = Direction::kOut;
  BridgeKind kind = BridgeKind::kRtmp;
  std::optional<ProfileId> profile;  // in: who it is in the call
  std::optional<ProfileId> only;     // out: who is sent, when not all
  BridgeState state = BridgeState::kStarting;
  std::string message;  // why it is not live
  std::string watch;    // path of a playlist at this server
};

// What is made of a call beside forwarding it.
struct Extras {
  Mode mode = Mode::kForward;
  std::optional<RecordingView> recording;
  std::vector<BridgeView> bridges;
};

// A live call as one connection sees it: `calls[]` of welcome.
struct Snapshot {
  CallId call;
  ChainId chain;
  ProfileId from;
  std::vector<ProfileId> to;
  Settings settings;
  Role role = Role::kNone;
  bool running = false;                       // false: ringing
  base::WallTime at;                          // of its call.init
  std::optional<base::WallTime> accepted_at;  // the first accept by a receiver
  std::vector<ParticipantView> participants;
  std::optional<std::int64_t> ringing_left_ms;
  bool can_join = false;  // call.accept would be taken
  Extras extras = {};
};

struct InitEvent {
  ChainId chain;
  ProfileId from;
  std::vector<ProfileId> to;
  bool immediate = true;
  Settings settings;
  Role role = Role::kNone;  // of the addressee
  std::optional<std::int64_t> init_left_ms;
  std::optional<std::int64_t> ringing_left_ms;
  Extras extras = {};
  // Of a call that runs already.
  std::optional<base::WallTime> accepted_at = {};
  std::vector<ParticipantView> participants = {};
};
struct PendingEvent {};
struct RingingEvent {};
struct InitTimeoutEvent {};  // `profile` of the envelope is the receiver
struct AcceptEvent {};       // `connection` of the envelope is the winner
struct RejectEvent {
  RejectReason reason = RejectReason::kDeclined;
  RejectScope scope = RejectScope::kProfile;
};
struct RingingTimeoutEvent {};
struct HangupEvent {};
struct TakeEvent {  // `connection` of the envelope has taken the call over
  ConnectionId was;
};
struct InviteEvent {
  std::vector<ProfileId> to;
};
struct UpdateEvent {
  Settings unmuted;  // the full state after the change
};
struct ReconnectingEvent {};
struct ReconnectedEvent {};
struct LeftEvent {
  Outcome outcome = Outcome::kCompleted;
};
// Why the call as a whole ended.
struct EndEvent {
  Outcome reason = Outcome::kCompleted;
  std::int64_t duration_ms = 0;  // since the first accept; 0 without one
  std::map<ProfileId, Outcome> outcomes;
};

struct OfferedTrack {
  std::string mid;
  ProfileId profile;
  base::Source source = base::Source::kMic;
};
struct MediaOfferEvent {
  std::uint32_t rev = 0;
  std::string sdp;
  std::vector<OfferedTrack> tracks;
};
struct MediaFailedEvent {
  std::string message;
};

struct ModeEvent {  // `profile` of the envelope: of this participant only
  Mode mode = Mode::kForward;
};

using EventBody =
    std::variant<InitEvent, PendingEvent, RingingEvent, InitTimeoutEvent, AcceptEvent, RejectEvent,
                 RingingTimeoutEvent, HangupEvent, TakeEvent, InviteEvent, UpdateEvent,
                 ReconnectingEvent, ReconnectedEvent, LeftEvent, EndEvent, MediaOfferEvent,
                 MediaFailedEvent, RecordingView, ModeEvent, BridgeView>;

struct Event {
  CallId call;
  base::WallTime at;
  std::optional<ProfileId> profile;        // who it came from, or whom it is about
  std::optional<ConnectionId> connection;  // where it came from
  EventBody body;
};

// A text as members of its chain get it, and as it is stored.
struct TextMessage {
  RequestId id;  // of the request that sent it
  ChainId chain;
  std::vector<ProfileId> members;  // of the chain
  ProfileId from;
  std::string body;
  base::WallTime at;
};

// A live call as servers see it, whoever takes part.
struct CallView {
  CallId call;
  ChainId chain;
  ProfileId from;
  std::vector<ProfileId> to;
  Settings settings;
  bool running = false;
  base::WallTime at;
  std::optional<base::WallTime> accepted_at;
  std::vector<ParticipantView> participants;
  Extras extras = {};
};

}  // namespace parley::call
