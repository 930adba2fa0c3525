// Any packets as those of an AV1 track: what comes out is bounded and a low-overhead OBU stream, of
// whole OBUs and one delimiter, and begins with a key frame.

#include <cstdint>
#include <cstdlib>
#include <span>

#include "rtp/av1_frames.h"

namespace {

using parley::rtp::Av1Frames;

void must(bool good) {
  if (!good) std::abort();
}

// The bytes of the first OBU of `unit`.
std::size_t obu_bytes(std::span<const std::uint8_t> unit) {
  must((unit[0] & 0x82U) == 0x02U);
  std::size_t at = (unit[0] & 0x04U) != 0 ? 2 : 1;
  std::size_t size = 0;
  for (unsigned shift = 0;; shift += 7) {
    must(at < unit.size() && shift < 28);
    size |= std::size_t{unit[at] & 0x7fU} << shift;
    if ((unit[at++] & 0x80U) == 0) break;
  }
  must(size <= unit.size() - at);
  return at + size;
}

void check(std::span<const std::uint8_t> unit) {
  must(unit.size() > 2 && unit.size() <= Av1Frames::kMostBytes && unit[0] == 0x12 && unit[1] == 0);
  for (unit = unit.subspan(2); !unit.empty(); unit = unit.subspan(obu_bytes(unit)))
    must((unit[0] >> 3U & 0xfU) != 2);
}

}  // namespace

// Packets as flags (1: marker, 2: the next timestamp, 4: a loss before), a length and so many
// bytes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::span<const std::uint8_t> in(data, size);
  Av1Frames frames;
  std::uint32_t timestamp = 0;
  while (in.size() >= 2) {
    const std::uint8_t flags = in[0];
    const std::size_t bytes = in[1];
    in = in.subspan(2);
    if (bytes > in.size()) break;
    if ((flags & 2U) != 0) ++timestamp;
    if ((flags & 4U) != 0) frames.lost();
    const bool waiting = frames.waiting();
    const auto unit = frames.push({in.first(bytes), (flags & 1U) != 0, timestamp});
    if (unit) check(unit->bytes);
    if (unit) must(!frames.waiting() && (unit->key_frame || !waiting));
    in = in.subspan(bytes);
  }
  return 0;
}
