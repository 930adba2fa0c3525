#include "rtp/transport_feedback.h"

#include <algorithm>

#include "rtp/bytes.h"

namespace parley::rtp {
namespace {

constexpr std::uint8_t kTransportFeedbackType = 205;
constexpr std::uint8_t kTransportCcFormat = 15;
constexpr std::size_t kHeaderBytes = 20;
constexpr std::int64_t kTickUs = 250;
constexpr std::int64_t kTicksPerReference = 256;  // reference times count 64 ms

// Packet statuses (3.1.1).
constexpr std::uint8_t kNotReceived = 0;
constexpr std::uint8_t kSmallDelta = 1;  // one byte, unsigned
constexpr std::uint8_t kLargeDelta = 2;  // two bytes, signed

constexpr std::size_t kVectorSymbols = 7;  // two bits each (3.1.4)
constexpr std::size_t kMaxRun = 0x1fff;    // 13 bits (3.1.3)

}  // namespace

void TransportFeedback::on_packet(std::uint16_t sequence, std::uint32_t media_ssrc,
                                  base::TimePoint now) {
  const std::int64_t place = sequence_.unwrap(sequence);
  const auto window = static_cast<std::int64_t>(kWindow);
  if (sequence_.highest() - place >= window) return;
  if (at(place).place == place) return;  // the first arrival counts
  at(place) = {place, now.time_since_epoch().count() / kTickUs};
  // A late one that was told of as lost is told of again, with what came after it.
  if (next_ < 0 || place < next_) next_ = place;
  next_ = std::max(next_, sequence_.highest() - window + 1);
  media_ssrc_ = media_ssrc;
  pending_ = true;
}

std::span<const std::uint8_t> TransportFeedback::build(std::uint32_t sender_ssrc) {
  const std::int64_t last = sequence_.highest();
  std::int64_t first = next_;  // that came
  while (first < last && at(first).place != first) ++first;
  // What was lost before it is told of too, or loss between two reports would go unseen.
  if (first - next_ >= static_cast<std::int64_t>(kMaxPerReport)) next_ = first;

  const std::int64_t base = next_;
  const std::int64_t reference = at(first).ticks / kTicksPerReference;
  std::array<std::uint8_t, kMaxPerReport> statuses{};
  std::array<std::uint8_t, 2 * kMaxPerReport> deltas{};
  std::size_t count = 0;
  std::size_t delta_bytes = 0;
  std::int64_t before = reference * kTicksPerReference;
  for (; next_ <= last && count < kMaxPerReport; ++next_, ++count) {
    if (at(next_).place != next_) {
      statuses[count] = kNotReceived;
      continue;
    }
    const std::int64_t delta = at(next_).ticks - before;
    if (delta < INT16_MIN || delta > INT16_MAX) break;  // needs a reference time of its own
    before = at(next_).ticks;
    if (delta >= 0 && delta <= UINT8_MAX) {
      statuses[count] = kSmallDelta;
      deltas[delta_bytes++] = static_cast<std::uint8_t>(delta);
    } else {
      statuses[count] = kLargeDelta;
      store16(&deltas[delta_bytes], static_cast<std::uint16_t>(delta));
      delta_bytes += 2;
    }
  }
  pending_ = next_ <= last;

  std::uint8_t* p = bytes_.data();
  p[0] = 0x80U | kTransportCcFormat;
  p[1] = kTransportFeedbackType;
  store32(p + 4, sender_ssrc);
  store32(p + 8, media_ssrc_);
  store16(p + 12, static_cast<std::uint16_t>(base));
  store16(p + 14, static_cast<std::uint16_t>(count));
  store24(p + 16, static_cast<std::uint32_t>(reference) & 0xffffffU);
  p[19] = reports_++;
  std::size_t size = kHeaderBytes;
  size += write_chunks(std::span(statuses).first(count), p + size);
  std::copy_n(deltas.begin(), delta_bytes, p + size);
  size += delta_bytes;
  while (size % 4 != 0) p[size++] = 0;
  store16(p + 2, static_cast<std::uint16_t>(size / 4 - 1));
  return std::span(bytes_).first(size);
}

std::size_t TransportFeedback::write_chunks(std::span<const std::uint8_t> statuses,
                                            std::uint8_t* out) {
  std::size_t size = 0;
  while (!statuses.empty()) {
    const auto differs = std::find_if(statuses.begin(), statuses.end(),
                                      [&](std::uint8_t s) { return s != statuses.front(); });
    const auto run = std::min(static_cast<std::size_t>(differs - statuses.begin()), kMaxRun);
    std::size_t taken = run;
    std::uint32_t chunk =
        static_cast<std::uint32_t>(statuses.front()) << 13U | static_cast<std::uint32_t>(run);
    if (run < kVectorSymbols && run < statuses.size()) {
      taken = std::min(kVectorSymbols, statuses.size());
      chunk = 0xc000U;  // a vector of two-bit symbols; those beyond the count mean nothing
      for (std::size_t i = 0; i < taken; ++i)
        chunk |= static_cast<std::uint32_t>(statuses[i]) << (12 - 2 * i);
    }
    store16(out + size, static_cast<std::uint16_t>(chunk));
    size += 2;
    statuses = statuses.subspan(taken);
  }
  return size;
}

}  // namespace parley::rtp
