// Where the router puts what jobs are to have: the packets of tapped tracks, and key frame wishes
// about what comes in through ports.
//
// A tap receives one source of one stream beside the stream's receivers: decrypted, with the
// sender's own SSRC, timestamps and header extensions, holes of packets that were left out on
// purpose closed. A port is a leg without a peer, whose packets come in the clear.
#pragma once

#include <cstdint>
#include <span>

#include "base/ids.h"
#include "base/source.h"
#include "base/time.h"
#include "rtp/codec.h"

namespace parley::router {

using TapId = base::Number<struct TapTag>;

// What follows is in this format. A new SSRC: numbers and timestamps start anew.
struct TapFormat {
  rtp::Codec codec = rtp::Codec::kOpus;
  std::uint8_t payload_type = 0;
  std::uint32_t clock_hz = 0;
  std::uint32_t ssrc = 0;
};

// `timestamp` was captured then, by our clock. `reported`: by the sender's reports; else the first
// packet's arrival, until there is a report. All tracks of a sender are told with one offset.
struct TapClock {
  std::uint32_t ssrc = 0;
  std::uint32_t timestamp = 0;
  base::TimePoint captured;
  bool reported = false;
};

// Called on the I/O thread while a datagram is routed: take note, never wait, never call back into
// the router. What there is no room for is the sink's to drop and to count.
class TapSink {
 public:
  TapSink() = default;
  TapSink(const TapSink&) = delete;
  TapSink& operator=(const TapSink&) = delete;
  virtual ~TapSink() = default;

  virtual void on_format(TapId tap, const TapFormat& format) = 0;
  virtual void on_clock(TapId tap, const TapClock& clock) = 0;
  virtual void on_muted(TapId tap, bool muted) = 0;
  // `rtp` is valid during the call.
  virtual void on_packet(TapId tap, base::TimePoint arrived, std::span<const std::uint8_t> rtp) = 0;
  // Somebody who receives `source` of `port` needs a key frame; at most one in
  // Router::kFirstKeyframeInterval.
  virtual void on_keyframe_wanted(base::LegId port, base::Source source) = 0;
};

}  // namespace parley::router
