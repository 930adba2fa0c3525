// Any bytes as a frame of a job's socket: what is taken comes out of encode() the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "tap/frames.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto frame = parley::tap::decode({data, size});
  if (!frame) return 0;
  std::vector<std::uint8_t> out;
  parley::tap::encode(*frame, out);
  const auto again = parley::tap::decode(out);
  if (!again || again->index() != frame->index()) std::abort();
  // Between the kind and the time of a packet there are bytes of no meaning.
  if (out.size() != size) std::abort();
  return 0;
}
