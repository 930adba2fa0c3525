#include "parleysrc/track.h"

#include <algorithm>
#include <utility>

#include "base/overloaded.h"
#include "rtp/packet.h"

namespace parley::plugins {

namespace {

bool same(const std::optional<tap::Format>& told, const tap::Format& format) {
  return told && told->ssrc == format.ssrc && told->payload_type == format.payload_type &&
         told->codec == format.codec && told->clock_hz == format.clock_hz;
}

}  // namespace

void Track::take(const tap::Frame& frame) {
  std::visit(base::Overloaded{
                 [this](const tap::Format& format) { on_format(format); },
                 [this](const tap::Clock& clock) {
                   const auto it = streams_.find(clock.ssrc);
                   if (it == streams_.end()) return;
                   it->second.timeline.take(clock);
                   note_errors(it->second.timeline);
                 },
                 [this](const tap::Muted& muted) { muted_ = muted; },
                 [this](const tap::Dropped& dropped) { dropped_ += dropped.packets; },
                 [this](const tap::Packet& packet) { on_packet(packet); },
                 [this](const tap::End&) {
                   ended_ = true;
                   reorder_.finish();
                 },
                 [](const auto&) {},  // not said to a Tap
             },
             frame);
}

void Track::on_format(const tap::Format& format) {
  newest_ = format.ssrc;
  const auto it = streams_.find(format.ssrc);
  if (it != streams_.end() && it->second.format.clock_hz == format.clock_hz) {
    it->second.format = format;
    return;
  }
  // A sender that changes its SSRC all the time loses what has not left yet.
  if (streams_.size() >= kMostStreams) streams_.clear();
  streams_.insert_or_assign(format.ssrc,
                            Stream{format, tap::Timeline(format.clock_hz, last_), false});
}

// The packet after a hole waits until its own time has come, but not less than half the latency
// after it came: a sender's path is often longer than its clock shows.
base::TimePoint Track::deadline_of(const Stream& stream, std::uint32_t timestamp,
                                   base::TimePoint arrived) const {
  const auto captured = stream.timeline.estimate(timestamp);
  if (!captured) return arrived + latency_;
  return std::clamp(*captured + latency_, arrived + latency_ / 2, arrived + latency_);
}

void Track::on_packet(const tap::Packet& packet) {
  const auto rtp = rtp::Packet::parse(packet.rtp);
  if (!rtp || !newest_ || rtp->ssrc() != *newest_) return;
  ++packets_;
  const Stream& stream = streams_.at(*newest_);
  reorder_.push({rtp->ssrc(), rtp->sequence(),
                 deadline_of(stream, rtp->timestamp(), packet.arrived), packet.arrived,
                 std::vector<std::uint8_t>(packet.rtp.begin(), packet.rtp.end())});
}

std::optional<Track::Out> Track::next(base::TimePoint now) {
  while (auto ordered = reorder_.pop(now)) {
    held_.push_back(std::move(*ordered));
    if (held_.size() >= kMostHeld) break;
  }
  if (muted_) return *std::exchange(muted_, std::nullopt);
  while (!held_.empty()) {
    const auto stream = streams_.find(held_.front().ssrc);
    if (stream == streams_.end()) {
      held_.pop_front();
      continue;
    }
    if (!same(told_, stream->second.format)) {
      told_ = stream->second.format;
      return stream->second.format;
    }
    const auto before = held_.size();
    if (auto packet = next_packet(now)) return std::move(*packet);
    if (held_.size() == before) return std::nullopt;  // no Clock yet
  }
  if (ended_ && reorder_.waiting() == 0) return Ended{};
  return std::nullopt;
}

// The first that is held, when its stream has a Clock; nullopt also when it is left out.
std::optional<Track::Packet> Track::next_packet(base::TimePoint now) {
  tap::Reorder::Ordered& first = held_.front();
  Stream& stream = streams_.at(first.ssrc);
  const auto rtp = rtp::Packet::parse(first.rtp);
  const bool waits = !ended_ && held_.size() < kMostHeld && now < wait_of(stream, first);
  if (waits) return std::nullopt;
  if (!stream.timeline.known())
    stream.timeline.take(tap::Clock{first.ssrc, rtp->timestamp(), first.arrived, false});
  // Probes of a sender's bandwidth are all padding, and say nothing.
  const bool says_something =
      rtp->payload_type() == stream.format.payload_type && !rtp->payload().empty();
  skipped_lost_ += first.lost;
  skipped_anew_ = skipped_anew_ || first.anew;
  const std::uint32_t ssrc = first.ssrc;
  std::optional<Packet> packet;
  if (says_something) {
    packet = Packet{*stream.timeline.captured(rtp->timestamp()), std::exchange(skipped_lost_, 0),
                    std::exchange(skipped_anew_, false), rtp->sequence(), std::move(first.rtp)};
    last_ = std::max(last_.value_or(packet->captured), packet->captured);
    stream.begun = true;
    note_errors(stream.timeline);
  }
  held_.pop_front();
  if (streams_.size() == 1) return packet;
  std::erase_if(streams_, [&](const auto& other) {
    return other.first != ssrc && other.first != *newest_ && !is_held(other.first);
  });
  return packet;
}

base::TimePoint Track::wait_of(const Stream& stream, const tap::Reorder::Ordered& packet) const {
  if (stream.begun || stream.timeline.reported()) return packet.arrived;
  return packet.arrived +
         (stream.timeline.known() ? report_wait_ : std::max(report_wait_, kWaitForClock));
}

void Track::note_errors(const tap::Timeline& timeline) {
  const auto errors = timeline.errors();
  if (!errors) return;
  if (!errors_) errors_.emplace();
  errors_->lowest = std::min(errors_->lowest, errors->lowest);
  errors_->highest = std::max(errors_->highest, errors->highest);
}

bool Track::is_held(std::uint32_t ssrc) const {
  return std::any_of(held_.begin(), held_.end(),
                     [ssrc](const auto& packet) { return packet.ssrc == ssrc; });
}

std::optional<base::TimePoint> Track::due() const {
  if (held_.empty()) return reorder_.due();
  const auto stream = streams_.find(held_.front().ssrc);
  return stream == streams_.end() ? held_.front().arrived : wait_of(stream->second, held_.front());
}

Track::Counts Track::counts() const {
  const auto& order = reorder_.counts();
  Counts counts{packets_, order.lost, order.late, order.duplicates, dropped_};
  const auto newest = newest_ ? streams_.find(*newest_) : streams_.end();
  if (newest != streams_.end() && newest->second.timeline.reported())
    counts.clock_error = newest->second.timeline.error();
  counts.clock_errors = errors_;
  return counts;
}

}  // namespace parley::plugins
