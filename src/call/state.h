// The machine's inside: all state, and the functions that change it. One file per concern:
//   machine.cpp      the face; hands an input to its function, then settles timers
//   connections.cpp  devices come and go
//   requests.cpp     finds whom a request is from and what it is about; remembers answers
//   init.cpp         call.init
//   glare.cpp        a call.init that meets a call which lives
//   inviting.cpp     call.invite, and bringing somebody into a call
//   answering.cpp    the other call.* requests
//   texts.cpp        texts, and what has to be asked of the store
//   errands.h        what the store is doing for the machine
//   commands.cpp     what servers that use Parley ask
//   taking.cpp       call.take: a call moves to another device of its participant
//   membership.cpp   joining, being reachable, leaving, the end of a call
//   due.cpp          what happens when a timer goes off
//   recording.cpp    call.record and call.consent
//   mixing.cpp       call.mode: who gets what is mixed
//   bridging.cpp     call.bridge; what bridges bring in; reports of jobs
//   guests.cpp       who comes with an offer of its own
//   media_legs.cpp   which legs and streams there are; reports of the media layer
//   telling.cpp      events and snapshots
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tl/expected.hpp>
#include <utility>
#include <variant>
#include <vector>

#include "call/call.h"
#include "call/call_table.h"
#include "call/effect_list.h"
#include "call/errands.h"
#include "call/ledger.h"
#include "call/machine.h"
#include "call/presence.h"
#include "call/request_memory.h"
#include "call/timers.h"

namespace parley::call {

// Not thread-safe: belongs to its Machine.
class Machine::State {
 public:
  explicit State(Limits limits);

  [[nodiscard]] std::vector<Effect> handle(const Input& input, base::Instant now);
  [[nodiscard]] std::optional<base::TimePoint> deadline() const;
  [[nodiscard]] std::size_t live_calls() const { return calls_.all().size(); }
  [[nodiscard]] std::vector<CallView> live() const;
  [[nodiscard]] std::optional<CallView> find(const CallId& id) const;
  [[nodiscard]] std::string debug_state() const;

 private:
  using Answer = tl::expected<Ok, Refusal>;
  using Later = std::optional<Answer>;  // nullopt: LegVerdict will bring it
  // Who sent a request.
  struct Sender {
    const ConnectionId& connection;
    const Connection& who;
    const RequestId& request;
    bool admin = false;  // its token grants `admin`
    const Received& received;
  };
  // ... and what it is to the call that the request names.
  struct Standing {
    Call& call;
    Participant& self;
    Device& device;
    const Sender& sender;
  };

  // Legs of bridges, mixers and guests.
  struct MixLeg {
    ProfileId profile;  // whose sound
    bool picture = false;
  };
  struct SourceLeg {
    JobId bridge;
  };
  struct GuestLeg {
    JobId guest;
  };
  using ExtraLeg = std::variant<MixLeg, SourceLeg, GuestLeg>;
  struct ParticipantLeg {
    std::size_t index = 0;
  };
  struct LegUse {
    CallId call;
    std::variant<ParticipantLeg, ExtraLeg> of;
  };

  // machine.cpp
  void on(const Tick& tick);
  void on(const Shutdown& shutdown);
  void touch(const Call& call) { touched_.insert(call.id); }
  void settle_touched();

  // connections.cpp
  void on(const Connected& connected);
  void on(const SocketLost& lost);
  void on(const Resumed& resumed);
  void on(const Disconnected& disconnected);
  void welcome_into(Call& call, const ConnectionId& connection, const Connection& who);
  void lose_device(Call& call, const ConnectionId& connection);
  // The participant who is active on this connection; nullptr: nobody.
  static Participant* active_on(Call& call, const ConnectionId& connection);

  // requests.cpp
  void on(const Received& received);
  // Answers a request whose id was heard before, or lets it wait for that answer; false: it is new.
  bool repeats(const RequestId& id, const UserId& user, const Asker& asker);
  void run(const Received& received, const Connection& who);
  Later perform(const Sender& sender, const RequestBody& body);
  tl::expected<Standing, Refusal> find_call(const Sender& sender, const CallId& id);
  // Gives the answer to `asker` and whoever else waits for it, now or when it is there.
  void finish(const RequestId& request, const UserId& user, const Later& result,
              const Asker& asker);
  void answer(const RequestId& request, const UserId& user, const Answer& answer,
              const std::optional<Asker>& asker);
  void hand_over(const Asker& asker, const RequestId& request, const RequestMemory::Body& body);
  // Why nothing that must be stored can be begun now.
  [[nodiscard]] std::optional<Refusal> check_beginning() const;

