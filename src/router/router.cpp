#include "router/router.h"

#include <utility>

#include "router/state.h"

namespace parley::router {

Router::Router(Outbox& outbox, TapSink* taps) : state_(std::make_unique<State>(outbox, taps)) {}
Router::~Router() = default;

void Router::set_codec(std::uint8_t payload_type, rtp::Codec codec) {
  if (payload_type < state_->codecs.size()) state_->codecs[payload_type] = codec;
}

void Router::add_leg(LegId leg) { state_->add_leg(leg); }

void Router::remove_leg(LegId leg) { state_->remove_leg(leg); }

void Router::open_gate(LegId leg, srtp::Inbound in, srtp::Outbound out) {
  if (Leg* found = state_->find_leg(leg)) state_->open_gate(*found, std::move(in), std::move(out));
}

void Router::set_incoming(LegId leg, std::vector<IncomingTrack> tracks) {
  if (Leg* found = state_->find_leg(leg)) state_->set_incoming(*found, std::move(tracks));
}

void Router::set_outgoing(LegId leg, const std::vector<OutgoingTrack>& tracks,
                          std::span<const std::uint32_t> ended) {
  Leg* found = state_->find_leg(leg);
  if (found == nullptr) return;
  state_->set_outgoing(*found, tracks);
  for (const std::uint32_t ssrc : ended) State::forget_ssrc(*found, ssrc);
}

void Router::feed(StreamId stream, std::optional<LegId> leg) { state_->feed(stream, leg); }

void Router::mute(StreamId stream, bool audio_muted, bool video_muted) {
  Stream& found = state_->stream(stream);
  found.audio_muted = audio_muted;
  found.video_muted = video_muted;
  state_->relink(found);
  state_->forget_if_unused(stream);
}

void Router::forget(StreamId stream) {
  Stream* found = state_->find_stream(stream);
  if (found == nullptr) return;
  found->audio_muted = found->video_muted = false;
  state_->relink(*found);
  state_->forget_if_unused(stream);
}

void Router::add_tap(TapId tap, StreamId stream, base::Source source) {
  if (state_->sink != nullptr) state_->add_tap(tap, stream, source);
}

void Router::remove_tap(TapId tap) { state_->remove_tap(tap); }

void Router::want_keyframe(TapId tap, TimePoint now) { state_->on_tap_wish(tap, now); }

void Router::add_port(LegId port) {
  if (state_->sink != nullptr) state_->add_port(port);
}

bool Router::on_plain(LegId port, base::Source source, std::span<std::uint8_t> rtp,
                      TimePoint captured, TimePoint now) {
  Leg* found = state_->find_leg(port);
  return found != nullptr && state_->on_plain(*found, source, rtp, captured, now);
}

bool Router::on_datagram(LegId leg, std::span<std::uint8_t> datagram, TimePoint now) {
  Leg* found = state_->find_leg(leg);
  if (found == nullptr || !found->open() || datagram.size() < 2) return false;
  // RTCP's packet types lie where RTP has payload types 64 to 95 with the marker (RFC 5761, 4).
  const bool rtcp = datagram[1] >= 192 && datagram[1] <= 223;
  return rtcp ? state_->on_rtcp(*found, datagram, now) : state_->on_rtp(*found, datagram, now);
}

void Router::on_timer(TimePoint now) { state_->on_timer(now); }

std::optional<TimePoint> Router::deadline() const { return state_->deadline(); }

const RouterStats& Router::stats() const { return state_->stats; }

}  // namespace parley::router
