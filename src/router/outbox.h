// Datagrams of one batch on their way out, grouped by leg so that UDP GSO can take equal-sized
// neighbours in one call. Memory is fixed at construction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/ids.h"

namespace parley::router {

using base::LegId;

// Owned by the I/O thread.
class Outbox {
 public:
  // The largest datagram we send or take: an Ethernet frame and some room for tags.
  static constexpr std::size_t kSlotBytes = 1600;

  explicit Outbox(std::size_t slots);

  // A slot for one datagram to `leg`; nullptr when the box is full: send it and clear() first.
  // Only the last reserved slot is open; commit() closes it, another reserve() drops it.
  [[nodiscard]] std::uint8_t* reserve(LegId leg);
  void commit(std::size_t bytes);

  [[nodiscard]] bool full() const;
  [[nodiscard]] bool empty() const;

  // Calls `visit(leg, datagrams)` once per leg, datagrams in order of commit.
  template <class Visit>
  void for_each_leg(Visit&& visit) const;

  void clear();
};

}  // namespace parley::router
