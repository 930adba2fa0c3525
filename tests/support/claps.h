// When somebody claps (flash_and_beep.h) in a file, by ffmpeg.
#pragma once

#include <string>
#include <vector>

#include "base/source.h"

namespace parley::test {

// The moments, in s, at which it becomes white, or loud, after it was dark, or silent.
std::vector<double> claps_in(const std::string& file, base::Kind kind);
std::vector<double> claps_in(const std::vector<std::string>& files, base::Kind kind);

// For each of `these` the one of `those` that is nearest, if it is nearer than half the time
// between two claps: how much later this one is, in ms. Printed, with what they are.
std::vector<double> apart_ms(const std::string& what, const std::vector<double>& these,
                             const std::vector<double>& those);

}  // namespace parley::test
