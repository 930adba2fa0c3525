#include "rtp/picture_ids.h"

namespace parley::rtp {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::uint16_t kWideMask = 0x7fff;
constexpr std::uint16_t kNarrowMask = 0x7f;

// The picture id at `at`; the offset behind it, 0 when the payload ends before.
std::size_t read_id(Bytes p, std::size_t at, PictureFields& fields) {
  if (p.size() <= at) return 0;
  fields.wide = (p[at] & 0x80U) != 0;
  const std::size_t end = at + (fields.wide ? 2 : 1);
  if (p.size() < end) return 0;
  fields.id_at = at;
  fields.id = p[at] & kNarrowMask;
  if (fields.wide) fields.id = static_cast<std::uint16_t>(fields.id << 8U | p[at + 1]);
  return end;
}

void read_layer(Bytes p, std::size_t at, PictureFields& fields) {
  if (p.size() <= at) return;
  fields.layer_at = at;
  fields.layer = p[at];
}

PictureFields vp8(Bytes p) {
  PictureFields fields;
  if (p.size() < 2 || (p[0] & 0x80U) == 0) return fields;  // X
  std::size_t at = 2;
  if ((p[1] & 0x80U) != 0) at = read_id(p, at, fields);           // I
  if (at != 0 && (p[1] & 0x40U) != 0) read_layer(p, at, fields);  // L
  return fields;
}

PictureFields vp9(Bytes p) {
  PictureFields fields;
  if (p.empty()) return fields;
  std::size_t at = 1;
  if ((p[0] & 0x80U) != 0) at = read_id(p, at, fields);  // I
  // L without F: the layer indices are followed by TL0PICIDX.
  if (at != 0 && (p[0] & 0x30U) == 0x20U) read_layer(p, at + 1, fields);
  return fields;
}

}  // namespace

PictureFields picture_fields(Codec codec, std::span<const std::uint8_t> payload) {
  switch (codec) {
    case Codec::kVp8:
      return vp8(payload);
    case Codec::kVp9:
      return vp9(payload);
    case Codec::kOpus:
    case Codec::kH264:
    case Codec::kAv1:
      break;
  }
  return {};
}

void PictureIds::write(const PictureFields& fields, std::uint8_t* payload) {
  if (fields.id_at != 0) {
    const std::uint16_t mask = fields.wide ? kWideMask : kNarrowMask;
    if (!id_shift_) id_shift_ = id_ ? static_cast<std::uint16_t>(*id_ + 1 - fields.id) : 0;
    const auto id = static_cast<std::uint16_t>((fields.id + *id_shift_) & mask);
    if (!id_ || ((id - *id_) & mask) <= mask / 2) id_ = id;
    if (fields.wide) {
      payload[fields.id_at] = static_cast<std::uint8_t>(0x80U | id >> 8U);
      payload[fields.id_at + 1] = static_cast<std::uint8_t>(id);
    } else {
      payload[fields.id_at] = static_cast<std::uint8_t>(id);
    }
  }
  if (fields.layer_at != 0) {
    if (!layer_shift_)
      layer_shift_ = layer_ ? static_cast<std::uint8_t>(*layer_ + 1 - fields.layer) : 0;
    const auto layer = static_cast<std::uint8_t>(fields.layer + *layer_shift_);
    if (!layer_ || static_cast<std::uint8_t>(layer - *layer_) < 0x80U) layer_ = layer;
    payload[fields.layer_at] = layer;
  }
}

}  // namespace parley::rtp