  // commands.cpp
  void on(const Command& command);
  Answer perform(const EndCall& command);
  Answer perform(const RemoveParticipant& command);
  Answer perform(const MuteParticipant& command);
  void finish(const Command& command, const Later& result);
  tl::expected<Call*, Refusal> find_live(const CallId& id);
  Later perform_extra(const Command& command, const Record& message);
  Later perform_extra(const Command& command, const SetMode& message);
  Later perform_extra(const Command& command, const StartBridge& message);
  Later perform_extra(const Command& command, const StopBridge& message);
  Later perform_extra(const Command& command, const JoinGuest& message);
  Later perform_extra(const Command& command, const PatchGuest& message);
  Later perform_extra(const Command& command, const LeaveGuest& message);
  tl::expected<Participant*, Refusal> find_participant(const CallId& id, const ProfileId& profile);
  static CallView view(const Call& call);

  // recording.cpp
  Later perform(const Standing& standing, const Record& message);
  Later perform(const Standing& standing, const Consent& message);
  // `by`: who asks for it, and so agrees.
  Answer start_recording(Call& call, const Record& message, const std::optional<JobId>& fresh,
                         const ProfileId* by);
  Answer stop_recording(Call& call);
  void begin_recording(Call& call);
  void tell_recording(const Call& call);
  // Somebody has come while a recording needs everybody's consent.
  void ask_for_consent(Call& call, const Participant& participant);
  // Whether everybody has answered.
  void review_asking(Call& call);
  void end_asking(Call& call);
  // Whom the recording leaves out now.
  void review_hidden(Call& call);
  void report(Call* call, const CallId& id, const JobReported& report);
  void go_off(Call& call, const AskedTooLong& timer);

  // mixing.cpp
  Later perform(const Standing& standing, const SetMode& message);
  Answer set_mode(Call& call, const SetMode& message);
  // Starts the mixer and opens its ports, as far as somebody wants them.
  void review_mixer(Call& call);
  // Closes what nobody is shown any more.
  void settle_mixer(Call& call);
  Port open_port(const Call& call, const JobId& job, const std::string& owner, LegUse use);
  void close_port(const Port& port, bool fed = true);
  void mix_connected(Call& call, const ProfileId& profile, bool picture);
  // Everybody gets everybody's tracks again.
  void end_mix(Call& call);

  // bridging.cpp
  Later perform(const Standing& standing, const StartBridge& message);
  Later perform(const Standing& standing, const StopBridge& message);
  Answer start_bridge(Call& call, const StartBridge& message, const std::optional<JobId>& fresh);
  // Also a guest that publishes.
  Answer stop_bridge(Call& call, const JobId& id);
  std::optional<Refusal> check_extra(const Call& call, const std::optional<JobId>& fresh) const;
  tl::expected<ProfileId, Refusal> name_source(Call& call, const StartBridge& message) const;
  static bool is_name_free(Call& call, const ProfileId& profile);
  std::optional<Refusal> check_source_room(const Call& call) const;
  void report(Call& call, Bridge& bridge, const JobReported& report);
  void tell_bridge(const Call& call, const BridgeView& view);
  void note_bridge(const Call& call, const BridgeView& view);
  void start_job(const Call& call, const JobId& job, JobWork work, std::vector<ProfileId> hidden);
  void stop_job(const JobId& job);
  void add_source(Call& call, const JobId& id, const ProfileId& profile, const Port& port);
  void remove_source(Call& call, const JobId& id, const Port& port, Outcome outcome);
  Participant* find_source(Call& call, const JobId& id);
  void on(const JobReported& report);
  // Everything that is made of the call ends with it.
  void end_extras(Call& call);

  // guests.cpp
  Later join_guest(Call& call, const Command& command, const JoinGuest& message);
  Later patch_guest(Call& call, const Command& command, const PatchGuest& message);
  void on(const GuestAnswered& report);
  void drop_guest(Call& call, const JobId& id, Outcome outcome);
  void refuse_waiting(const Call& call, const Guest& guest);
  void close_guest(Call& call, const JobId& id, Guest& guest, Outcome outcome);
  static BridgeView view_of_guest(const JobId& id, const Guest& guest, BridgeState state);
  void go_off(Call& call, const GuestOverdue& timer);

  // texts.cpp
  struct Author {
    const UserId& user;
    const RequestId& request;
    const std::vector<ProfileId>& own;  // profiles that are himself
    std::optional<ConnectionId> connection;
  };
  Later perform(const Sender& sender, const Text& message);
  Later send(const Author& author, const Text& message);
  Answer address(const Author& author, const Text& message, std::vector<ProfileId>& members) const;
  [[nodiscard]] std::vector<ProfileId> unheard(const TextMessage& text) const;
  void post(const Command& command, const PostText& message);
  void run(const Command& command, const PostText& message);
  // The store must be asked before the request can be looked at; false: it need not be.
  bool ask_store(const RequestId& id, const RequestBody& body, Errands::Recalling request);
  void resume(const RequestId& id, const Received& received);
  void on(const TextStored& stored);
  void on(const Recalled& recalled);
  void on(const StoreState& state);

