#include "rtp/av1_frames.h"

#include <array>

#include "rtp/av1_obu.h"

namespace parley::rtp {
namespace {

using namespace av1;  // headers and numbers

// Begins every unit (AV1, 7.5); RTP leaves it out.
constexpr std::array<std::uint8_t, 2> kDelimiter = {kTemporalDelimiter << 3U | kHasSize, 0};

}  // namespace

std::optional<Av1Frames::TemporalUnit> Av1Frames::push(const Payload& payload) {
  if (payload.bytes.empty()) return std::nullopt;  // nothing but padding
  // The packet with the marker has not come.
  if (within_ && payload.timestamp != timestamp_) lost();
  if (!within_) {
    if (waiting_ && (payload.bytes[0] & kNewSequence) == 0) return std::nullopt;
    begin(payload);
  }
  if (!gather(payload.bytes)) {
    lost();
    return std::nullopt;
  }
  if (!payload.marker) return std::nullopt;
  const bool key_frame = new_sequence_ && sequence_header_;
  const bool empty = unit_.size() == kDelimiter.size();
  // With what is said to be a new sequence and has no header, no decoder can start.
  if (fragment_ || (new_sequence_ && !sequence_header_)) {
    lost();
    return std::nullopt;
  }
  within_ = false;
  if (empty) return std::nullopt;
  waiting_ = false;
  return TemporalUnit{unit_, key_frame};
}

void Av1Frames::lost() {
  waiting_ = true;
  within_ = false;
  fragment_ = false;
  obu_.clear();
}

void Av1Frames::begin(const Payload& payload) {
  unit_.assign(kDelimiter.begin(), kDelimiter.end());
  timestamp_ = payload.timestamp;
  within_ = true;
  new_sequence_ = (payload.bytes[0] & kNewSequence) != 0;
  sequence_header_ = false;
}

// False: it does not fit with what came before, or leads out of the packet.
bool Av1Frames::gather(Bytes payload) {
  const std::uint8_t header = payload[0];
  const bool unfinished = (header & kUnfinished) != 0;
  // W: so many elements, the last without a length; 0: any number, all with one.
  const unsigned count = header >> 4U & 3U;
  if (((header & kContinues) != 0) != fragment_) return false;
  fragment_ = false;
  payload = payload.subspan(1);
  for (unsigned n = 1; !payload.empty(); ++n) {
    std::optional<std::size_t> size = payload.size();
    if (n != count) size = take_leb128(payload);
    if (!size || *size > payload.size() || !append(payload.first(*size))) return false;
    payload = payload.subspan(*size);
    const bool last = payload.empty();
    if (last && count != 0 && n != count) return false;
    if (last && unfinished) {
      fragment_ = true;
      return true;
    }
    if (!finish_obu()) return false;
    if (last) return true;
  }
  return false;  // no element at all
}

bool Av1Frames::append(Bytes piece) {
  // The size that is added when it is whole: up to 4 bytes.
  if (unit_.size() + obu_.size() + piece.size() + 4 > kMostBytes) return false;
  put(obu_, piece);
  return true;
}

bool Av1Frames::finish_obu() {
  const Bytes obu = obu_;
  if (obu.empty() || (obu[0] & kForbidden) != 0) return false;
  const std::size_t header_bytes = (obu[0] & kExtension) != 0 ? 2 : 1;
  if (obu.size() < header_bytes) return false;
  Bytes content = obu.subspan(header_bytes);
  if ((obu[0] & kHasSize) != 0) {  // not as it should be, and allowed (4.5)
    const auto size = take_leb128(content);
    if (!size || *size != content.size()) return false;
  }
  const unsigned type = type_of(obu[0]);
  // Not to be sent, and to be ignored if they are (5).
  if (type != kTemporalDelimiter && type != kTileList) {
    if (type == kSequenceHeader) sequence_header_ = true;
    unit_.push_back(obu[0] | kHasSize);
    put(unit_, obu.subspan(1, header_bytes - 1));
    put_leb128(unit_, content.size());
    put(unit_, content);
  }
  obu_.clear();
  return true;
}

}  // namespace parley::rtp
