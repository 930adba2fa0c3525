// Who there is, and who gets what.

#include <algorithm>
#include <tuple>
#include <utility>

#include "router/state.h"

namespace parley::router {
namespace {

// Spreads a number over 64 bits (the finaliser of splitmix64).
std::uint64_t scatter(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31U);
}

std::string cname_of(StreamId stream) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string name;
  for (std::uint64_t x = scatter(stream.value), i = 0; i < 16; ++i, x >>= 4U)
    name.push_back(kDigits[x & 15U]);
  return name;
}

// First numbers that follow from the SSRC, which is random. The sequence number starts in the lower
// half, so that loss of the first packets cannot be taken for a wrap (RFC 3711, 3.3.1).
rtp::Splicer first_numbers(std::uint32_t ssrc, Kind kind) {
  const std::uint64_t random = scatter(ssrc);
  return {static_cast<std::uint16_t>(random & 0x7fffU), static_cast<std::uint32_t>(random >> 32U),
          clock_hz(kind)};
}

bool announces(const InTrack& track, std::uint32_t ssrc) {
  return std::find(track.config.ssrcs.begin(), track.config.ssrcs.end(), ssrc) !=
         track.config.ssrcs.end();
}

// Of all tracks together: they share one transport, and so one set of payload types.
std::unique_ptr<GuestNames> names_of(const std::vector<IncomingTrack>& tracks) {
  std::unique_ptr<GuestNames> names;
  for (const IncomingTrack& track : tracks) {
    if (track.payload_names.empty()) continue;
    if (names == nullptr) {
      names = std::make_unique<GuestNames>();
      names->types.fill(kNoPayloadType);
      names->extensions.fill(0);
    }
    for (const TheirName& name : track.payload_names)
      if (name.theirs < names->types.size()) names->types[name.theirs] = name.ours;
    for (const TheirName& name : track.extension_names)
      if (name.theirs < names->extensions.size()) names->extensions[name.theirs] = name.ours;
  }
  return names;
}

template <class T>
std::uint32_t place_in(std::vector<std::unique_ptr<T>>& slots, std::unique_ptr<T> item) {
  const auto free = std::find(slots.begin(), slots.end(), nullptr);
  const auto place = static_cast<std::uint32_t>(free - slots.begin());
  if (free == slots.end())
    slots.push_back(std::move(item));
  else
    *free = std::move(item);
  return place;
}

}  // namespace

InTrack* incoming_of(Leg& leg, base::Source source) {
  for (const auto& track : leg.incoming)
    if (track->config.source == source) return track.get();
  return nullptr;
}

OutTrack::OutTrack(Leg& receiver, const OutgoingTrack& track, rtp::Splicer numbers,
                   rtp::PictureIds picture_numbers)
    : leg(&receiver),
      ssrc(track.ssrc),
      splicer(numbers),
      pictures(picture_numbers),
      stream(track.stream),
      source(track.source),
      cname(cname_of(track.stream)) {
  configure(track);
}

void OutTrack::configure(const OutgoingTrack& track) {
  mid = track.mid;
  payload_types.reset();
  for (const std::uint8_t type : track.payload_types)
    if (type < payload_types.size()) payload_types.set(type);
  names.reset();
  for (const TheirName& name : track.payload_names) {
    if (name.ours >= std::tuple_size_v<PayloadTypes>) continue;
    if (names == nullptr) {
      names = std::make_unique<PayloadTypes>();
      for (std::size_t i = 0; i < names->size(); ++i) (*names)[i] = static_cast<std::uint8_t>(i);
    }
    (*names)[name.ours] = name.theirs & 0x7fU;
  }
  extensions = 0;
  for (const std::uint8_t id : track.extensions)
    if (id >= 1 && id <= rtp::kMaxExtensionId) extensions |= static_cast<std::uint16_t>(1U << id);
}

Leg* Router::State::find_leg(LegId id) const {
  const std::uint32_t place = leg_at.find(id.value);
  return place == base::FlatIndex::kNone ? nullptr : legs[place].get();
}

