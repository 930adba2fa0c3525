// Real VP8 frames from an IVF file, played in a loop.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace parley::load {

struct VideoFrame {
  std::vector<std::uint8_t> data;
  bool key = false;
};

class VideoFile {
 public:
  // Empty, or what is wrong with the file and what would be right.
  [[nodiscard]] std::string load(const std::string& path);
  [[nodiscard]] const std::vector<VideoFrame>& frames() const { return frames_; }
  // Index of the first key frame at or after `from`, wrapping around.
  [[nodiscard]] std::size_t next_key_frame(std::size_t from) const;

 private:
  std::vector<VideoFrame> frames_;
};

}  // namespace parley::load
