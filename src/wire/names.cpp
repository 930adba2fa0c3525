#include "wire/wire.h"

namespace parley::wire {

std::string_view name_of(call::ErrorCode code) {
  switch (code) {
    case call::ErrorCode::kBadRequest:
      return "bad_request";
    case call::ErrorCode::kUnauthorized:
      return "unauthorized";
    case call::ErrorCode::kForbidden:
      return "forbidden";
    case call::ErrorCode::kNotFound:
      return "not_found";
    case call::ErrorCode::kConflict:
      return "conflict";
    case call::ErrorCode::kAlreadyAccepted:
      return "already_accepted";
    case call::ErrorCode::kNotActive:
      return "not_active";
    case call::ErrorCode::kEnded:
      return "ended";
    case call::ErrorCode::kTooLarge:
      return "too_large";
    case call::ErrorCode::kRateLimited:
      return "rate_limited";
    case call::ErrorCode::kUnavailable:
      return "unavailable";
    case call::ErrorCode::kInternal:
      return "internal";
  }
  return "internal";
}

// request: repeat it otherwise; auth: with another token; state: look at the call first;
// retry: later; server: tell the operator.
std::string_view kind_of(call::ErrorCode code) {
  switch (code) {
    case call::ErrorCode::kBadRequest:
    case call::ErrorCode::kNotFound:
    case call::ErrorCode::kTooLarge:
      return "request";
    case call::ErrorCode::kUnauthorized:
    case call::ErrorCode::kForbidden:
      return "auth";
    case call::ErrorCode::kConflict:
    case call::ErrorCode::kAlreadyAccepted:
    case call::ErrorCode::kNotActive:
    case call::ErrorCode::kEnded:
      return "state";
    case call::ErrorCode::kRateLimited:
    case call::ErrorCode::kUnavailable:
      return "retry";
    case call::ErrorCode::kInternal:
      return "server";
  }
  return "server";
}

std::string_view name_of(call::Outcome outcome) {
  switch (outcome) {
    case call::Outcome::kCompleted:
      return "completed";
    case call::Outcome::kCancelled:
      return "cancelled";
    case call::Outcome::kRejected:
      return "rejected";
    case call::Outcome::kBusy:
      return "busy";
    case call::Outcome::kMissed:
      return "missed";
    case call::Outcome::kUnreachable:
      return "unreachable";
    case call::Outcome::kLost:
      return "lost";
    case call::Outcome::kSuperseded:
      return "superseded";
    case call::Outcome::kKicked:
      return "kicked";
    case call::Outcome::kShutdown:
      return "shutdown";
    case call::Outcome::kFailed:
      return "failed";
  }
  return "failed";
}

std::string_view name_of(call::ParticipantState state) {
  switch (state) {
    case call::ParticipantState::kInviting:
      return "inviting";
    case call::ParticipantState::kRinging:
      return "ringing";
    case call::ParticipantState::kActive:
      return "active";
    case call::ParticipantState::kReconnecting:
      return "reconnecting";
    case call::ParticipantState::kLeft:
      return "left";
  }
  return "left";
}

std::string_view name_of(call::RejectReason reason) {
  return reason == call::RejectReason::kBusy ? "busy" : "declined";
}

std::string_view name_of(call::Mode mode) { return mode == call::Mode::kMix ? "mix" : "forward"; }

std::string_view name_of(call::RecordLayout layout) {
  switch (layout) {
    case call::RecordLayout::kTracks:
      return "tracks";
    case call::RecordLayout::kGrid:
      return "grid";
    case call::RecordLayout::kSpeaker:
      return "speaker";
  }
  return "tracks";
}

std::string_view name_of(call::RecordFormat format) {
  return format == call::RecordFormat::kMp4 ? "mp4" : "webm";
}

std::string_view name_of(call::RecordPolicy policy) {
  return policy == call::RecordPolicy::kConsent ? "consent" : "notify";
}

std::string_view name_of(call::RecordingState state) {
  switch (state) {
    case call::RecordingState::kAsking:
      return "asking";
    case call::RecordingState::kStarting:
      return "starting";
    case call::RecordingState::kOn:
      return "on";
    case call::RecordingState::kEnded:
      return "ended";
    case call::RecordingState::kFailed:
      return "failed";
  }
  return "failed";
}

std::string_view name_of(call::Direction direction) {
  return direction == call::Direction::kIn ? "in" : "out";
}

std::string_view name_of(call::BridgeKind kind) {
  switch (kind) {
    case call::BridgeKind::kRtmp:
      return "rtmp";
    case call::BridgeKind::kSrt:
      return "srt";
    case call::BridgeKind::kRtp:
      return "rtp";
    case call::BridgeKind::kHls:
      return "hls";
    case call::BridgeKind::kRtsp:
      return "rtsp";
    case call::BridgeKind::kFile:
      return "file";
    case call::BridgeKind::kWhip:
      return "whip";
  }
  return "rtmp";
}

std::string_view name_of(call::BridgeState state) {
  switch (state) {
    case call::BridgeState::kStarting:
      return "starting";
    case call::BridgeState::kLive:
      return "live";
    case call::BridgeState::kReconnecting:
      return "reconnecting";
    case call::BridgeState::kEnded:
      return "ended";
    case call::BridgeState::kFailed:
      return "failed";
  }
  return "failed";
}

std::string_view name_of(call::RejectScope scope) {
  return scope == call::RejectScope::kConnection ? "connection" : "profile";
}

std::optional<std::string_view> name_of(call::Role role) {
  switch (role) {
    case call::Role::kNone:
      return std::nullopt;
    case call::Role::kActiveInitiator:
      return "active initiator";
    case call::Role::kPassiveInitiator:
      return "passive initiator";
    case call::Role::kActiveReceiver:
      return "active receiver";
    case call::Role::kPassiveReceiver:
      return "passive receiver";
  }
  return std::nullopt;
}

}  // namespace parley::wire
