#include "tap/reorder.h"

#include <algorithm>
#include <utility>

namespace parley::tap {

namespace {

// Above 0 for every place that a late first packet may have.
constexpr std::int64_t kFirstCycle = 65536;

}  // namespace

std::int64_t Reorder::place_of(std::uint16_t sequence) const {
  const auto ahead = static_cast<std::int16_t>(
      static_cast<std::uint16_t>(sequence - static_cast<std::uint16_t>(next_)));
  return next_ + ahead;
}

void Reorder::begin(const Arrived& packet) {
  release_all();
  ssrc_ = packet.ssrc;
  next_ = kFirstCycle + packet.sequence;
  anew_ = true;
  stray_.reset();
  given_up_.reset();
}

// Whether the packet goes on with the sequence so far, or begins a new one.
bool Reorder::belongs(const Arrived& packet) {
  if (!ssrc_ || *ssrc_ != packet.ssrc) {
    begin(packet);
    return true;
  }
  const std::int64_t ahead = place_of(packet.sequence) - next_;
  if (ahead >= -kFarthest && ahead <= kFarthest) {
    stray_.reset();
    return true;
  }
  const auto before = static_cast<std::uint16_t>(packet.sequence - 1);
  if (stray_ && *stray_ == before) {
    begin(packet);
    return true;
  }
  stray_ = packet.sequence;
  ++counts_.strays;
  return false;
}

void Reorder::push(Arrived packet) {
  if (!belongs(packet)) return;
  const std::int64_t place = place_of(packet.sequence);
  if (place < next_) {
    const auto bit = static_cast<std::size_t>(place) % kMostWaiting;
    const bool late = next_ - place <= std::int64_t{kMostWaiting} && given_up_.test(bit);
    if (late) given_up_.reset(bit);
    ++(late ? counts_.late : counts_.duplicates);
    return;
  }
  Waiting waiting{packet.deadline,
                  {packet.ssrc, place, 0, false, packet.arrived, std::move(packet.rtp)}};
  if (!waiting_.try_emplace(place, std::move(waiting)).second) ++counts_.duplicates;
}

void Reorder::note_given_up(std::int64_t from, std::int64_t to) {
  // What is further back than the memory reaches is taken for a duplicate when it comes after all.
  for (std::int64_t place = std::max(from, to - std::int64_t{kMostWaiting}); place < to; ++place)
    given_up_.set(static_cast<std::size_t>(place) % kMostWaiting);
}

Reorder::Ordered Reorder::take_first() {
  auto first = waiting_.extract(waiting_.begin());
  Ordered packet = std::move(first.mapped().packet);
  packet.lost = static_cast<std::uint32_t>(packet.place - next_);
  packet.anew = std::exchange(anew_, false);
  note_given_up(next_, packet.place);
  given_up_.reset(static_cast<std::size_t>(packet.place) % kMostWaiting);
  next_ = packet.place + 1;
  counts_.lost += packet.lost;
  ++counts_.passed;
  return packet;
}

void Reorder::release_all() {
  while (!waiting_.empty()) released_.push_back(take_first());
}

std::optional<base::TimePoint> Reorder::due() const {
  if (!released_.empty()) return base::TimePoint::min();
  if (waiting_.empty()) return std::nullopt;
  if (waiting_.begin()->first == next_ || waiting_.size() > kMostWaiting)
    return base::TimePoint::min();
  const auto earliest = std::min_element(
      waiting_.begin(), waiting_.end(),
      [](const auto& a, const auto& b) { return a.second.deadline < b.second.deadline; });
  return earliest->second.deadline;
}

std::optional<Reorder::Ordered> Reorder::pop(base::TimePoint now) {
  const auto when = due();
  if (!when || *when > now) return std::nullopt;
  if (released_.empty()) return take_first();
  Ordered packet = std::move(released_.front());
  released_.pop_front();
  return packet;
}

}  // namespace parley::tap
