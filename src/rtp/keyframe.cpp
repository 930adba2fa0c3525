#include "rtp/keyframe.h"

#include "rtp/bytes.h"

namespace parley::rtp {
namespace {

using Bytes = std::span<const std::uint8_t>;

// RFC 7741, 4.2 and 4.3.
bool vp8(Bytes p) {
  if (p.empty()) return false;
  // S set and partition 0: the first packet of a frame.
  if ((p[0] & 0x10U) == 0 || (p[0] & 0x07U) != 0) return false;
  std::size_t at = 1;
  if ((p[0] & 0x80U) != 0) {  // X
    if (p.size() < 2) return false;
    const std::uint8_t extensions = p[1];
    at = 2;
    if ((extensions & 0x80U) != 0) {  // I: a picture id of one or two bytes
      if (p.size() <= at) return false;
      at += (p[at] & 0x80U) != 0 ? 2 : 1;
    }
    if ((extensions & 0x40U) != 0) ++at;  // L
    if ((extensions & 0x30U) != 0) ++at;  // T or K
  }
  return p.size() > at && (p[at] & 0x01U) == 0;  // P = 0: key frame
}

// RFC 9628, 4.2: not inter-predicted, start of a frame, of the base spatial layer.
bool vp9(Bytes p) {
  if (p.empty()) return false;
  const std::uint8_t flags = p[0];
  if ((flags & 0x40U) != 0 || (flags & 0x08U) == 0) return false;  // P, B
  std::size_t at = 1;
  if ((flags & 0x80U) != 0) {  // I
    if (p.size() <= at) return false;
    at += (p[at] & 0x80U) != 0 ? 2 : 1;
  }
  if ((flags & 0x20U) == 0) return true;  // L: no layers
  return p.size() > at && ((p[at] >> 1U) & 0x07U) == 0;
}

constexpr std::uint8_t kH264Idr = 5;
constexpr std::uint8_t kH264Sps = 7;
constexpr std::uint8_t kH264StapA = 24;
constexpr std::uint8_t kH264FuA = 28;

bool h264_starts(std::uint8_t type) { return type == kH264Idr || type == kH264Sps; }

// RFC 6184, 5.4 to 5.8.
bool h264(Bytes p) {
  if (p.empty()) return false;
  const std::uint8_t type = p[0] & 0x1fU;
  if (type == kH264StapA) {
    for (std::size_t at = 1; at + 3 <= p.size();) {
      if (h264_starts(p[at + 2] & 0x1fU)) return true;
      at += 2 + std::size_t{load16(&p[at])};
    }
    return false;
  }
  if (type == kH264FuA) return p.size() >= 2 && (p[1] & 0x80U) != 0 && h264_starts(p[1] & 0x1fU);
  return h264_starts(type);
}

// AV1 RTP payload format 1.0, 4.4: N, the first packet of a coded video sequence.
bool av1(Bytes p) { return !p.empty() && (p[0] & 0x88U) == 0x08U; }

}  // namespace

bool starts_key_frame(Codec codec, std::span<const std::uint8_t> payload) {
  switch (codec) {
    case Codec::kOpus:
      return true;
    case Codec::kVp8:
      return vp8(payload);
    case Codec::kVp9:
      return vp9(payload);
    case Codec::kH264:
      return h264(payload);
    case Codec::kAv1:
      return av1(payload);
  }
  return false;
}

}  // namespace parley::rtp
