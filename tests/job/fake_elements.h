// parleysrc and parleysink without a media worker: RTP of test pictures and tones, and decoders of
// what was sent. They are registered in the test's own process under the names of the real ones, so
// that the pipelines that ship run as they are.
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace parley::test {

// What a track of `profile` is made of: gst-launch text up to raw frames.
void set_content(const std::string& profile, const std::string& source, const std::string& launch);

// Frames that came out of a parleysink of `profile`, decoded: RGB, or S16LE mono of 48 kHz.
// Called on a streaming thread.
using OnDecoded = std::function<void(const std::string& profile, GstSample* sample)>;
void on_decoded(OnDecoded callback);

// How many sources of `profile` and `source` run now, and have run so far.
int opened(const std::string& profile, const std::string& source);
int running(const std::string& profile, const std::string& source);
// The stream of a running source stops without a word, or ends.
void stall(const std::string& profile, const std::string& source, bool stalled);
void end(const std::string& profile, const std::string& source);

// After gst_init.
void register_fake_elements();

}  // namespace parley::test