  // init.cpp
  void on(const CallNotStored& refused);
  void unmake_call(Call& call);
  Answer init(const Sender& sender, const Init& message);
  // Whom it rings: `to` without the caller's own profiles and without repetitions.
  tl::expected<std::vector<ProfileId>, Refusal> check_receivers(
      const Connection& who, const std::vector<ProfileId>& to) const;
  std::optional<Refusal> check_room(const Sender& sender, const Call* replaced) const;
  void begin(const Call& call, const Sender& sender, const std::vector<ProfileId>& receivers);
  void set_answer_times(Participant& participant) const;
  std::optional<Refusal> check_init(const Sender& sender, const Init& message) const;
  std::optional<Refusal> check_chain(const Init& message) const;
  Call& make_call(const Sender& sender, const Init& message,
                  const std::vector<ProfileId>& receivers);
  Participant make_participant(const ProfileId& profile, const Settings& settings);
  void add_devices(Call& call);
  Device make_device(const Call& call, std::size_t participant) const;

  // glare.cpp
  Call* find_rival(const Init& message, const std::vector<ProfileId>& receivers);
  static bool may_replace(const Sender& sender, const Call& call);
  std::vector<Effect> supersede(Call& call);
  void keep_superseding(Call& call);
  std::vector<Effect> take_superseding(const CallId& call);
  Answer merge(const Sender& sender, const Init& message, Call& call);

  // inviting.cpp
  struct Guests {
    std::vector<ProfileId> fresh;
    std::vector<ProfileId> again;  // took part before, and are out
    [[nodiscard]] std::vector<ProfileId> all() const;
  };
  Later perform(const Standing& standing, const Invite& message);
  static std::optional<Refusal> check_names(Call& call, const std::vector<ProfileId>& wanted);
  static Guests sort_guests(Call& call, const std::vector<ProfileId>& wanted);
  // Participants and devices move in memory.
  void add_participant(Call& call, const ProfileId& profile);
  void ring_again(Call& call, const ProfileId& profile);
  void tell_invited(const Call& call, const ProfileId& profile, const ConnectionId* except);
  void note_unheard(const Call& call, const ProfileId& profile);

  // answering.cpp
  Later perform(const Standing& standing, const Pending& message);
  Later perform(const Standing& standing, const Ringing& message);
  Later perform(const Standing& standing, const Accept& message);
  Later perform(const Standing& standing, const Reject& message);
  Later perform(const Standing& standing, const Hangup& message);
  Later perform(const Standing& standing, const Update& message);
  Later perform(const Standing& standing, const Media& message);
  Answer reject(const Standing& standing, const Reject& message);
  void start_ringing(const Standing& standing);
  // `by`: is not told, because it asked for it; nullptr: a server did.
  void set_muted(Call& call, Participant& participant, std::optional<bool> audio,
                 std::optional<bool> video, const ConnectionId* by);

  // taking.cpp
  Later perform(const Standing& standing, const Take& message);
  void begin_taking(const Standing& standing);
  void review_taking(Call& call, Participant& participant);
  bool flee_to_taker(Call& call, Participant& participant);
  void take_place(Call& call, Participant& participant);
  void move_place(Call& call, Participant& participant, const ConnectionId& to,
                  std::optional<MediaLeg> leg);
  void drop_taking(Call& call, Participant& participant, const std::string& why);
  void go_off(Call& call, const TakeOverdue& timer);

  // membership.cpp
  void join(const Standing& standing);
  // Looks whether a waiting receiver has a device left that may answer; if not, draws the
  // conclusion.
  void review_reachable(Call& call, std::size_t index);
  void leave(Call& call, Participant& participant, Outcome outcome);
  void end(Call& call, Outcome reason);
  void review_alone(Call& call);
  // The place of an active participant is lost (or not any more) for one of two reasons.
  void set_lost(Call& call, Participant& participant, std::optional<base::TimePoint> Place::*until,
                bool lost);
  base::TimePoint patience(Call& call, const Participant& participant) const;

  // due.cpp
  void go_off(Call& call, const CallTooLong& timer);
  void go_off(Call& call, const AloneTooLong& timer);
  void go_off(Call& call, const PickUpTooLong& timer);
  void go_off(Call& call, const ResponseOverdue& timer);
  void go_off(Call& call, const RingingTooLong& timer);
  void go_off(Call& call, const PlaceLost& timer);
  void go_off(Call& call, const MediaOverdue& timer);
  void run_due(Call& call);

