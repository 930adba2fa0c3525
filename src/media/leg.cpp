#include "media/leg.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "media/log.h"
#include "media/random.h"
#include "rtp/extensions.h"

namespace parley::media {

namespace {

// The router knows extensions by the ids that sdp puts into offers.
constexpr bool same_id(std::uint8_t rtp_id, sdp::Extension offered) {
  return rtp_id == static_cast<std::uint8_t>(offered);
}
static_assert(same_id(rtp::kMidExtension, sdp::Extension::kMid) &&
              same_id(rtp::kAudioLevelExtension, sdp::Extension::kAudioLevel) &&
              same_id(rtp::kAbsSendTimeExtension, sdp::Extension::kAbsSendTime) &&
              same_id(rtp::kTransportCcExtension, sdp::Extension::kTransportCc) &&
              same_id(rtp::kRidExtension, sdp::Extension::kRid) &&
              same_id(rtp::kRepairedRidExtension, sdp::Extension::kRepairedRid) &&
              same_id(rtp::kDependencyDescriptorExtension, sdp::Extension::kDependencyDescriptor));

// Our choice: room for any ranking of 50 participants.
constexpr std::uint32_t kMaxPriority = 255;

base::Result<void> check(const Subscribe::Track& track) {
  if (track.max_height && (*track.max_height == 0 || *track.max_height > base::kMaxFrameHeight))
    return base::fail(base::Code::kInvalid,
                      fmt::format("maxHeight must be 1 to {} pixels", base::kMaxFrameHeight));
  if (track.priority && *track.priority > kMaxPriority)
    return base::fail(base::Code::kInvalid, fmt::format("priority must be 0 to {}", kMaxPriority));
  return {};
}

}  // namespace

Leg::Leg(LegId id, LegContext& context) : PeerLeg(id, context), last_ssrc_(random_u32()) {}

// ---- the transport --------------------------------------------------------------------------

void Leg::on_ready(sdp::Transport transport) {
  if (session_) {
    for (const auto& [key, track] : tracks_) session_->remove_track(key);
    session_->restart_fresh(random_u64() >> 2, std::move(transport));
  } else {
    session_.emplace(random_u64() >> 2, std::move(transport));
  }
  tracks_.clear();
  session_->set_published(published_);
}

void Leg::on_stopped() {
  restart_ice_ = false;
  offered_.clear();
  offered_sources_.clear();
  answered_.clear();
  answered_sources_.clear();
}

// ---- commands -------------------------------------------------------------------------------

base::Result<void> Leg::answer(const Answer& answer) {
  if (failed_)
    return base::fail(base::Code::kConflict, "this leg has failed; ask for a fresh restart");
  if (!ready_)
    return base::fail(base::Code::kConflict, "this offer is void; wait for the next one");
  auto accepted = session_->accept_answer(answer.rev, answer.sdp);
  if (!accepted) return tl::unexpected(accepted.error());
  take_answer(*accepted);
  return {};
}

void Leg::take_answer(const sdp::Answer& answer) {
  answered_.clear();
  for (const sdp::AnsweredMedia& media : answer.media) {
    AnsweredLine line;
    if (const auto sent = offered_.find(media.mid); sent != offered_.end())
      line.offered = sent->second;
    line.media = media;
    answered_.emplace(media.mid, std::move(line));
  }
  answered_sources_ = std::exchange(offered_sources_, {});
  offered_.clear();
  take_peer(answer);
}

base::Result<void> Leg::publish(const std::vector<base::Source>& sources) {
  published_ = {sources.begin(), sources.end()};
  std::erase_if(answered_sources_, [this](const auto& s) { return !published_.contains(s.first); });
  std::erase_if(offered_sources_, [this](const auto& s) { return !published_.contains(s.first); });
  if (session_) session_->set_published(published_);
  return {};
}

base::Result<void> Leg::subscribe(const Subscribe& wishes) {
  for (const Subscribe::Track& track : wishes.tracks) {
    if (auto good = check(track); !good) return good;
    const bool known = std::any_of(shown_.begin(), shown_.end(),
                                   [&](const auto& s) { return s.second == track.owner; });
    if (!known)
      return base::fail(base::Code::kNotFound,
                        fmt::format("nothing of '{}' is shown here", track.owner));
  }
  for (const Subscribe::Track& track : wishes.tracks) {
    Wish& wish = wishes_[{track.owner, track.source}];
    wish.paused = track.paused.value_or(wish.paused);
    wish.max_height = track.max_height.value_or(wish.max_height);
    wish.priority = track.priority.value_or(wish.priority);
  }
  return {};
}

base::Result<void> Leg::restart(bool fresh) {
  if (fresh) {
    // The offer that is under way is a fresh one already; a row of requests would otherwise make a
    // pipeline each, with its threads, before the reaper has taken the first apart.
    if (pc_ && !ready_) return {};
    // Until the new transport is connected, which may be never, the media is away.
    if (connected_) tell_silence();
    stop_transport();
    failed_ = false;
    start_transport();
    return {};
  }
  if (failed_)
    return base::fail(base::Code::kConflict, "this leg has failed; ask for a fresh restart");
  // Without an offer so far, the first one has credentials nobody has used yet.
  restart_ice_ = ready_;
  return {};
}

void Leg::hide(StreamId stream) {
  const auto found = shown_.find(stream);
  if (found == shown_.end()) return;
  std::erase_if(wishes_, [&](const auto& wish) { return wish.first.first == found->second; });
  shown_.erase(found);
}

// ---- description and routes -----------------------------------------------------------------

void Leg::refresh(const SourcesOf& sources_of) {
  if (!ready_) return;
  refresh_tracks(sources_of);
  route();
  offer();
}

void Leg::refresh_tracks(const SourcesOf& sources_of) {
  std::map<sdp::TrackKey, std::string> wanted;
  for (const auto& [stream, owner] : shown_) {
    const std::set<base::Source>* sources = sources_of(stream);
    if (sources == nullptr) continue;
    for (const base::Source source : *sources) wanted.emplace(sdp::TrackKey{stream, source}, owner);
  }
  std::erase_if(tracks_, [&](const auto& entry) {
    const auto found = wanted.find(entry.first);
    if (found != wanted.end() && found->second == entry.second.owner) return false;
    session_->remove_track(entry.first);
    ended_.push_back(entry.second.ssrc);
    return true;
  });
  for (const auto& [key, owner] : wanted) {
    if (tracks_.contains(key)) continue;
    const std::uint32_t ssrc = next_ssrc();
    if (const auto mid = session_->add_track(key, owner, ssrc); mid)
      tracks_.emplace(key, Track{owner, ssrc});
    else
      log(GST_LEVEL_WARNING, fmt::format("leg {}: {}", id_.value, mid.error().message));
  }
}

// Never one that was used before: a source whose numbers start over is encrypted with a keystream
// that was used. So a counter with a random start, scattered by steps that can be undone.
std::uint32_t Leg::next_ssrc() {
  std::uint32_t x = ++last_ssrc_;
  x ^= x >> 16U;
  x *= 0x7feb352dU;
  x ^= x >> 15U;
  x *= 0x846ca68bU;
  x ^= x >> 16U;
  return x != 0 ? x : next_ssrc();
}

void Leg::route() {
  context_.io->post(SetIncoming{id_, incoming()});
  context_.io->post(SetOutgoing{id_, outgoing(), std::exchange(ended_, {})});
}

std::vector<router::IncomingTrack> Leg::incoming() const {
  std::vector<router::IncomingTrack> out;
  for (const base::Source source : published_) {
    const auto mid = session_->mid_of_published(source);
    if (!mid) continue;
    // The base m-lines never mean anything else; another one may have, when it was answered.
    const bool base_line = source == base::Source::kMic || source == base::Source::kCamera;
    const auto meant = answered_sources_.find(source);
    if (!base_line && (meant == answered_sources_.end() || meant->second != *mid)) continue;
    const auto line = answered_.find(*mid);
    if (line == answered_.end() || line->second.offered) continue;
    const sdp::AnsweredMedia& media = line->second.media;
    // A lost piece of sound is over before it can come again.
    const bool resends = media.resends && base::kind_of(source) == base::Kind::kVideo;
    if (media.accepted && media.peer_sends) out.push_back({source, *mid, media.ssrcs, {}, resends});
  }
  return out;
}

std::vector<router::OutgoingTrack> Leg::outgoing() const {
  std::vector<router::OutgoingTrack> out;
  for (const auto& [mid, line] : answered_) {
    if (!line.offered || !line.media.accepted || !line.media.peer_receives) continue;
    const auto track = tracks_.find(line.offered->key);
    if (track == tracks_.end() || track->second.ssrc != line.offered->ssrc) continue;
    const auto wish = wishes_.find({track->second.owner, track->first.source});
    if (wish != wishes_.end() && wish->second.paused) continue;
    router::OutgoingTrack& t = out.emplace_back();
    t.stream = track->first.stream;
    t.source = track->first.source;
    t.ssrc = track->second.ssrc;
    std::copy_n(mid.begin(), std::min(mid.size(), t.mid.size()), t.mid.begin());
    t.payload_types = line.media.payload_types;
    for (const sdp::Extension extension : line.media.extensions)
      t.extensions.push_back(static_cast<std::uint8_t>(extension));
  }
  return out;
}

void Leg::offer() {
  if (failed_ || session_->offer_pending()) return;
  if (std::exchange(restart_ice_, false)) {
    restart_ice();
    session_->restart_ice(credentials_.ufrag, credentials_.pwd);
  }
  if (!session_->needs_offer()) return;
  sdp::Offer made = session_->make_offer();
  offered_.clear();
  for (const auto& [key, track] : tracks_)
    if (const auto mid = session_->mid_of_track(key))
      offered_.emplace(*mid, OfferedLine{key, track.ssrc});
  offered_sources_.clear();
  for (const base::Source source : published_)
    if (const auto mid = session_->mid_of_published(source)) offered_sources_.emplace(source, *mid);
  Offered event{id_, made.rev, std::move(made.sdp), {}};
  for (sdp::OfferedTrack& track : made.tracks)
    event.tracks.push_back({std::move(track.mid), std::move(track.owner), track.source});
  context_.emit(std::move(event));
}

}  // namespace parley::media
