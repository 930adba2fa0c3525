// Datagrams of one batch on their way out, grouped by leg so that UDP GSO can take equal-sized
// neighbours in one call. Memory is fixed at construction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/flat_index.h"
#include "base/ids.h"

namespace parley::router {

using base::LegId;

// Owned by the I/O thread.
class Outbox {
 public:
  // The largest datagram we send or take: an Ethernet frame and some room for tags.
  static constexpr std::size_t kSlotBytes = 1600;
  using Datagram = std::span<const std::uint8_t>;

  explicit Outbox(std::size_t slots);

  // Called by reserve() when the box is full, so that a fan-out larger than the box loses nothing:
  // sends everything and clear()s. Must not call into the router.
  void on_full(std::function<void(Outbox&)> drain) { drain_ = std::move(drain); }

  // A slot of kSlotBytes for one datagram to `leg`; nullptr when the box is full and on_full() made
  // no room: send it and clear() first. Only the last reserved slot is open; commit() closes it,
  // another reserve() drops it.
  [[nodiscard]] std::uint8_t* reserve(LegId leg);
  void commit(std::size_t bytes);

  [[nodiscard]] bool full() const { return used_ == slots_.size(); }
  [[nodiscard]] bool empty() const { return used_ == 0; }

  // Calls `visit(leg, datagrams)` once per leg, legs in order of their first datagram, datagrams
  // (std::span<const Datagram>) in order of commit.
  template <class Visit>
  void for_each_leg(Visit&& visit) const {
    for (std::size_t g = 0; g < groups_used_; ++g) {
      const Group& group = groups_[g];
      std::size_t count = 0;
      for (std::uint32_t s = group.first; s != kNone; s = slots_[s].next)
        view_[count++] = Datagram(&bytes_[s * kSlotBytes], slots_[s].bytes);
      if (count != 0) visit(group.leg, std::span<const Datagram>(view_.data(), count));
    }
  }

  // Takes out what is queued for a leg that is gone.
  void discard(LegId leg);
  void clear();

 private:
  static constexpr std::uint32_t kNone = base::FlatIndex::kNone;
  struct Slot {
    std::uint32_t next = kNone;  // of the same leg
    std::uint32_t bytes = 0;
  };
  struct Group {
    LegId leg;
    std::uint32_t first = kNone;
    std::uint32_t last = kNone;
  };

  std::unique_ptr<std::uint8_t[]> bytes_;
  std::vector<Slot> slots_;
  std::vector<Group> groups_;  // as many as slots: each datagram may be for another leg
  std::size_t used_ = 0;
  std::size_t groups_used_ = 0;
  base::FlatIndex group_of_;  // leg -> index in groups_
  LegId open_leg_;
  bool open_ = false;
  mutable std::vector<Datagram> view_;  // scratch of for_each_leg()
  std::function<void(Outbox&)> drain_;
};

}  // namespace parley::router
