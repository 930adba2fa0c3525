#include "video_file.h"

#include <array>
#include <cstring>
#include <fstream>

namespace parley::load {
namespace {

constexpr std::size_t kFileHeaderBytes = 32;
constexpr std::size_t kFrameHeaderBytes = 12;
constexpr std::uint32_t kMaxFrameBytes = 1 << 24;

template <std::size_t N>
bool read(std::ifstream& file, std::array<char, N>& to) {
  return static_cast<bool>(file.read(to.data(), to.size()));
}

std::uint32_t little_endian32(const char* p) {
  std::uint32_t value = 0;
  for (unsigned i = 0; i < 4; i++) {
    value |= std::uint32_t{static_cast<std::uint8_t>(p[i])} << (8 * i);
  }
  return value;
}

}  // namespace

std::string VideoFile::load(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return "cannot open " + path + "; name a VP8 IVF file with --video";
  std::array<char, kFileHeaderBytes> header{};
  if (!read(file, header) || std::memcmp(header.data(), "DKIF", 4) != 0 ||
      std::memcmp(header.data() + 8, "VP80", 4) != 0) {
    return path +
           " is not an IVF file with VP8 in it; ffmpeg -i INPUT -c:v libvpx OUTPUT.ivf makes one";
  }
  std::array<char, kFrameHeaderBytes> frame_header{};
  while (read(file, frame_header)) {
    const std::uint32_t size = little_endian32(frame_header.data());
    if (size == 0 || size > kMaxFrameBytes) return path + " has a frame of an impossible size";
    VideoFrame frame;
    frame.data.resize(size);
    if (!file.read(reinterpret_cast<char*>(frame.data.data()), size)) break;
    frame.key = (frame.data[0] & 1) == 0;  // RFC 6386, 9.1
    frames_.push_back(std::move(frame));
  }
  if (frames_.empty() || !frames_.front().key) return path + " does not begin with a key frame";
  return {};
}

std::size_t VideoFile::next_key_frame(std::size_t from) const {
  for (std::size_t i = 0; i < frames_.size(); i++) {
    const std::size_t index = (from + i) % frames_.size();
    if (frames_[index].key) return index;
  }
  return 0;
}

}  // namespace parley::load
