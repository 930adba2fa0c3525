// Tracks that go to jobs, and tracks that come from them.

#include "router/taps.h"

#include <algorithm>

#include "router/state.h"
#include "rtp/keyframe.h"

namespace parley::router {
namespace {

// How often a port's source is put on our clock, as a browser's is by its reports (our choice: as
// often as receivers get reports).
constexpr Duration kPortReportInterval = std::chrono::seconds(1);

// A job whose times are off by more has another clock than ours: arrival stands in.
constexpr Duration kMostAhead = std::chrono::seconds(30);

}  // namespace

void Router::State::add_tap(TapId id, StreamId from, base::Source source) {
  remove_tap(id);
  auto tap = std::make_unique<Tap>();
  tap->id = id;
  tap->stream = from;
  tap->source = source;
  Stream& tapped = stream(from);
  tap->muted = tapped.muted(source);
  sink->on_muted(id, tap->muted);
  tapped.taps.push_back(tap.get());
  taps.push_back(std::move(tap));
  relink(tapped);
}

void Router::State::remove_tap(TapId id) {
  const auto found =
      std::find_if(taps.begin(), taps.end(), [id](const auto& tap) { return tap->id == id; });
  if (found == taps.end()) return;
  Stream& tapped = stream((*found)->stream);
  std::erase(tapped.taps, found->get());
  relink(tapped);
  taps.erase(found);
  forget_if_unused(tapped.id);
}

void Router::State::on_tap_wish(TapId id, TimePoint now) {
  for (const auto& tap : taps)
    if (tap->id == id && tap->from != nullptr && tap->from->kind() == Kind::kVideo)
      return request_keyframe(*tap->from, now);
}

// Beside relink()'s receivers: the taps of `stream` get packets of `leg`, or of nobody.
void Router::State::relink_taps(const Stream& stream, Leg* leg) {
  for (Tap* tap : stream.taps) {
    const bool muted = stream.muted(tap->source);
    if (muted != tap->muted) sink->on_muted(tap->id, muted);
    tap->muted = muted;
    InTrack* from = leg != nullptr && !muted ? incoming_of(*leg, tap->source) : nullptr;
    if (from != nullptr) from->taps.push_back(tap);
    if (from == tap->from) continue;
    tap->from = from;
    // Who begins, or goes on after a hole, can begin with a key frame only.
    if (from != nullptr && from->kind() == Kind::kVideo) want_keyframe(*from, tap->serial == 0);
  }
}

// Before the receivers' turn, who write their picture numbers into the payload. `datagram` is the
// packet's own memory: its number becomes that of its place.
void Router::State::feed_taps(const Source& source, const rtp::Packet& packet,
                              std::span<std::uint8_t> datagram, std::int64_t place, TimePoint now) {
  const std::optional<rtp::Codec>& codec = codecs[packet.payload_type()];
  if (!codec) return;
  rtp::set_sequence(datagram.data(), static_cast<std::uint16_t>(place));
  for (Tap* tap : source.track->taps) {
    if (tap->serial != source.serial || tap->payload_type != packet.payload_type()) {
      const bool new_source = tap->serial != source.serial;
      tap->serial = source.serial;
      tap->payload_type = packet.payload_type();
      sink->on_format(tap->id,
                      {*codec, tap->payload_type, clock_hz(source.track->kind()), source.ssrc});
      if (new_source && !tell_clock(*tap, source))
        sink->on_clock(tap->id, {source.ssrc, packet.timestamp(), now, false});
    }
    sink->on_packet(tap->id, now, datagram);
  }
  if (source.track->keyframe_coming && rtp::starts_key_frame(*codec, packet.payload()))
    got_keyframe(*source.track);
}

bool Router::State::tell_clock(const Tap& tap, const Source& source) {
  const std::optional<Duration>& offset = source.track->leg->clock_offset;
  if (!source.clock || !offset) return false;
  sink->on_clock(tap.id, {source.ssrc, source.clock->timestamp,
                          TimePoint(rtp::since_ntp_epoch(source.clock->ntp) - *offset), true});
  return true;
}

// After a report about any of them, for the offset is one for all.
void Router::State::tell_clocks(const Leg& leg) {
  for (const auto& track : leg.incoming)
    for (const Tap* tap : track->taps)
      if (track->current != nullptr && tap->serial == track->current->serial)
        tell_clock(*tap, *track->current);
}

void Router::State::add_port(LegId id) {
  add_leg(id);
  Leg& port = *find_leg(id);
  port.port = true;
  port.clock_offset = kNtpOffset;  // a job's clock is ours
}

bool Router::State::on_plain(Leg& port, base::Source source_of, std::span<std::uint8_t> datagram,
                             TimePoint captured, TimePoint now) {
  auto packet = rtp::Packet::parse(datagram);
  InTrack* track = incoming_of(port, source_of);
  if (!port.port || !packet || track == nullptr) {
    ++(packet ? stats.unroutable : stats.malformed);
    return false;
  }
  packet->forget_extensions();
  ++stats.packets_in;
  stats.bytes_in += datagram.size();
  Source* source = plain_source(port, *track, packet->ssrc(), now);
  if (source == nullptr) {
    ++stats.unroutable;
    return false;
  }
  if (!source->placed_at || now - *source->placed_at >= kPortReportInterval) {
    source->placed_at = now;
    const bool plausible = captured > now - kMostAhead && captured < now + kMostAhead;
    place_on_clock(*source, packet->timestamp(), plausible ? captured : now, now);
  }
  take(*source, *packet, datagram, now);
  return true;
}

Source* Router::State::plain_source(Leg& port, InTrack& track, std::uint32_t ssrc, TimePoint now) {
  for (const auto& source : port.sources)
    if (source->ssrc == ssrc && source->track == &track) return source.get();
  if (!make_room(port, now)) return nullptr;
  port.sources.push_back(
      std::make_unique<Source>(ssrc, next_serial++, track, clock_hz(track.kind())));
  port.sources.back()->learned = true;
  port.source_ssrcs.push_back(ssrc);
  return port.sources.back().get();
}

void Router::State::place_on_clock(Source& source, std::uint32_t timestamp, TimePoint captured,
                                   TimePoint now) {
  const bool first = !source.clock;
  source.clock = SenderClock{rtp::ntp_from(captured.time_since_epoch() + kNtpOffset), timestamp};
  tell_clocks(*source.track->leg);
  if (!first) return;
  for (const OutTrack* out : source.track->receivers) out->leg->next_report = now;
}

}  // namespace parley::router
