#include "rtp/av1_packets.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "rtp/av1_obu.h"

namespace parley::rtp {
namespace {

using av1::Bytes;

struct Obu {
  std::vector<std::uint8_t> head;  // without its size, which the packet tells
  Bytes body;
  unsigned type = 0;
};

std::optional<Obu> take_obu(Bytes& from) {
  const std::uint8_t header = from[0];
  const bool extended = (header & av1::kExtension) != 0;
  const std::size_t head = extended ? 2 : 1;
  if ((header & av1::kForbidden) != 0 || (header & av1::kHasSize) == 0 || from.size() < head)
    return std::nullopt;
  Obu obu{{static_cast<std::uint8_t>(header & ~av1::kHasSize)}, {}, av1::type_of(header)};
  if (extended) obu.head.push_back(from[1]);
  from = from.subspan(head);
  const auto size = av1::take_leb128(from);
  if (!size || *size > from.size()) return std::nullopt;
  obu.body = from.first(*size);
  from = from.subspan(*size);
  return obu;
}

// Elements with their lengths (W = 0), as many as fit.
class Packer {
 public:
  explicit Packer(std::size_t most_bytes) : most_bytes_(std::min(most_bytes, kLongest)) {}

  void add(const Obu& obu) {
    std::vector<std::uint8_t> rest = obu.head;
    av1::put(rest, obu.body);
    Bytes left = rest;
    while (!left.empty()) {
      if (room() == 0) begin(0);
      const Bytes piece = left.first(std::min(room(), left.size()));
      av1::put_leb128(out_.back(), piece.size());
      av1::put(out_.back(), piece);
      left = left.subspan(piece.size());
      if (left.empty()) return;
      out_.back()[0] |= av1::kUnfinished;
      begin(av1::kContinues);
    }
  }
  std::vector<std::vector<std::uint8_t>> finish(bool new_sequence) {
    if (new_sequence && !out_.empty()) out_.front()[0] |= av1::kNewSequence;
    return std::move(out_);
  }

 private:
  // Of an element's length, and how long an element can be by it (7 bits a byte).
  static constexpr std::size_t kLengthBytes = 2;
  static constexpr std::size_t kLongest = 1U << 14U;

  [[nodiscard]] std::size_t room() const {
    if (out_.empty() || out_.back().size() + kLengthBytes >= most_bytes_) return 0;
    return most_bytes_ - out_.back().size() - kLengthBytes;
  }
  void begin(std::uint8_t flags) { out_.push_back({flags}); }

  const std::size_t most_bytes_;
  std::vector<std::vector<std::uint8_t>> out_;
};

}  // namespace

base::Result<std::vector<std::vector<std::uint8_t>>> av1_packets(Bytes unit,
                                                                 std::size_t most_bytes) {
  if (most_bytes < kLeastPayloadBytes)
    return base::fail(base::Code::kInvalid, "too little room in a packet");
  Packer packer(most_bytes);
  bool new_sequence = false;
  while (!unit.empty()) {
    const auto obu = take_obu(unit);
    if (!obu) return base::fail(base::Code::kInvalid, "no AV1 stream of OBUs with sizes");
    // Not sent in RTP (5 of the payload format).
    if (obu->type == av1::kTemporalDelimiter || obu->type == av1::kTileList) continue;
    // Encoders repeat it with each key frame, and with nothing else.
    new_sequence = new_sequence || obu->type == av1::kSequenceHeader;
    packer.add(*obu);
  }
  return packer.finish(new_sequence);
}

}  // namespace parley::rtp
