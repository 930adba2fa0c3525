// Hides deliberate packet drops from an RTP receiver.
//
// A receiver takes a hole in the sequence numbers for loss (RFC 3550, A.3) and asks for the packet
// again (generic NACK, RFC 4585, 6.2.1). A forwarder that leaves packets out on purpose must
// therefore close the hole. SeqMapper gives each forwarded packet its outgoing number, and a late
// packet the number its place in the stream has.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace parley::rtp {

// One stream, in unwrapped sequence numbers (SequenceUnwrapper). Thread-compatible. Never
// allocates.
class SeqMapper {
 public:
  // Packets remembered for late arrivals: 2 s of 4 Mbit/s video in 1200-byte packets is 834,
  // rounded up to a power of two.
  static constexpr std::size_t kWindow = 1024;

  // Outgoing number for packet `in`; nullopt if it was dropped or has left the window.
  [[nodiscard]] std::optional<std::int64_t> pass(std::int64_t in);

  // Leaves packet `in` out; newer packets move down to close the hole. The hole of a late packet
  // stays: the numbers behind it are out already.
  void drop(std::int64_t in);

 private:
  static constexpr std::int32_t kDropped = -1;
  void advance(std::int64_t in);
  [[nodiscard]] std::int32_t& shift_at(std::int64_t in) {
    return shifts_[static_cast<std::size_t>(in) % kWindow];
  }

  std::int64_t newest_ = -1;
  std::int32_t shift_ = 0;                      // packets left out so far
  std::array<std::int32_t, kWindow> shifts_{};  // per packet: what pass() subtracts, or kDropped
};

}  // namespace parley::rtp
