#include "rtp/missing_packets.h"

#include <algorithm>

namespace parley::rtp {

bool MissingPackets::on_gap(std::int64_t first, std::int64_t end, base::TimePoint now) {
  if (end - first > static_cast<std::int64_t>(kMost - size_)) {
    clear();
    return false;
  }
  for (std::int64_t lost = first; lost < end; ++lost)
    missing_[size_++] = {lost, now, now + kPatience, {}, 0};
  return true;
}

void MissingPackets::on_late(std::int64_t place, base::TimePoint now) {
  auto* const end = missing_.begin() + size_;
  auto* const found = std::lower_bound(
      missing_.begin(), end, place, [](const Missing& m, std::int64_t p) { return m.place < p; });
  if (found == end || found->place != place) return;
  // One that was asked for more than once may answer any of the requests.
  if (found->tries == 1) {
    const base::Duration sample =
        std::clamp(now - found->asked, kShortestRoundTrip, kLongestRoundTrip);
    round_trip_ += (sample - round_trip_) / 8;
  }
  std::move(found + 1, end, found);
  --size_;
}

void MissingPackets::forget_before(std::int64_t place) {
  auto* const end = missing_.begin() + size_;
  auto* const first =
      std::find_if(missing_.begin(), end, [place](const Missing& m) { return m.place >= place; });
  std::move(first, end, missing_.begin());
  size_ = static_cast<std::size_t>(end - first);
}

MissingPackets::Due MissingPackets::due(base::TimePoint now) {
  Due due;
  auto* const end = missing_.begin() + size_;
  auto* const kept = std::remove_if(missing_.begin(), end, [now](const Missing& m) {
    return now - m.since >= kLifetime || (m.tries >= kTries && now >= m.next);
  });
  due.gave_up = kept != end;
  size_ = static_cast<std::size_t>(kept - missing_.begin());
  std::size_t asked = 0;
  for (Missing& m : std::span(missing_).first(size_)) {
    if (m.tries >= kTries || now < m.next) continue;
    if (m.tries++ == 0) m.asked = now;
    m.next = now + round_trip_;
    asked_[asked++] = static_cast<std::uint16_t>(m.place);
  }
  due.sequences = std::span(asked_).first(asked);
  return due;
}

std::optional<base::TimePoint> MissingPackets::deadline() const {
  std::optional<base::TimePoint> first;
  for (const Missing& m : std::span(missing_).first(size_)) {
    const base::TimePoint at = std::min(m.next, m.since + kLifetime);
    if (!first || at < *first) first = at;
  }
  return first;
}

}  // namespace parley::rtp
