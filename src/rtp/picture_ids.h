// The numbers that VP8 and VP9 packets carry of their picture, and their renumbering.
//
// A decoder tells lost pictures from ones that were never sent by them. Splicer joins pieces of
// streams by their RTP numbers; PictureIds does the same to the numbers inside the payload, so that
// a receiver sees neither a jump nor a repetition where one piece ends and the next begins.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "rtp/codec.h"

namespace parley::rtp {

// Where a payload descriptor has them (RFC 7741, 4.2; RFC 9628, 4.2), and their values.
struct PictureFields {
  std::size_t id_at = 0;  // offset in the payload; 0: there is none, as a descriptor begins it
  bool wide = false;      // two bytes: the M bit and 15 bits; else 7 bits
  std::uint16_t id = 0;
  std::size_t layer_at = 0;  // of TL0PICIDX; 0: there is none
  std::uint8_t layer = 0;
  [[nodiscard]] bool any() const { return id_at != 0 || layer_at != 0; }
};

// Of a payload of VP8 or VP9; of any other, or one cut short, none.
[[nodiscard]] PictureFields picture_fields(Codec codec, std::span<const std::uint8_t> payload);

// The renumbering of one outgoing stream. The first piece keeps its numbers. Thread-compatible;
// never allocates.
class PictureIds {
 public:
  // A new piece begins with the next packet.
  void join() { id_shift_.reset(), layer_shift_.reset(); }

  // Writes the outgoing numbers into `payload`, which `fields` were read of; it may hold others'
  // numbers by now.
  void write(const PictureFields& fields, std::uint8_t* payload);

 private:
  std::optional<std::uint16_t> id_shift_;  // modulo 2^15
  std::optional<std::uint8_t> layer_shift_;
  // The newest that was written.
  std::optional<std::uint16_t> id_;
  std::optional<std::uint8_t> layer_;
};

}  // namespace parley::rtp