Stream* Router::State::find_stream(StreamId id) const {
  const std::uint32_t place = stream_at.find(id.value);
  return place == base::FlatIndex::kNone ? nullptr : streams[place].get();
}

Stream& Router::State::stream(StreamId id) {
  if (Stream* found = find_stream(id)) return *found;
  auto made = std::make_unique<Stream>();
  made->id = id;
  Stream& result = *made;
  stream_at.set(id.value, place_in(streams, std::move(made)));
  return result;
}

void Router::State::erase_stream(StreamId id) {
  streams[stream_at.find(id.value)].reset();
  stream_at.erase(id.value);
}

void Router::State::forget_if_unused(StreamId id) {
  const Stream* found = find_stream(id);
  if (found != nullptr && !found->feeder && found->receivers.empty() && found->taps.empty() &&
      !found->audio_muted && !found->video_muted)
    erase_stream(id);
}

void Router::State::add_leg(LegId id) {
  if (find_leg(id) != nullptr) return;
  auto leg = std::make_unique<Leg>();
  leg->id = id;
  leg_at.set(id.value, place_in(legs, std::move(leg)));
}

void Router::State::remove_leg(LegId id) {
  Leg* leg = find_leg(id);
  if (leg == nullptr) return;
  set_outgoing(*leg, {});
  set_incoming(*leg, {});
  for (std::size_t i = 0; i < streams.size(); ++i)
    if (streams[i] != nullptr && streams[i]->feeder == id) feed(streams[i]->id, std::nullopt);
  if (leg->open()) --open_legs;
  outbox.discard(id);
  legs[leg_at.find(id.value)].reset();
  leg_at.erase(id.value);
}

void Router::State::open_gate(Leg& leg, srtp::Inbound in, srtp::Outbound out) {
  if (!leg.open() && open_legs++ == 0) next_tick = TimePoint::min();
  leg.gate = std::make_unique<Gate>(Gate{std::move(in), std::move(out)});
  leg.ended.clear();  // of other keys
  leg.arrivals.reset();
  leg.next_report = TimePoint::min();
  for (const auto& track : leg.outgoing) relink(stream(track->stream));
}

void Router::State::set_incoming(Leg& leg, std::vector<IncomingTrack> tracks) {
  std::vector<std::unique_ptr<InTrack>> old = std::move(leg.incoming);
  leg.incoming.clear();
  leg.names = names_of(tracks);
  for (IncomingTrack& config : tracks) {
    const auto same = std::find_if(old.begin(), old.end(), [&](const auto& track) {
      return track != nullptr && track->config.source == config.source &&
             track->config.mid == config.mid;
    });
    leg.incoming.push_back(same == old.end() ? std::make_unique<InTrack>() : std::move(*same));
    leg.incoming.back()->config = std::move(config);
    leg.incoming.back()->leg = &leg;
  }
  // Sources stay when they are announced for their track still, or were learned for it and belong
  // to no other now.
  for (std::size_t i = leg.sources.size(); i-- > 0;) {
    Source& source = *leg.sources[i];
    const bool kept = std::any_of(leg.incoming.begin(), leg.incoming.end(), [&](const auto& track) {
      const bool own = track.get() == source.track;
      return own && (source.learned || announces(*track, source.ssrc));
    });
    const bool elsewhere =
        std::any_of(leg.incoming.begin(), leg.incoming.end(), [&](const auto& track) {
          return track.get() != source.track && announces(*track, source.ssrc);
        });
    if (kept && !elsewhere) continue;
    for (const auto& track : leg.incoming)
      if (track->current == &source) track->current = nullptr;
    const auto at = static_cast<std::ptrdiff_t>(i);
    leg.sources.erase(leg.sources.begin() + at);
    leg.source_ssrcs.erase(leg.source_ssrcs.begin() + at);
  }
  relink(leg.id);
  // Receivers were linked anew above; nothing names the tracks that are gone but this list.
  std::erase_if(wanted, [&](const InTrack* track) {
    return std::any_of(old.begin(), old.end(),
                       [&](const auto& gone) { return gone.get() == track; });
  });
}

