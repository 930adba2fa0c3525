// What a receiver report says about one incoming stream (RFC 3550, 6.4.1, A.3, A.8).
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"
#include "rtp/ntp.h"
#include "rtp/rtcp.h"
#include "rtp/sequence.h"

namespace parley::rtp {

// Thread-compatible. Never allocates.
class ReceiveStatistics {
 public:
  ReceiveStatistics(std::uint32_t ssrc, std::uint32_t clock_hz)
      : ssrc_(ssrc), clock_hz_(clock_hz) {}

  // An authentic packet came. `place` is its unwrapped sequence number.
  void on_packet(std::int64_t place, std::uint32_t timestamp, base::TimePoint now);
  void on_sender_report(NtpTime ntp, base::TimePoint now);

  // The block for the next report; nullopt before the first packet. Starts a new interval.
  [[nodiscard]] std::optional<ReportBlock> report(base::TimePoint now);

 private:
  std::uint32_t ssrc_;
  std::uint32_t clock_hz_;
  std::int64_t first_ = -1;
  std::int64_t highest_ = -1;
  std::int64_t received_ = 0;
  std::int64_t expected_before_ = 0;  // at the last report
  std::int64_t received_before_ = 0;
  std::uint32_t transit_ = 0;      // of the last packet, in ticks
  std::uint32_t jitter_16_ = 0;    // sixteenths of a tick (A.8)
  std::uint32_t last_report_ = 0;  // compact NTP of the last sender report; 0: none
  base::TimePoint last_report_at_{};
};

}  // namespace parley::rtp
