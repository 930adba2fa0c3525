#include "rtp/av1_frames.h"

#include <array>
#include <limits>

namespace parley::rtp {
namespace {

using Bytes = std::span<const std::uint8_t>;

// Aggregation header (AV1 RTP payload format 1.0, 4.4).
constexpr std::uint8_t kContinues = 0x80;    // Z: the first element goes on with the last packet's
constexpr std::uint8_t kUnfinished = 0x40;   // Y: the last element goes on in the next packet
constexpr std::uint8_t kNewSequence = 0x08;  // N

// OBU header (AV1, 5.3.2).
constexpr std::uint8_t kForbidden = 0x80;
constexpr std::uint8_t kExtension = 0x04;
constexpr std::uint8_t kHasSize = 0x02;
constexpr unsigned kSequenceHeader = 1;
constexpr unsigned kTemporalDelimiter = 2;
constexpr unsigned kTileList = 8;

// Begins every unit (AV1, 7.5); RTP leaves it out.
constexpr std::array<std::uint8_t, 2> kDelimiter = {kTemporalDelimiter << 3U | kHasSize, 0};

// Takes a number off `from` (AV1, 4.10.5: at most 8 bytes and 32 bits).
std::optional<std::size_t> take_leb128(Bytes& from) {
  std::uint64_t value = 0;
  for (std::size_t n = 0; n < 8 && n < from.size(); ++n) {
    value |= std::uint64_t{from[n] & 0x7fU} << 7 * n;
    if ((from[n] & 0x80U) != 0) continue;
    if (value > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
    from = from.subspan(n + 1);
    return static_cast<std::size_t>(value);
  }
  return std::nullopt;
}

void put_leb128(std::vector<std::uint8_t>& to, std::size_t value) {
  for (; value > 0x7fU; value >>= 7U)
    to.push_back(static_cast<std::uint8_t>((value & 0x7fU) | 0x80U));
  to.push_back(static_cast<std::uint8_t>(value));
}

void put(std::vector<std::uint8_t>& to, Bytes bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

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
  const unsigned type = obu[0] >> 3U & 0xfU;
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
