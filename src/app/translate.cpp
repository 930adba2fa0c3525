#include "app/translate.h"

#include <utility>

#include "base/overloaded.h"
#include "wire/wire.h"

namespace parley::app {

using base::Overloaded;

std::optional<store::Record> to_record(const call::Save& save) {
  using Maybe = std::optional<store::Record>;
  return std::visit(
      Overloaded{
          [](const call::CallStarted& s) -> Maybe {
            return store::CallStarted{s.call,           s.chain,          s.from, s.to,
                                      s.settings.audio, s.settings.video, s.at};
          },
          [](const call::CallAccepted& s) -> Maybe {
            return store::CallAccepted{s.call, s.profile, s.connection, s.at};
          },
          [](const call::ParticipantAdded& s) -> Maybe {
            return store::ParticipantAdded{s.call, s.profile, s.at};
          },
          [](const call::RingsUnheard&) -> Maybe { return std::nullopt; },
          [](const call::RecordingBegan& s) -> Maybe {
            return store::RecordingBegan{s.recording,
                                         s.call,
                                         std::string(wire::name_of(s.layout)),
                                         std::string(wire::name_of(s.format)),
                                         std::string(wire::name_of(s.policy)),
                                         s.by ? s.by->str() : std::string(),
                                         s.at};
          },
          [](const call::RecordingOver& s) -> Maybe {
            return store::RecordingOver{s.recording, s.failed ? "failed" : "ended", s.message,
                                        s.at};
          },
          [](const call::BridgeNoted&) -> Maybe { return std::nullopt; },
          [](const call::ParticipantLeft& s) -> Maybe {
            return store::ParticipantLeft{s.call, s.profile, std::string(wire::name_of(s.outcome)),
                                          s.at};
          },
          [](const call::CallEnded& s) -> Maybe {
            store::CallEnded record{
                s.call, std::string(wire::name_of(s.reason)), s.duration_ms, {}, s.at};
            for (const auto& [profile, outcome] : s.outcomes)
              record.outcomes.emplace_back(profile, std::string(wire::name_of(outcome)));
            return record;
          },
      },
      save);
}

media::Command to_command(const call::OpenLeg& effect) { return media::OpenLeg{effect.leg}; }
media::Command to_command(const call::CloseLeg& effect) { return media::CloseLeg{effect.leg}; }
media::Command to_command(const call::Feed& effect) {
  return media::Feed{effect.stream, effect.leg};
}
media::Command to_command(const call::Show& effect) {
  return media::Show{effect.leg, effect.stream, effect.profile.str()};
}
media::Command to_command(const call::Hide& effect) {
  return media::Hide{effect.leg, effect.stream};
}
media::Command to_command(const call::Mute& effect) {
  return media::Mute{effect.stream, !effect.unmuted.audio, !effect.unmuted.video};
}

media::Command to_command(const call::NameStream& effect) {
  return media::Name{effect.stream, effect.call.str(), effect.profile.str()};
}
media::Command to_command(const call::OpenPort& effect) {
  return media::OpenPort{effect.leg, effect.job, effect.owner};
}
media::Command to_command(const call::OpenGuest& effect, std::uint64_t ticket) {
  return media::OpenGuest{effect.leg, ticket, effect.publishes, effect.sdp};
}
media::Command to_command(const call::PatchLeg& effect, std::uint64_t ticket) {
  return media::PatchGuest{effect.leg, ticket, effect.fragment};
}

media::Command to_command(const call::ToLeg& effect, std::uint64_t ticket) {
  const base::LegId leg = effect.leg;
  return std::visit(
      Overloaded{
          [&](const call::MediaAnswer& body) -> media::Command {
            return media::Answer{leg, ticket, body.rev, body.sdp};
          },
          [&](const call::MediaPublish& body) -> media::Command {
            return media::Publish{leg, ticket, body.sources};
          },
          [&](const call::MediaSubscribe& body) -> media::Command {
            media::Subscribe command{leg, ticket, {}};
            for (const auto& track : body.tracks)
              command.tracks.push_back({track.profile.str(), track.source, track.paused,
                                        track.max_height, track.priority});
            return command;
          },
          [&](const call::MediaRestart& body) -> media::Command {
            return media::Restart{leg, ticket, body.fresh};
          },
      },
      effect.body);
}

std::optional<call::Input> to_input(const media::Event& event) {
  using Input = std::optional<call::Input>;
  return std::visit(
      Overloaded{
          [](const media::Offered& e) -> Input {
            call::MediaOfferEvent offer{e.rev, e.sdp, {}};
            for (const auto& track : e.tracks)
              offer.tracks.push_back({track.mid, base::ProfileId(track.owner), track.source});
            return call::LegOffered{e.leg, std::move(offer)};
          },
          [](const media::Connected& e) -> Input { return call::LegConnected{e.leg}; },
          [](const media::Silent& e) -> Input { return call::LegSilent{e.leg}; },
          [](const media::Audible& e) -> Input { return call::LegAudible{e.leg}; },
          [](const media::Failed& e) -> Input {
            return call::LegFailed{e.leg, e.message};
          },
          [](const media::Verdict&) -> Input { return std::nullopt; },
          [](const media::Closed&) -> Input { return std::nullopt; },
          [](const media::Answered&) -> Input { return std::nullopt; },
          [](const media::Patched&) -> Input { return std::nullopt; },
      },
      event);
}

call::Refusal to_refusal(const base::Error& error) {
  const auto code = [&] {
    switch (error.code) {
      case base::Code::kInvalid:
        return call::ErrorCode::kBadRequest;
      case base::Code::kNotFound:
        return call::ErrorCode::kNotFound;
      case base::Code::kForbidden:
        return call::ErrorCode::kForbidden;
      case base::Code::kConflict:
        return call::ErrorCode::kConflict;
      case base::Code::kBusy:
        return call::ErrorCode::kRateLimited;
      case base::Code::kUnavailable:
        return call::ErrorCode::kUnavailable;
      case base::Code::kInternal:
        return call::ErrorCode::kInternal;
    }
    return call::ErrorCode::kInternal;
  };
  return call::Refusal{code(), error.message, {}};
}

}  // namespace parley::app
