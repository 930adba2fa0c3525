#include "media/guest_leg.h"

#include <algorithm>
#include <utility>

#include "media/random.h"

namespace parley::media {

namespace {

constexpr base::Kind kKinds[] = {base::Kind::kAudio, base::Kind::kVideo};
// In this order, when a stream has several of a kind.
constexpr base::Source kSources[] = {base::Source::kMic,      base::Source::kCamera,
                                     base::Source::kScreen,   base::Source::kScreenAudio,
                                     base::Source::kMixAudio, base::Source::kMixVideo};

std::uint32_t random_ssrc() {
  const std::uint32_t ssrc = random_u32();
  return ssrc != 0 ? ssrc : 1;
}

std::optional<base::Source> source_of(const std::set<base::Source>& sources, base::Kind kind) {
  for (const base::Source source : kSources)
    if (kind_of(source) == kind && sources.contains(source)) return source;
  return std::nullopt;
}

std::vector<router::TheirName> names_of(const sdp::GuestMedia& media) {
  std::vector<router::TheirName> names;
  names.reserve(media.formats.size());
  for (const sdp::GuestFormat& format : media.formats)
    names.push_back({format.theirs, format.ours});
  return names;
}

std::vector<router::TheirName> extension_names_of(const sdp::GuestMedia& media) {
  std::vector<router::TheirName> names;
  names.reserve(media.extensions.size());
  for (const sdp::GuestExtension& extension : media.extensions)
    names.push_back({extension.theirs, static_cast<std::uint8_t>(extension.ours)});
  return names;
}

}  // namespace

GuestLeg::GuestLeg(LegId id, LegContext& context, std::uint64_t ticket, sdp::GuestOffer offer)
    : PeerLeg(id, context),
      ticket_(ticket),
      offer_(std::move(offer)),
      ssrcs_{random_ssrc(), random_ssrc()} {
  if (!offer_.publishes) return;
  if (offer_.accepted(base::Kind::kAudio) != nullptr) published_.insert(base::Source::kMic);
  if (offer_.accepted(base::Kind::kVideo) != nullptr) published_.insert(base::Source::kCamera);
}

void GuestLeg::on_ready(sdp::Transport transport) {
  transport_ = std::move(transport);
  take_peer(peer_of(offer_));
  if (failed_) return;
  answered_ = true;
  context_.emit(
      Answered{id_, ticket_, write_guest_answer(offer_, transport_, random_u64() >> 2, ssrcs_)});
}

void GuestLeg::on_failed(std::string message) {
  if (answered_) return PeerLeg::on_failed(std::move(message));
  context_.emit(Verdict{id_, ticket_, base::Error{base::Code::kUnavailable, std::move(message)}});
  context_.box->post(ControlInput(Command(CloseLeg{id_})));
}

base::Result<std::string> GuestLeg::patch(const std::string& fragment) {
  const auto checked = sdp::check_guest_fragment(fragment);
  if (!checked) return tl::unexpected(checked.error());
  if (failed_) return base::fail(base::Code::kConflict, "this leg has failed; begin anew");
  if (!ready_) return base::fail(base::Code::kConflict, "this leg has no answer yet");
  if (checked->ufrag.empty() || (checked->ufrag == offer_.ufrag && checked->pwd == offer_.pwd))
    return std::string();
  if (checked->ufrag == offer_.ufrag)
    return base::fail(base::Code::kInvalid,
                      "a=ice-pwd is new and a=ice-ufrag is not: a restart changes both");
  offer_.ufrag = checked->ufrag;
  offer_.pwd = checked->pwd;
  restart_ice();
  transport_.ufrag = credentials_.ufrag;
  transport_.pwd = credentials_.pwd;
  return write_guest_fragment(offer_, transport_);
}

void GuestLeg::show(StreamId stream, std::string owner) {
  if (std::find(order_.begin(), order_.end(), stream) == order_.end()) order_.push_back(stream);
  PeerLeg::show(stream, std::move(owner));
}

void GuestLeg::hide(StreamId stream) {
  std::erase(order_, stream);
  PeerLeg::hide(stream);
}

void GuestLeg::refresh(const SourcesOf& sources_of) {
  if (!ready_) return;
  context_.io->post(SetIncoming{id_, incoming()});
  context_.io->post(SetOutgoing{id_, outgoing(sources_of), {}});
}

bool GuestLeg::resends(const sdp::GuestMedia& media) {
  return std::any_of(media.formats.begin(), media.formats.end(), [](const auto& format) {
    return std::find(format.feedback.begin(), format.feedback.end(), "nack") !=
           format.feedback.end();
  });
}

std::vector<router::IncomingTrack> GuestLeg::incoming() const {
  std::vector<router::IncomingTrack> tracks;
  if (!offer_.publishes) return tracks;
  for (const base::Kind kind : kKinds)
    if (const sdp::GuestMedia* media = offer_.accepted(kind))
      tracks.push_back({kind == base::Kind::kAudio ? base::Source::kMic : base::Source::kCamera,
                        media->mid, media->ssrcs, names_of(*media), resends(*media),
                        extension_names_of(*media)});
  return tracks;
}

std::vector<router::OutgoingTrack> GuestLeg::outgoing(const SourcesOf& sources_of) const {
  std::vector<router::OutgoingTrack> tracks;
  if (offer_.publishes) return tracks;
  for (const base::Kind kind : kKinds) {
    const sdp::GuestMedia* media = offer_.accepted(kind);
    if (media == nullptr) continue;
    for (const StreamId stream : order_) {
      const std::set<base::Source>* sources = sources_of(stream);
      const auto source = sources != nullptr ? source_of(*sources, kind) : std::nullopt;
      if (!source) continue;
      router::OutgoingTrack& track = tracks.emplace_back();
      track.stream = stream;
      track.source = *source;
      track.ssrc = kind == base::Kind::kAudio ? ssrcs_.audio : ssrcs_.video;
      for (const sdp::GuestFormat& format : media->formats)
        track.payload_types.push_back(format.ours);
      track.payload_names = names_of(*media);
      break;
    }
  }
  return tracks;
}

}  // namespace parley::media
