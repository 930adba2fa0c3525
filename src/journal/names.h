// The words by which a journal calls enumerators and the alternatives of variants. They must never
// change, or old journals could not be replayed; new ones are added at the end.
#pragma once

#include <array>
#include <string_view>

#include "base/source.h"
#include "call/machine.h"

namespace parley::journal {

template <class E>
inline constexpr int kWords = 0;  // an enumeration without words does not compile
template <>
inline constexpr std::array<std::string_view, 11> kWords<call::Outcome> = {
    "completed", "cancelled",  "rejected", "busy",     "missed", "unreachable",
    "lost",      "superseded", "kicked",   "shutdown", "failed"};
template <>
inline constexpr std::array<std::string_view, 12> kWords<call::ErrorCode> = {
    "bad_request", "unauthorized", "forbidden", "not_found",    "conflict",    "already_accepted",
    "not_active",  "ended",        "too_large", "rate_limited", "unavailable", "internal"};
template <>
inline constexpr std::array<std::string_view, 5> kWords<call::Role> = {
    "none", "active_initiator", "passive_initiator", "active_receiver", "passive_receiver"};
template <>
inline constexpr std::array<std::string_view, 2> kWords<call::RejectReason> = {"declined", "busy"};
template <>
inline constexpr std::array<std::string_view, 2> kWords<call::RejectScope> = {"profile",
                                                                              "connection"};
template <>
inline constexpr std::array<std::string_view, 5> kWords<call::ParticipantState> = {
    "inviting", "ringing", "active", "reconnecting", "left"};
template <>
inline constexpr std::array<std::string_view, 6> kWords<base::Source> = {
    "mic", "camera", "screen", "screen-audio", "mix-audio", "mix-video"};
template <>
inline constexpr std::array<std::string_view, 2> kWords<call::Mode> = {"forward", "mix"};
template <>
inline constexpr std::array<std::string_view, 3> kWords<call::RecordLayout> = {"tracks", "grid",
                                                                               "speaker"};
template <>
inline constexpr std::array<std::string_view, 2> kWords<call::RecordFormat> = {"webm", "mp4"};
template <>
inline constexpr std::array<std::string_view, 2> kWords<call::RecordPolicy> = {"notify", "consent"};
template <>
inline constexpr std::array<std::string_view, 2> kWords<call::Direction> = {"out", "in"};
template <>
inline constexpr std::array<std::string_view, 7> kWords<call::BridgeKind> = {
    "rtmp", "srt", "rtp", "hls", "rtsp", "file", "whip"};
template <>
inline constexpr std::array<std::string_view, 5> kWords<call::RecordingState> = {
    "asking", "starting", "on", "ended", "failed"};
template <>
inline constexpr std::array<std::string_view, 5> kWords<call::BridgeState> = {
    "starting", "live", "reconnecting", "ended", "failed"};
template <>
inline constexpr std::array<std::string_view, 5> kWords<call::JobState> = {
    "starting", "live", "reconnecting", "ended", "failed"};

template <class T>
inline constexpr std::string_view kTag = "";  // an alternative without a tag does not compile

#define PARLEY_TAG(type, tag) \
  template <>                 \
  inline constexpr std::string_view kTag<call::type> = tag
// Inputs.
PARLEY_TAG(Connected, "connected");
PARLEY_TAG(SocketLost, "socket_lost");
PARLEY_TAG(Resumed, "resumed");
PARLEY_TAG(Disconnected, "disconnected");
PARLEY_TAG(Received, "received");
PARLEY_TAG(Command, "command");
PARLEY_TAG(TextStored, "text_stored");
PARLEY_TAG(Recalled, "recalled");
PARLEY_TAG(CallNotStored, "call_not_stored");
PARLEY_TAG(StoreState, "store_state");
PARLEY_TAG(LegOffered, "leg_offered");
PARLEY_TAG(LegVerdict, "leg_verdict");
PARLEY_TAG(LegConnected, "leg_connected");
PARLEY_TAG(LegSilent, "leg_silent");
PARLEY_TAG(LegAudible, "leg_audible");
PARLEY_TAG(LegFailed, "leg_failed");
PARLEY_TAG(GuestAnswered, "guest_answered");
PARLEY_TAG(JobReported, "job_reported");
PARLEY_TAG(Tick, "tick");
PARLEY_TAG(Shutdown, "shutdown");
// Requests.
PARLEY_TAG(Init, "call.init");
PARLEY_TAG(Pending, "call.pending");
PARLEY_TAG(Ringing, "call.ringing");
PARLEY_TAG(Accept, "call.accept");
PARLEY_TAG(Reject, "call.reject");
PARLEY_TAG(Hangup, "call.hangup");
PARLEY_TAG(Take, "call.take");
PARLEY_TAG(Invite, "call.invite");
PARLEY_TAG(Update, "call.update");
PARLEY_TAG(Media, "media");
PARLEY_TAG(MediaAnswer, "media.answer");
PARLEY_TAG(MediaPublish, "media.publish");
PARLEY_TAG(MediaSubscribe, "media.subscribe");
PARLEY_TAG(MediaRestart, "media.restart");
PARLEY_TAG(Text, "text");
PARLEY_TAG(Record, "call.record");
PARLEY_TAG(Consent, "call.consent");
PARLEY_TAG(SetMode, "call.mode");
PARLEY_TAG(StartBridge, "call.bridge.start");
PARLEY_TAG(StopBridge, "call.bridge.stop");
// Commands.
PARLEY_TAG(JoinGuest, "join_guest");
PARLEY_TAG(PatchGuest, "patch_guest");
PARLEY_TAG(LeaveGuest, "leave_guest");
PARLEY_TAG(EndCall, "end_call");
PARLEY_TAG(RemoveParticipant, "remove_participant");
PARLEY_TAG(MuteParticipant, "mute_participant");
PARLEY_TAG(PostText, "post_text");
// Effects.
PARLEY_TAG(Welcome, "welcome");
PARLEY_TAG(SendReply, "send_reply");
PARLEY_TAG(SendEvent, "send_event");
PARLEY_TAG(DeliverText, "deliver_text");
PARLEY_TAG(CommandDone, "command_done");
PARLEY_TAG(Recall, "recall");
PARLEY_TAG(StoreText, "store_text");
PARLEY_TAG(OpenLeg, "open_leg");
PARLEY_TAG(CloseLeg, "close_leg");
PARLEY_TAG(ToLeg, "to_leg");
PARLEY_TAG(Feed, "feed");
PARLEY_TAG(Show, "show");
PARLEY_TAG(Hide, "hide");
PARLEY_TAG(Mute, "mute");
PARLEY_TAG(NameStream, "name_stream");
PARLEY_TAG(StartJob, "start_job");
PARLEY_TAG(UpdateJob, "update_job");
PARLEY_TAG(StopJob, "stop_job");
PARLEY_TAG(OpenPort, "open_port");
PARLEY_TAG(OpenGuest, "open_guest");
PARLEY_TAG(PatchLeg, "patch_leg");
PARLEY_TAG(RecordWork, "record");
PARLEY_TAG(MixWork, "mix");
PARLEY_TAG(OutWork, "out");
PARLEY_TAG(InWork, "in");
PARLEY_TAG(Save, "save");
PARLEY_TAG(Ok, "ok");
PARLEY_TAG(Refusal, "refusal");
// Records.
PARLEY_TAG(CallStarted, "call_started");
PARLEY_TAG(CallAccepted, "call_accepted");
PARLEY_TAG(ParticipantAdded, "participant_added");
PARLEY_TAG(ParticipantLeft, "participant_left");
PARLEY_TAG(CallEnded, "call_ended");
PARLEY_TAG(RingsUnheard, "rings_unheard");
PARLEY_TAG(RecordingBegan, "recording_began");
PARLEY_TAG(RecordingOver, "recording_over");
PARLEY_TAG(BridgeNoted, "bridge_noted");
// Events.
PARLEY_TAG(RecordingView, "call.recording");
PARLEY_TAG(ModeEvent, "call.mode");
PARLEY_TAG(BridgeView, "call.bridge");
PARLEY_TAG(InitEvent, "call.init");
PARLEY_TAG(PendingEvent, "call.pending");
PARLEY_TAG(RingingEvent, "call.ringing");
PARLEY_TAG(InitTimeoutEvent, "call.init_timeout");
PARLEY_TAG(AcceptEvent, "call.accept");
PARLEY_TAG(RejectEvent, "call.reject");
PARLEY_TAG(RingingTimeoutEvent, "call.ringing_timeout");
PARLEY_TAG(HangupEvent, "call.hangup");
PARLEY_TAG(TakeEvent, "call.take");
PARLEY_TAG(InviteEvent, "call.invite");
PARLEY_TAG(UpdateEvent, "call.update");
PARLEY_TAG(ReconnectingEvent, "call.reconnecting");
PARLEY_TAG(ReconnectedEvent, "call.reconnected");
PARLEY_TAG(LeftEvent, "call.left");
PARLEY_TAG(EndEvent, "call.end");
PARLEY_TAG(MediaOfferEvent, "media.offer");
PARLEY_TAG(MediaFailedEvent, "media.failed");
#undef PARLEY_TAG

}  // namespace parley::journal
