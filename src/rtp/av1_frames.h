// The temporal units of an AV1 stream out of its RTP packets (AV1 RTP payload format 1.0, 4): what
// files and decoders take, where packets carry pieces of OBUs without their sizes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace parley::rtp {

// One stream, whose packets come in order. Thread-compatible. What does not fit together is taken
// for a loss; after one, and in the beginning, all is left out up to the next coded video sequence,
// since a decoder can make nothing of it.
class Av1Frames {
 public:
  // Of one temporal unit. Our choice: more than any call's key frame; a sender that never sets the
  // marker costs no more than this.
  static constexpr std::size_t kMostBytes = std::size_t{4} << 20U;

  struct Payload {
    std::span<const std::uint8_t> bytes;
    bool marker = false;
    std::uint32_t timestamp = 0;
  };
  struct TemporalUnit {
    // A low-overhead OBU stream (AV1, 5.2): a temporal delimiter, then every OBU with its size.
    std::span<const std::uint8_t> bytes;  // valid until the next call
    bool key_frame = false;               // a new coded video sequence with its sequence header
  };

  // The unit that `payload` ends, if it ends one that can be decoded.
  [[nodiscard]] std::optional<TemporalUnit> push(const Payload& payload);
  // Packets are missing before the next one.
  void lost();
  // Nothing comes out before the sender has begun a new coded video sequence: ask for a key frame.
  [[nodiscard]] bool waiting() const { return waiting_; }

 private:
  void begin(const Payload& payload);
  [[nodiscard]] bool gather(std::span<const std::uint8_t> payload);
  [[nodiscard]] bool append(std::span<const std::uint8_t> piece);
  [[nodiscard]] bool finish_obu();

  std::vector<std::uint8_t> unit_;  // OBUs that are whole, in their final form
  std::vector<std::uint8_t> obu_;   // the one that is not
  std::uint32_t timestamp_ = 0;     // of the unit
  bool waiting_ = true;
  bool within_ = false;           // a unit has begun
  bool fragment_ = false;         // the last packet ended inside an OBU
  bool new_sequence_ = false;     // the unit's first packet said so
  bool sequence_header_ = false;  // one is in the unit
};

}  // namespace parley::rtp
