#include "router/outbox.h"

namespace parley::router {

// new[] without (): pages are touched when they are first written, not here.
Outbox::Outbox(std::size_t slots)
    : bytes_(new std::uint8_t[slots * kSlotBytes]), slots_(slots), groups_(slots), view_(slots) {}

std::uint8_t* Outbox::reserve(LegId leg) {
  open_ = false;
  if (full() && drain_) drain_(*this);
  if (full()) return nullptr;
  open_leg_ = leg;
  open_ = true;
  return &bytes_[used_ * kSlotBytes];
}

void Outbox::commit(std::size_t bytes) {
  if (!open_ || bytes == 0 || bytes > kSlotBytes) return;
  open_ = false;
  std::uint32_t g = group_of_.find(open_leg_.value);
  if (g == kNone) {
    g = static_cast<std::uint32_t>(groups_used_++);
    groups_[g] = Group{open_leg_, kNone, kNone};
    group_of_.set(open_leg_.value, g);
  }
  const auto slot = static_cast<std::uint32_t>(used_++);
  slots_[slot] = Slot{kNone, static_cast<std::uint32_t>(bytes)};
  Group& group = groups_[g];
  if (group.first == kNone)
    group.first = slot;
  else
    slots_[group.last].next = slot;
  group.last = slot;
}

void Outbox::discard(LegId leg) {
  if (open_ && open_leg_ == leg) open_ = false;
  const std::uint32_t g = group_of_.find(leg.value);
  if (g == kNone) return;
  groups_[g].first = groups_[g].last = kNone;  // its slots come back with clear()
}

void Outbox::clear() {
  for (std::size_t g = 0; g < groups_used_; ++g) group_of_.erase(groups_[g].leg.value);
  used_ = groups_used_ = 0;
  open_ = false;
}

}  // namespace parley::router
