// Somebody who claps: a white picture and a tone for 200 ms at every full second, as VP8 and Opus
// in RTP payloads that are made beforehand.
#pragma once

#include <cstdint>
#include <vector>

#include "base/source.h"
#include "base/time.h"

namespace parley::test {

struct Payload {
  base::Kind kind = base::Kind::kVideo;
  base::Duration captured{0};   // since the beginning
  std::uint32_t timestamp = 0;  // from 0 on
  bool marker = false;
  std::vector<std::uint8_t> bytes;
};

// In the order of their capture. Needs gst_init().
std::vector<Payload> flash_and_beep(base::Duration length);

}  // namespace parley::test
