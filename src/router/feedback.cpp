// RTCP: reports in both directions, and requests for key frames.

#include <algorithm>

#include "base/overloaded.h"
#include "router/state.h"
#include "rtp/bytes.h"

namespace parley::router {
namespace {

// How often on_timer() looks at all legs, and publishers are told of their packets' arrival
// (transport-wide-cc-extensions-01 leaves it open; libwebrtc does it each 50 to 250 ms).
constexpr Duration kTick = std::chrono::milliseconds(100);

// The SSRC of what we say about others' media; no media is sent with it.
constexpr std::uint32_t kOwnSsrc = 0x7061726c;
constexpr std::string_view kOwnCname = "parley";

// A publisher's clock is known from its last sender report for this long (our choice: twelve of
// the 5 s that RFC 3550 gives as the longest usual interval).
constexpr Duration kClockLifetime = std::chrono::seconds(60);

// A publisher's clock that is off by more has been set anew.
constexpr Duration kClockJump = std::chrono::seconds(1);

}  // namespace

bool Router::State::on_rtcp(Leg& leg, std::span<std::uint8_t> datagram, TimePoint now) {
  if (datagram.size() > rtp::kMaxCompoundBytes) {
    ++stats.malformed;
    return false;
  }
  const auto plain = leg.gate->in.unprotect_rtcp(datagram);
  if (!plain) {
    count(plain.error());
    return false;
  }
  const std::span<const std::uint8_t> compound = datagram.first(*plain);
  if (!rtp::RtcpReader::valid(compound)) {
    ++stats.malformed;
    return true;
  }
  rtp::RtcpReader reader(compound);
  for (auto item = reader.next(); item.has_value(); item = reader.next()) {
    std::visit(base::Overloaded{
                   [&](const rtp::SenderReport& report) { on_sender_report(leg, report, now); },
                   [&](const rtp::PictureLossIndication& loss) {
                     on_keyframe_request(leg, loss.media_ssrc, now);
                   },
                   [&](const rtp::FullIntraRequest& request) {
                     for (std::size_t i = 0; i + 8 <= request.entries.size(); i += 8)
                       on_keyframe_request(leg, rtp::load32(&request.entries[i]), now);
                   },
                   [](const auto&) {},  // recognised, and of no use to a forwarder yet
               },
               *item);
  }
  return true;
}

// Keeps what places the source's timestamps on our clock. The offset between the publisher's clock
// and ours is one for all its sources, so that they stay in step with each other: it follows the
// report that travelled fastest at once, and slower ones only a little, for drift.
void Router::State::on_sender_report(Leg& leg, const rtp::SenderReport& report, TimePoint now) {
  const auto known = std::find(leg.source_ssrcs.begin(), leg.source_ssrcs.end(), report.ssrc);
  if (known == leg.source_ssrcs.end()) return;
  Source& source = *leg.sources[static_cast<std::size_t>(known - leg.source_ssrcs.begin())];
  source.statistics.on_sender_report(report.ntp, now);

  const Duration offset = rtp::since_ntp_epoch(report.ntp) - now.time_since_epoch();
  Duration& kept = leg.clock_offset ? *leg.clock_offset : leg.clock_offset.emplace(offset);
  const Duration change = offset - kept;
  if (change > Duration::zero() || change < -kClockJump)
    kept = offset;
  else
    kept += change / 64;

  const bool first = !source.clock;
  source.clock = SenderClock{report.ntp, report.timestamp};
  tell_clocks(leg);
  if (!first) return;
  // Receivers can put audio and video in step from now on: do not let them wait a second for it.
  for (const OutTrack* out : source.track->receivers) out->leg->next_report = now;
}

void Router::State::on_keyframe_request(Leg& leg, std::uint32_t ssrc, TimePoint now) {
  for (const auto& out : leg.outgoing)
    if (out->ssrc == ssrc && out->from != nullptr && base::kind_of(out->source) == Kind::kVideo)
      return request_keyframe(*out->from, now);
}

// One that is on its way will do for who comes meanwhile.
void Router::State::want_keyframe(InTrack& track, bool first) {
  if (first && !track.keyframe_coming) track.keyframe_urgent = true;
  if (track.keyframe_wanted) return;
  track.keyframe_wanted = true;
  wanted.push_back(&track);
}

void Router::State::request_keyframe(InTrack& track, TimePoint now) {
  want_keyframe(track, false);
  if (now >= track.keyframe_due()) send_wanted(now);
}

// What was asked for before it came is fulfilled by it.
void Router::State::got_keyframe(InTrack& track) {
  track.keyframe_coming = track.keyframe_urgent = false;
  if (!track.keyframe_wanted) return;
  track.keyframe_wanted = false;
  std::erase(wanted, &track);
}

void Router::State::send_wanted(TimePoint now) {
  std::erase_if(wanted, [&](InTrack* track) {
    if (now < track->keyframe_due()) return false;
    track->keyframe_wanted = track->keyframe_urgent = false;
    if (track->receivers.empty() && track->taps.empty()) return true;
    if (track->leg->port) {
      sink->on_keyframe_wanted(track->leg->id, track->config.source);
      track->keyframe_asked = now;
      track->keyframe_coming = true;
      return true;
    }
    const auto& announced = track->config.ssrcs;
    // Without a receiver nobody wants it any more; without an SSRC nothing was sent yet, and the
    // first packet will ask anew if it does not start a key frame.
    if (!track->leg->open() || (track->current == nullptr && announced.empty())) return true;
    rtp::RtcpWriter compound;
    compound.add_receiver_report(kOwnSsrc, {});
    compound.add_cname(kOwnSsrc, kOwnCname);
    compound.add_picture_loss(kOwnSsrc,
                              track->current != nullptr ? track->current->ssrc : announced.front());
    send_rtcp(*track->leg, compound);
    track->keyframe_asked = now;
    track->keyframe_coming = true;
    ++stats.keyframe_requests;
    return true;
  });
}

void Router::State::note_missing(Source& source, std::int64_t before, std::int64_t place,
                                 TimePoint now) {
  InTrack& track = *source.track;
  if (!track.config.resends) return;
  if (place <= before) {
    if (source.missing != nullptr) source.missing->on_late(place, now);
    return;
  }
  const bool of_use = track.current == &source && !(track.receivers.empty() && track.taps.empty());
  if (!of_use) return;
  // Of those who never lose anything nothing is kept.
  if (source.missing == nullptr) source.missing = std::make_unique<rtp::MissingPackets>();
  if (source.missing->on_gap(before + 1, place, now))
    next_nack = std::min(next_nack, now + rtp::MissingPackets::kPatience);
  else
    request_keyframe(track, now);
}

void Router::State::ask_for_missing(TimePoint now) {
  if (now < next_nack) return;
  next_nack = TimePoint::max();
  for (const auto& leg : legs) {
    if (leg == nullptr || !leg->open()) continue;
    for (const auto& source : leg->sources)
      if (source->missing != nullptr && !source->missing->empty())
        ask_for_missing(*leg, *source, now);
  }
}

void Router::State::ask_for_missing(Leg& leg, Source& source, TimePoint now) {
  InTrack& track = *source.track;
  if (!track.config.resends || track.current != &source ||
      (track.receivers.empty() && track.taps.empty()))
    return source.missing->clear();
  const auto due = source.missing->due(now);
  if (!due.sequences.empty()) {
    rtp::RtcpWriter compound;
    compound.add_receiver_report(kOwnSsrc, {});
    compound.add_cname(kOwnSsrc, kOwnCname);
    compound.add_nack(kOwnSsrc, source.ssrc, due.sequences);
    send_rtcp(leg, compound);
    stats.nacked += due.sequences.size();
  }
  if (due.gave_up) request_keyframe(track, now);
  if (const auto next = source.missing->deadline()) next_nack = std::min(next_nack, *next);
}

// A receiver report on what the leg sends, and a sender report for each track it gets.
void Router::State::report(Leg& leg, TimePoint now) {
  std::array<rtp::ReportBlock, kMaxActiveSources> blocks;
  std::size_t heard = 0;
  for (const auto& source : leg.sources)
    if (const auto block = source->statistics.report(now)) blocks[heard++] = *block;

  rtp::RtcpWriter compound;
  const auto begin = [&](std::span<const rtp::ReportBlock> about) {
    compound.add_receiver_report(kOwnSsrc, about);
    compound.add_cname(kOwnSsrc, kOwnCname);
  };
  begin(std::span(blocks).first(heard));
  bool anything = heard > 0;

  const rtp::NtpTime ntp = rtp::ntp_from(now.time_since_epoch() + kNtpOffset);
  for (const auto& out : leg.outgoing) {
    if (out->from == nullptr || out->joined == 0) continue;
    const Source* source = out->from->current;
    const auto& offset = out->from->leg->clock_offset;
    if (source == nullptr || source->serial != out->joined || !source->clock || !offset) continue;
    // When, on our clock, the publisher's report was true.
    const TimePoint then(rtp::since_ntp_epoch(source->clock->ntp) - *offset);
    if (now - then > kClockLifetime) continue;
    const std::uint32_t timestamp =
        source->clock->timestamp + rtp::rtp_ticks(now - then, clock_hz(out->from->kind()));
    constexpr std::size_t kSenderReportAndCname = 28 + 12 + 20;
    if (compound.room() < kSenderReportAndCname) {
      send_rtcp(leg, compound);
      compound.clear();
      begin({});
    }
    compound.add_sender_report({.ssrc = out->ssrc,
                                .ntp = ntp,
                                .timestamp = out->splicer.map_timestamp(timestamp),
                                .packets = out->packets,
                                .octets = out->octets,
                                .blocks = {}});
    compound.add_cname(out->ssrc, out->cname);
    anything = true;
  }
  if (anything) send_rtcp(leg, compound);
}

void Router::State::report_arrivals(Leg& leg) {
  while (leg.arrivals != nullptr && leg.arrivals->pending()) {
    rtp::RtcpWriter compound;
    compound.add_receiver_report(kOwnSsrc, {});
    compound.add_cname(kOwnSsrc, kOwnCname);
    compound.add_packet(leg.arrivals->build(kOwnSsrc));
    send_rtcp(leg, compound);
  }
}

void Router::State::send_rtcp(Leg& leg, const rtp::RtcpWriter& compound) {
  std::uint8_t* slot = outbox.reserve(leg.id);
  if (slot == nullptr) {
    ++stats.outbox_drops;
    return;
  }
  outbox.commit(leg.gate->out.protect_rtcp(compound.bytes(), slot));
}

void Router::State::on_timer(TimePoint now) {
  send_wanted(now);
  ask_for_missing(now);
  if (open_legs == 0 || now < next_tick) return;
  next_tick = now + kTick;
  for (const auto& leg : legs) {
    if (leg == nullptr || !leg->open()) continue;
    report_arrivals(*leg);
    if (now < leg->next_report) continue;
    leg->next_report = now + kReportInterval;
    report(*leg, now);
  }
}

std::optional<TimePoint> Router::State::deadline() const {
  std::optional<TimePoint> due;
  if (open_legs > 0) due = std::min(next_tick, next_nack);
  for (const InTrack* track : wanted) {
    const TimePoint at = track->keyframe_due();
    if (!due || at < *due) due = at;
  }
  return due;
}

}  // namespace parley::router
