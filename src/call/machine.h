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
  base::Duration media_timeout = std::chrono::seconds(15);
  base::Duration resume_window = std::chrono::seconds(30);
  base::Duration alone_timeout = std::chrono::seconds(60);
  base::Duration longest_call = std::chrono::hours(24);
  std::size_t unanswered_calls_per_user = 4;
  std::size_t live_calls_per_user = 32;   // opened by it: bounds the media one account can hold
  std::size_t receivers_per_call = 49;    // 50 participants with the caller
  std::size_t remembered_requests = 256;  // ids per user
  base::Duration request_memory = std::chrono::minutes(10);
  std::size_t remembered_calls = 10'000;  // ended ones, to tell `ended` from `not_found`
};

// ---- inputs ---------------------------------------------------------------------------------

// A device is there: it said a valid hello. Answered with Welcome.
struct Connected {
  ConnectionId connection;
  UserId user;
  std::vector<ProfileId> profiles;
};
// Its socket is gone for good (there is no way back to this connection).
struct Disconnected {
  ConnectionId connection;
};
// A request that passed the wire's checks.
struct Received {
  ConnectionId connection;
  Request request;
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
struct Tick {};      // deadline() has passed
struct Shutdown {};  // end every call as `shutdown`

using Input = std::variant<Connected, Disconnected, Received, LegOffered, LegVerdict, LegConnected,
                           LegSilent, LegAudible, LegFailed, Tick, Shutdown>;

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
using Save = std::variant<CallStarted, CallAccepted, ParticipantLeft, CallEnded>;

using Effect = std::variant<Welcome, SendReply, SendEvent, OpenLeg, CloseLeg, ToLeg, Feed, Show,
                            Hide, Mute, Save>;

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

  // The whole state as text for people; the format is not stable.
  [[nodiscard]] std::string debug_state() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace parley::call
