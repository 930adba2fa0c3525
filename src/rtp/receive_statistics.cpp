#include "rtp/receive_statistics.h"

#include <algorithm>

namespace parley::rtp {

void ReceiveStatistics::on_packet(std::int64_t place, std::uint32_t timestamp,
                                  base::TimePoint now) {
  const std::uint32_t transit = rtp_ticks(now.time_since_epoch(), clock_hz_) - timestamp;
  if (received_ == 0) {
    first_ = highest_ = place;
  } else {
    // |D(i-1, i)|, the difference of two transit times, in a 32-bit circle.
    const auto d = static_cast<std::int32_t>(transit - transit_);
    const std::uint32_t size =
        d < 0 ? 0U - static_cast<std::uint32_t>(d) : static_cast<std::uint32_t>(d);
    // A new timestamp base is not jitter: our choice of 10 s.
    if (size < 10 * clock_hz_) jitter_16_ += size - ((jitter_16_ + 8) >> 4U);
    first_ = std::min(first_, place);
    highest_ = std::max(highest_, place);
  }
  transit_ = transit;
  ++received_;
}

void ReceiveStatistics::on_sender_report(NtpTime ntp, base::TimePoint now) {
  last_report_ = compact(ntp);
  last_report_at_ = now;
}

std::optional<ReportBlock> ReceiveStatistics::report(base::TimePoint now) {
  if (received_ == 0) return std::nullopt;
  const std::int64_t expected = highest_ - first_ + 1;
  const std::int64_t expected_now = expected - expected_before_;
  const std::int64_t lost_now = expected_now - (received_ - received_before_);
  expected_before_ = expected;
  received_before_ = received_;

  ReportBlock block;
  block.ssrc = ssrc_;
  if (expected_now > 0 && lost_now > 0)
    block.fraction_lost =
        static_cast<std::uint8_t>(std::min<std::int64_t>(lost_now * 256 / expected_now, 255));
  constexpr std::int64_t kMostLost = 0x7fffff;  // a 24-bit signed field
  block.cumulative_lost = static_cast<std::int32_t>(
      std::clamp<std::int64_t>(expected - received_, -kMostLost - 1, kMostLost));
  // The unwrapper starts one cycle up.
  block.highest_sequence = static_cast<std::uint32_t>(highest_ - SequenceUnwrapper::kCycle);
  block.jitter = jitter_16_ >> 4U;
  block.last_report = last_report_;
  if (last_report_ != 0) block.delay_since_last_report = compact(now - last_report_at_);
  return block;
}

}  // namespace parley::rtp
