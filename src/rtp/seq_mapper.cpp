#include "rtp/seq_mapper.h"

#include <algorithm>

namespace parley::rtp {

// Numbers up to `in` that have not come get the shift of now, in case they come late.
void SeqMapper::advance(std::int64_t in) {
  const auto window = static_cast<std::int64_t>(kWindow);
  const std::int64_t first = newest_ < 0 ? in - window + 1 : std::max(newest_ + 1, in - window + 1);
  for (std::int64_t i = std::max<std::int64_t>(first, 0); i <= in; ++i) shift_at(i) = shift_;
  newest_ = in;
}

std::optional<std::int64_t> SeqMapper::pass(std::int64_t in) {
  if (in > newest_) {
    advance(in);
    return in - shift_;
  }
  if (newest_ - in >= static_cast<std::int64_t>(kWindow)) return std::nullopt;
  const std::int32_t shift = shift_at(in);
  if (shift == kDropped) return std::nullopt;
  return in - shift;
}

void SeqMapper::drop(std::int64_t in) {
  if (in > newest_) {
    advance(in);
    shift_at(in) = kDropped;
    ++shift_;
  } else if (newest_ - in < static_cast<std::int64_t>(kWindow)) {
    shift_at(in) = kDropped;
  }
}

}  // namespace parley::rtp
