// What comes from a Tap, put in order and in time: frames in; formats, packets, holes and the end
// out. Without GStreamer, a socket or a clock.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <variant>
#include <vector>

#include "base/time.h"
#include "tap/frames.h"
#include "tap/reorder.h"
#include "tap/timeline.h"

namespace parley::plugins {

// Thread-compatible.
class Track {
 public:
  // A track without a Clock is timed by the arrival of its packets after this long.
  static constexpr base::Duration kWaitForClock{1'000'000};
  static constexpr std::size_t kMostHeld = 4096;  // packets, while there is no Clock
  static constexpr std::size_t kMostStreams = 8;  // whose packets have not left yet

  struct Packet {
    base::TimePoint captured;
    std::uint32_t lost = 0;  // packets missing right before it
    bool anew = false;       // of another sequence than the one before
    std::uint16_t sequence = 0;
    std::vector<std::uint8_t> rtp;
  };
  struct Ended {};
  using Out = std::variant<tap::Format, tap::Muted, Packet, Ended>;

  struct Counts {
    std::uint64_t packets = 0;     // came from the worker
    std::uint64_t lost = 0;        // never came, or too late
    std::uint64_t late = 0;        // those of them that came too late
    std::uint64_t duplicates = 0;  // came again
    std::uint64_t dropped = 0;     // this process did not read them in time
    // What the time line is still off from the sender's newest report; nullopt: none came.
    std::optional<base::Duration> clock_error = std::nullopt;
    // What it has been off at most, over all that has left.
    std::optional<tap::Timeline::Errors> clock_errors = std::nullopt;
  };

  // `report_wait`: how long the first packets wait for the sender's first report.
  explicit Track(base::Duration latency, base::Duration report_wait = base::Duration(0))
      : latency_(latency), report_wait_(report_wait) {}

  void take(const tap::Frame& frame);
  // What comes next; nullopt: nothing before due(), or before more is taken.
  [[nodiscard]] std::optional<Out> next(base::TimePoint now);
  [[nodiscard]] std::optional<base::TimePoint> due() const;

  [[nodiscard]] Counts counts() const;

 private:
  struct Stream {
    tap::Format format;
    tap::Timeline timeline;
    bool begun = false;  // a packet has left
  };
  void on_format(const tap::Format& format);
  void on_packet(const tap::Packet& packet);
  [[nodiscard]] base::TimePoint deadline_of(const Stream& stream, std::uint32_t timestamp,
                                            base::TimePoint arrived) const;
  std::optional<Packet> next_packet(base::TimePoint now);
  // Until when the packet, which is the next of the stream, waits for a Clock that is good enough.
  [[nodiscard]] base::TimePoint wait_of(const Stream& stream,
                                        const tap::Reorder::Ordered& packet) const;
  void note_errors(const tap::Timeline& timeline);
  [[nodiscard]] bool is_held(std::uint32_t ssrc) const;

  const base::Duration latency_;
  const base::Duration report_wait_;
  tap::Reorder reorder_;
  std::map<std::uint32_t, Stream> streams_;  // by SSRC: the present one, and those that wait
  std::optional<std::uint32_t> newest_;      // SSRC of the latest Format
  std::optional<tap::Format> told_;          // that of what left last
  std::uint32_t skipped_lost_ = 0;           // of packets that said nothing
  bool skipped_anew_ = false;
  std::optional<base::TimePoint> last_;     // captured, of what left last
  std::deque<tap::Reorder::Ordered> held_;  // in order, waiting for a Clock or their Format
  std::optional<tap::Muted> muted_;         // to be told
  bool ended_ = false;
  std::optional<tap::Timeline::Errors> errors_;  // of all streams
  std::uint64_t packets_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace parley::plugins