  // media_legs.cpp
  void on(const LegOffered& report);
  void on(const LegVerdict& report);
  void on(const LegConnected& report);
  void on(const LegSilent& report);
  void on(const LegAudible& report);
  void on(const LegFailed& report);
  struct OtherLeg {
    Call& call;
    ExtraLeg use;
  };
  std::optional<OtherLeg> find_other_leg(LegId id);
  void connected(Call& call, const MixLeg& leg);
  void connected(Call& call, const SourceLeg& leg);
  void connected(Call& call, const GuestLeg& leg);
  void silent(Call& call, const MixLeg& leg, bool is_silent);
  void silent(Call& call, const SourceLeg& leg, bool is_silent);
  void silent(Call& call, const GuestLeg& leg, bool is_silent);
  void failed(Call& call, const MixLeg& leg, const std::string& message);
  void failed(Call& call, const SourceLeg& leg, const std::string& message);
  void failed(Call& call, const GuestLeg& leg, const std::string& message);
  struct LegOwner {
    Call& call;
    Participant& participant;
    MediaLeg& leg;
    const ConnectionId& connection;
    bool taking = false;  // the leg of a device that is about to take over
  };
  std::optional<LegOwner> find_leg(LegId id);
  // Opens the legs that should be open, and shows everyone to everyone, as far as the call is.
  void review_media(Call& call);
  MediaLeg make_leg(const Call& call, const Participant& participant);
  // The participant is active on `connection`, and `leg`, if any, feeds its stream from now on.
  void set_place(const Call& call, Participant& participant, const ConnectionId& connection,
                 std::optional<MediaLeg> leg);
  void name_stream(const Call& call, Participant& participant);
  using Shown = std::vector<std::pair<StreamId, ProfileId>>;  // and the label
  [[nodiscard]] static Shown wanted_by(const Call& call, const Participant& viewer);
  [[nodiscard]] static Shown wanted_by(Call& call, const Guest& viewer);
  // What is new is shown before anything is hidden.
  void review_shown(const Shown& wanted, LegId leg, std::set<StreamId>& shown);
  void note_silent(LegId leg, bool silent);
  // `code`: what is answered to requests that it can no longer answer, when the call goes on.
  void close_leg(const Call& call, MediaLeg& leg, ErrorCode code = ErrorCode::kNotActive);
  void close_place(const Call& call, Participant& participant);
  void lose_media(Call& call, Participant& participant, const std::string& message);
  void restart_media_timers(Call& call);

  // telling.cpp
  void tell(const Call& call, const ConnectionId& to, EventBody body,
            std::optional<ProfileId> profile, std::optional<ConnectionId> from);
  // To every device of the call but `except`.
  void tell_others(const Call& call, const ConnectionId& except, const EventBody& body,
                   const ProfileId& profile);
  void tell_all(const Call& call, const EventBody& body, const std::optional<ProfileId>& profile,
                const std::optional<ConnectionId>& from = std::nullopt);
  void tell_init(const Call& call, const ConnectionId& to);
  [[nodiscard]] static Extras extras_of(const Call& call);
  [[nodiscard]] Snapshot snapshot(const Call& call, const ConnectionId& to) const;

  Limits limits_;
  Presence presence_;
  RequestMemory requests_;
  Ledger ledger_;
  Errands errands_;
  CallTable calls_;
  std::map<LegId, LegUse> legs_;
  // From StartJob to the report of its end, which a call may not live to see.
  struct JobUse {
    CallId call;
    bool records = false;
  };
  std::map<JobId, JobUse> jobs_;
  // Of calls that have ended; the oldest first. Our choice: many more than can end while the store
  // has not yet spoken about their beginning.
  static constexpr std::size_t kSupersedingKept = 1024;
  std::deque<std::pair<CallId, std::vector<Effect>>> superseding_;
  std::uint64_t next_leg_ = 1;
  std::uint64_t next_stream_ = 1;
  std::uint64_t next_order_ = 1;
  std::uint64_t next_mix_ = 1;
  bool shut_down_ = false;
  bool storing_ = true;  // the store takes what is begun

  // Of the input that is being handled.
  base::Instant now_{};
  EffectList out_;
  std::set<CallId> touched_;
};

[[nodiscard]] inline tl::unexpected<Refusal> refuse(
    ErrorCode code, std::string message, std::optional<ConnectionId> winner = std::nullopt) {
  return tl::unexpected<Refusal>(Refusal{code, std::move(message), std::move(winner)});
}

}  // namespace parley::call
