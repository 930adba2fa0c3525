// Tells a publisher when each of its packets arrived, so that its congestion control can raise the
// bitrate (draft-holmer-rmcat-transport-wide-cc-extensions-01, 3). Without it Chromium stays near
// its start bitrate.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/time.h"
#include "rtp/sequence.h"

namespace parley::rtp {

// One publisher's packets, by their transport-wide sequence numbers. Thread-compatible. Never
// allocates.
class TransportFeedback {
 public:
  // Packets remembered between two reports: 100 ms of 80 Mbit/s.
  static constexpr std::size_t kWindow = 1024;
  // Packets told of in one report; more are told of in the next one.
  static constexpr std::size_t kMaxPerReport = 400;
  // 20 bytes, a chunk of 2 for each 7 packets, a delta of 2 for each.
  static constexpr std::size_t kMaxBytes = 20 + 2 * (kMaxPerReport / 7 + 1) + 2 * kMaxPerReport + 2;

  void on_packet(std::uint16_t sequence, std::uint32_t media_ssrc, base::TimePoint now);

  // Something came since the last report.
  [[nodiscard]] bool pending() const { return pending_; }
  // The next RTCP packet, to be put behind a report in a compound; valid until the next call.
  // Call while pending().
  [[nodiscard]] std::span<const std::uint8_t> build(std::uint32_t sender_ssrc);

 private:
  struct Arrival {
    std::int64_t place = -1;
    std::int64_t ticks = 0;  // of 250 µs
  };
  [[nodiscard]] Arrival& at(std::int64_t place) {
    return arrivals_[static_cast<std::size_t>(place) % kWindow];
  }
  // Writes chunks for `statuses` to `out`; the bytes written.
  static std::size_t write_chunks(std::span<const std::uint8_t> statuses, std::uint8_t* out);

  SequenceUnwrapper sequence_;
  std::int64_t next_ = -1;  // the first packet the next report tells of
  bool pending_ = false;
  std::uint8_t reports_ = 0;
  std::uint32_t media_ssrc_ = 0;
  std::array<Arrival, kWindow> arrivals_{};
  std::array<std::uint8_t, kMaxBytes> bytes_{};
};

}  // namespace parley::rtp