void Router::State::set_outgoing(Leg& leg, const std::vector<OutgoingTrack>& tracks) {
  std::vector<std::unique_ptr<OutTrack>> old = std::move(leg.outgoing);
  leg.outgoing.clear();
  std::vector<StreamId> changed;
  for (const OutgoingTrack& track : tracks) {
    const auto same = std::find_if(old.begin(), old.end(), [&](const auto& out) {
      return out != nullptr && out->ssrc == track.ssrc && out->stream == track.stream &&
             out->source == track.source;
    });
    if (same == old.end()) continue;
    (*same)->configure(track);
    leg.outgoing.push_back(std::move(*same));
  }
  for (const auto& out : old) {
    if (out == nullptr) continue;
    leg.ended.push_back({out->ssrc, out->splicer, out->pictures});
    std::erase(stream(out->stream).receivers, out.get());
    changed.push_back(out->stream);
  }
  for (const OutgoingTrack& track : tracks) {
    const bool there = std::any_of(leg.outgoing.begin(), leg.outgoing.end(),
                                   [&](const auto& out) { return out->ssrc == track.ssrc; });
    if (there) continue;  // or named twice: the first one counts
    const auto before = std::find_if(leg.ended.begin(), leg.ended.end(),
                                     [&](const auto& e) { return e.ssrc == track.ssrc; });
    if (before != leg.ended.end()) {
      leg.outgoing.push_back(
          std::make_unique<OutTrack>(leg, track, before->splicer, before->pictures));
      leg.ended.erase(before);
    } else {
      leg.outgoing.push_back(std::make_unique<OutTrack>(
          leg, track, first_numbers(track.ssrc, base::kind_of(track.source)), rtp::PictureIds()));
    }
    stream(track.stream).receivers.push_back(leg.outgoing.back().get());
    changed.push_back(track.stream);
  }
  std::sort(changed.begin(), changed.end());
  changed.erase(std::unique(changed.begin(), changed.end()), changed.end());
  for (const StreamId id : changed) {
    relink(stream(id));
    forget_if_unused(id);
  }
}

void Router::State::forget_ssrc(Leg& leg, std::uint32_t ssrc) {
  const bool in_use = std::any_of(leg.outgoing.begin(), leg.outgoing.end(),
                                  [&](const auto& out) { return out->ssrc == ssrc; });
  if (in_use) return;
  std::erase_if(leg.ended, [&](const auto& e) { return e.ssrc == ssrc; });
  if (leg.open()) leg.gate->out.forget(ssrc);
}

void Router::State::feed(StreamId id, std::optional<LegId> leg) {
  Stream& fed = stream(id);
  if (fed.feeder == leg) return forget_if_unused(id);
  const std::optional<LegId> before = fed.feeder;
  fed.feeder = leg;
  if (before) relink(*before);
  relink(fed);
  forget_if_unused(id);
}

void Router::State::relink(Stream& stream) {
  if (stream.feeder && find_leg(*stream.feeder) != nullptr) return relink(*stream.feeder);
  for (OutTrack* out : stream.receivers) {
    out->from = nullptr;
    out->joined = 0;
  }
  relink_taps(stream, nullptr);
}

// Makes the fan-out lists of a publisher anew. A receiver that was not in one before starts with
// the next key frame, which is asked for.
void Router::State::relink(LegId publisher) {
  Leg* leg = find_leg(publisher);
  if (leg == nullptr) return;
  for (const auto& track : leg->incoming) {
    track->receivers.clear();
    track->taps.clear();
  }
  for (const auto& stream : streams) {
    if (stream == nullptr || stream->feeder != publisher) continue;
    for (OutTrack* out : stream->receivers) {
      const bool flows = out->leg->open() && !stream->muted(out->source);
      InTrack* from = flows ? incoming_of(*leg, out->source) : nullptr;
      if (from != nullptr) from->receivers.push_back(out);
      if (from == out->from) continue;
      out->from = from;
      out->joined = 0;
      if (from != nullptr && from->kind() == Kind::kVideo)
        want_keyframe(*from, !out->splicer.started());
    }
    relink_taps(*stream, leg);
  }
}

}  // namespace parley::router
