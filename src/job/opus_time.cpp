#include "job/opus_time.h"

#include <cstdint>

#include "wrap/gst.h"

namespace parley::job {

// RFC 6716, 3.1: the first byte says how long the frames are and, with the next, how many.
GstClockTime opus_duration(GstBuffer* buffer) {
  const auto map = wrap::ReadMap::map(buffer);
  if (!map || map->bytes().empty()) return 0;
  const unsigned config = map->bytes()[0] >> 3U;
  static constexpr GstClockTime kSilk[] = {10'000, 20'000, 40'000, 60'000};  // µs
  static constexpr GstClockTime kCelt[] = {2'500, 5'000, 10'000, 20'000};    // µs
  GstClockTime one = 0;
  if (config < 12)
    one = kSilk[config % 4];
  else if (config < 16)
    one = kSilk[config % 2];
  else
    one = kCelt[config % 4];
  const unsigned code = map->bytes()[0] & 3U;
  unsigned frames = code == 0 ? 1 : 2;
  if (code == 3) frames = map->bytes().size() > 1 ? map->bytes()[1] & 0x3fU : 1;
  return one * frames * GST_USECOND;
}

}  // namespace parley::job
