#include "sdp/leg_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sdp/answer.h"
#include "sdp/offer.h"

namespace parley::sdp {
namespace {

using base::Source;

constexpr Source kBaseSources[] = {Source::kMic, Source::kCamera};
constexpr Source kScreenSources[] = {Source::kScreen, Source::kScreenAudio};

}  // namespace

LegSession::LegSession(std::uint64_t session_id, Transport transport)
    : session_id_(session_id), transport_(std::move(transport)) {
  append_base_lines();
}

void LegSession::append_base_lines() {
  for (const Source source : kBaseSources) append(kind_of(source), true).published = source;
}

MediaLine& LegSession::append(base::Kind kind, bool receives) {
  MediaLine& line = lines_.emplace_back();
  line.mid = fmt::format("{:02x}", lines_.size() - 1);
  line.kind = kind;
  line.receives = receives;
  return line;
}

MediaLine* LegSession::line_of(Source published) {
  const auto it = std::find_if(lines_.begin(), lines_.end(), [&](const MediaLine& line) {
    return !line.stopped && line.published == published;
  });
  return it == lines_.end() ? nullptr : &*it;
}

MediaLine* LegSession::line_of(const TrackKey& key) {
  const auto it = std::find_if(lines_.begin(), lines_.end(), [&](const MediaLine& line) {
    return !line.stopped && line.track == key;
  });
  return it == lines_.end() ? nullptr : &*it;
}

MediaLine* LegSession::free_line(base::Kind kind, bool receives) {
  const auto find = [&](bool settled) {
    const auto it = std::find_if(lines_.begin(), lines_.end(), [&](const MediaLine& line) {
      return line.stopped && line.kind == kind && line.receives == receives &&
             (line.settled || !settled);
    });
    return it == lines_.end() ? nullptr : &*it;
  };
  if (MediaLine* line = find(true)) return line;
  if (lines_.size() < kMaxMediaLines) return &append(kind, receives);
  return find(false);
}

void LegSession::stop(MediaLine& line) {
  line.stopped = true;
  line.settled = false;
  line.published.reset();
  dirty_ = true;
}

void LegSession::set_published(const std::set<Source>& sources) {
  published_ = sources;
  for (const Source source : kScreenSources) {
    MediaLine* line = line_of(source);
    const bool wanted = sources.contains(source);
    if (line != nullptr && !wanted) stop(*line);
    if (line != nullptr || !wanted) continue;
    line = free_line(kind_of(source), true);
    if (line == nullptr) continue;
    line->stopped = line->settled = false;
    line->published = source;
    dirty_ = true;
  }
}

std::optional<std::string> LegSession::mid_of_published(Source source) const {
  if (!published_.contains(source)) return std::nullopt;
  for (const MediaLine& line : lines_)
    if (!line.stopped && !line.rejected && line.published == source) return line.mid;
  return std::nullopt;
}

base::Result<std::string> LegSession::add_track(const TrackKey& key, std::string owner,
                                                std::uint32_t ssrc) {
  if (const MediaLine* line = line_of(key)) return line->mid;
  // Who comes back before the peer knew of the leaving stays where it was.
  const auto same = std::find_if(lines_.begin(), lines_.end(),
                                 [&](const MediaLine& line) { return line.track == key; });
  MediaLine* line = same != lines_.end() ? &*same : free_line(kind_of(key.source), false);
  if (line == nullptr) {
    return base::fail(base::Code::kBusy, fmt::format("the leg has {} m-lines already; tracks "
                                                     "have to end before others can start",
                                                     kMaxMediaLines));
  }
  line->stopped = line->settled = false;
  line->track = key;
  line->owner = std::move(owner);
  line->ssrc = ssrc;
  dirty_ = true;
  return line->mid;
}

void LegSession::remove_track(const TrackKey& key) {
  if (MediaLine* line = line_of(key)) stop(*line);
}

std::optional<std::string> LegSession::mid_of_track(const TrackKey& key) const {
  for (const MediaLine& line : lines_)
    if (!line.stopped && line.track == key) return line.mid;
  return std::nullopt;
}

void LegSession::restart_ice(std::string ufrag, std::string pwd) {
  transport_.ufrag = std::move(ufrag);
  transport_.pwd = std::move(pwd);
  dirty_ = true;
}

void LegSession::restart_fresh(std::uint64_t session_id, Transport transport) {
  session_id_ = session_id;
  transport_ = std::move(transport);
  const auto old = std::exchange(lines_, {});
  append_base_lines();
  for (const MediaLine& was : old) {
    const bool base_line = was.receives && was.published && !is_screen(*was.published);
    if (was.stopped || base_line) continue;
    MediaLine& line = append(was.kind, was.receives);
    line.published = was.published;
    line.track = was.track;
    line.owner = was.owner;
    line.ssrc = was.ssrc;
  }
  set_published(std::set<Source>(published_));  // a screen may have found no room before
  offered_.clear();
  pending_ = false;
  dirty_ = true;
}

bool LegSession::needs_offer() const { return dirty_; }

bool LegSession::offer_pending() const { return pending_; }

Offer LegSession::make_offer() {
  Offer offer;
  offer.rev = ++rev_;
  offer.sdp = write_offer(session_id_, rev_, transport_, lines_);
  for (const MediaLine& line : lines_) {
    if (line.stopped || line.rejected) continue;
    if (line.receives && line.published) offer.tracks.push_back({line.mid, "", *line.published});
    if (line.track) offer.tracks.push_back({line.mid, line.owner, line.track->source});
  }
  offered_ = lines_;
  pending_ = true;
  dirty_ = false;
  return offer;
}

base::Result<Answer> LegSession::accept_answer(std::uint32_t rev, std::string_view sdp) {
  if (!pending_) return base::fail(base::Code::kConflict, "no offer is waiting for an answer");
  if (rev != rev_) {
    return base::fail(base::Code::kConflict,
                      fmt::format("the answer is to offer {}; the last offer is {}", rev, rev_));
  }
  auto answer = check_answer(offered_, sdp);
  if (!answer) return answer;
  for (std::size_t i = 0; i < offered_.size(); ++i) {
    MediaLine& line = lines_[i];
    if (!answer->media[i].accepted) line.rejected = true;
    if (line.stopped && offered_[i].stopped) line.settled = true;
  }
  pending_ = false;
  return answer;
}

}  // namespace parley::sdp
