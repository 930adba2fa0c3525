// Puts one track's packets back into the order in which they were sent.
//
// A packet whose predecessors have all gone leaves at once. One behind a hole waits for what is
// missing, until its own deadline; then the hole is given up and said to be lost. So order costs
// delay only where something is missing. A retransmission that comes in time fills the hole.
//
// Thread-compatible. Never reads the clock.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "base/time.h"

namespace parley::tap {

class Reorder {
 public:
  // Packets that wait at most; with one more the hole is given up. Half a second of 20 Mbit/s video
  // in 1200-byte packets.
  static constexpr std::size_t kMostWaiting = 1024;
  // A number further ahead or behind than this does not belong to the sequence so far; two of them
  // that follow each other are a new beginning (RFC 3550, A.1: MAX_DROPOUT).
  static constexpr std::int64_t kFarthest = 3000;

  struct Arrived {
    std::uint32_t ssrc = 0;
    std::uint16_t sequence = 0;
    base::TimePoint deadline;  // it must not wait longer for others
    base::TimePoint arrived;
    std::vector<std::uint8_t> rtp;
  };
  struct Ordered {
    std::uint32_t ssrc = 0;
    std::int64_t place = 0;  // its number in a count that never wraps
    std::uint32_t lost = 0;  // packets missing right before it
    bool anew = false;       // nothing before it is of its sequence
    base::TimePoint arrived;
    std::vector<std::uint8_t> rtp;
  };
  struct Counts {
    std::uint64_t passed = 0;
    std::uint64_t lost = 0;        // given up and never seen
    std::uint64_t late = 0;        // came after it had been given up; counted as lost too
    std::uint64_t duplicates = 0;  // came again
    std::uint64_t strays = 0;      // far from the sequence
  };

  void push(Arrived packet);
  // The next packet that may leave at `now`; nullopt: none yet.
  [[nodiscard]] std::optional<Ordered> pop(base::TimePoint now);
  // Nothing more is waited for.
  void finish() { release_all(); }
  // When pop() will give something even if nothing comes; nullopt: not before something does.
  [[nodiscard]] std::optional<base::TimePoint> due() const;
  [[nodiscard]] const Counts& counts() const { return counts_; }
  [[nodiscard]] std::size_t waiting() const { return waiting_.size() + released_.size(); }

 private:
  void begin(const Arrived& packet);
  // Everything that waits, as if its deadlines had passed.
  void release_all();
  Ordered take_first();
  void note_given_up(std::int64_t from, std::int64_t to);
  [[nodiscard]] std::int64_t place_of(std::uint16_t sequence) const;
  [[nodiscard]] bool belongs(const Arrived& packet);

  struct Waiting {
    base::TimePoint deadline;
    Ordered packet;
  };
  std::optional<std::uint32_t> ssrc_;
  std::int64_t next_ = 0;                    // place of the packet that leaves next
  bool anew_ = false;                        // the next to leave is the first of its sequence
  std::map<std::int64_t, Waiting> waiting_;  // by place; all >= next_
  std::deque<Ordered> released_;             // of earlier sequences; leave first
  std::optional<std::uint16_t> stray_;       // the last number that was far away
  std::bitset<kMostWaiting> given_up_;       // by place % kMostWaiting, of the last kMostWaiting
  Counts counts_;
};

}  // namespace parley::tap
