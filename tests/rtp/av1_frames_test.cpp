#include "rtp/av1_frames.h"
#include "rtp/av1_packets.h"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "support/check_main.h"

namespace rtp = parley::rtp;
using Bytes = std::vector<std::uint8_t>;

namespace {

constexpr std::uint8_t kZ = 0x80;
constexpr std::uint8_t kY = 0x40;
constexpr std::uint8_t kN = 0x08;

struct Packet {
  Bytes bytes;
  bool marker = false;
  std::uint32_t timestamp = 0;
  std::size_t unit = 0;
};

struct Unit {
  Bytes bytes;              // as in the file
  std::vector<Bytes> obus;  // as in RTP: without sizes, without the delimiter
  bool key = false;
};

struct Out {
  Bytes bytes;
  bool key = false;
};

std::size_t leb128(const Bytes& from, std::size_t& at) {
  std::size_t value = 0;
  for (unsigned shift = 0;; shift += 7) {
    const std::uint8_t byte = from.at(at++);
    value |= std::size_t{byte & 0x7fU} << shift;
    if ((byte & 0x80U) == 0) return value;
  }
}

Bytes leb128(std::size_t value) {
  Bytes out;
  for (; value > 0x7f; value >>= 7U) out.push_back(static_cast<std::uint8_t>(value | 0x80U));
  out.push_back(static_cast<std::uint8_t>(value));
  return out;
}

void add(Bytes& to, const Bytes& more) { to.insert(to.end(), more.begin(), more.end()); }

// tests/rtp/data/ball.obu: 12 pictures of 64x48 of av1enc with a key frame every 6, behind av1parse
// (video/x-av1, stream-format=obu-stream).
std::vector<Unit> units() {
  std::ifstream file(std::string(PARLEY_RTP_DATA) + "/ball.obu", std::ios::binary);
  const Bytes all{std::istreambuf_iterator<char>(file), {}};
  std::vector<Unit> out;
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t begin = at;
    const std::uint8_t header = all.at(at++);
    const unsigned type = header >> 3U & 0xfU;
    ck_assert_uint_eq(header & 0x06U, 0x02U);  // a size and no extension
    const std::size_t size = leb128(all, at);
    if (type == 2) out.emplace_back();
    Unit& unit = out.back();
    if (type == 1) unit.key = true;
    Bytes obu = {static_cast<std::uint8_t>(header & ~0x02U)};
    for (std::size_t n = 0; n < size; ++n) obu.push_back(all.at(at++));
    if (type != 2) unit.obus.push_back(obu);
    unit.bytes.insert(unit.bytes.end(), all.begin() + static_cast<std::ptrdiff_t>(begin),
                      all.begin() + static_cast<std::ptrdiff_t>(at));
  }
  return out;
}

// Packets of up to about `most` bytes; with `counted` one element each without a length (W = 1),
// else as many as fit (W = 0).
std::vector<Packet> packets(const std::vector<Unit>& all, std::size_t most, bool counted) {
  std::vector<Packet> out;
  for (std::size_t u = 0; u < all.size(); ++u) {
    const auto fresh = [&](std::uint8_t flags) {
      out.push_back({{flags}, false, static_cast<std::uint32_t>(u * 9000), u});
      if (counted) out.back().bytes[0] |= 0x10;
    };
    fresh(all[u].key ? kN : 0);
    for (const Bytes& obu : all[u].obus) {
      for (std::size_t at = 0; at < obu.size();) {
        const bool full = out.back().bytes.size() + 4 > most;
        if (full || (counted && out.back().bytes.size() > 1)) {
          if (at != 0) out.back().bytes[0] |= kY;
          fresh(at != 0 ? kZ : 0);
        }
        Bytes& packet = out.back().bytes;
        const std::size_t size = std::min(obu.size() - at, most - packet.size() - 3);
        if (!counted) add(packet, leb128(size));
        const auto from = obu.begin() + static_cast<std::ptrdiff_t>(at);
        packet.insert(packet.end(), from, from + static_cast<std::ptrdiff_t>(size));
        at += size;
        // What goes on is the packet's last.
        if (at < obu.size()) {
          packet[0] |= kY;
          fresh(kZ);
        }
      }
    }
    out.back().marker = true;
  }
  return out;
}

void take(rtp::Av1Frames& frames, const Packet& packet, std::vector<Out>& out) {
  const auto unit = frames.push({packet.bytes, packet.marker, packet.timestamp});
  if (unit) out.push_back({{unit->bytes.begin(), unit->bytes.end()}, unit->key_frame});
}

// A sequence header and a frame, as small as they are no use.
const Bytes kKey = {kN, 2, 0x08, 0xaa, 2, 0x30, 0xbb};
const Bytes kDelta = {0x10, 0x30, 0xcc};

}  // namespace

START_TEST(gives_back_what_was_packetized) {
  const auto all = units();
  ck_assert_uint_eq(all.size(), 12);
  for (const bool counted : {false, true}) {
    for (const std::size_t most : {16, 33, 100, 1200}) {
      const auto sent = packets(all, most, counted);
      ck_assert_uint_ge(sent.size(), all.size());
      rtp::Av1Frames frames;
      std::vector<Out> out;
      for (const Packet& packet : sent) take(frames, packet, out);
      ck_assert_uint_eq(out.size(), all.size());
      for (std::size_t n = 0; n < all.size(); ++n) {
        ck_assert(out[n].bytes == all[n].bytes);
        ck_assert_int_eq(out[n].key, all[n].key);
      }
    }
  }
}
END_TEST

START_TEST(gives_back_what_our_own_packets_carry) {
  const auto all = units();
  for (const std::size_t most :
       {rtp::kLeastPayloadBytes, std::size_t{33}, std::size_t{1200}, std::size_t{100'000}}) {
    rtp::Av1Frames frames;
    std::uint32_t timestamp = 0;
    for (const Unit& unit : all) {
      const auto payloads = rtp::av1_packets(unit.bytes, most);
      ck_assert(payloads && !payloads->empty());
      for (const Bytes& payload : *payloads) {
        ck_assert_uint_le(payload.size(), most);
        const bool last = &payload == &payloads->back();
        const auto out = frames.push({payload, last, timestamp});
        ck_assert_int_eq(out.has_value(), last);
        if (!last) continue;
        ck_assert(std::ranges::equal(out->bytes, unit.bytes));
        ck_assert_int_eq(out->key_frame, unit.key);
      }
      ++timestamp;
    }
  }
}
END_TEST

START_TEST(what_is_no_unit_is_not_packed) {
  const Bytes delimiter = {0x12, 0};
  const auto nothing = rtp::av1_packets(delimiter, 1200);
  ck_assert(nothing && nothing->empty());
  for (const Bytes& wrong : {Bytes{0x10, 0}, Bytes{0x92, 0}, Bytes{0x12}, Bytes{0x32, 5, 1},
                             Bytes{0x36}, Bytes{0x32, 0xff, 0xff, 0xff, 0xff, 0xff, 1}})
    ck_assert(!rtp::av1_packets(wrong, 1200));
  ck_assert(!rtp::av1_packets(delimiter, rtp::kLeastPayloadBytes - 1));
}
END_TEST

// Whichever packet is missing: its unit and those that follow are left out, up to a key frame.
START_TEST(goes_on_after_a_loss_with_a_new_sequence) {
  const auto all = units();
  ck_assert_int_eq(std::ranges::count_if(all, &Unit::key), 2);
  const auto sent = packets(all, 100, false);
  for (std::size_t missing = 0; missing < sent.size(); ++missing) {
    std::vector<Bytes> expected;
    bool good = true;
    for (std::size_t n = 0; n < all.size(); ++n) {
      if (n == sent[missing].unit)
        good = false;
      else if (all[n].key)
        good = true;
      if (good) expected.push_back(all[n].bytes);
    }
    rtp::Av1Frames frames;
    std::vector<Out> out;
    for (std::size_t n = 0; n < sent.size(); ++n) {
      if (n == missing) {
        frames.lost();
        ck_assert(frames.waiting());
      } else {
        take(frames, sent[n], out);
      }
    }
    ck_assert_uint_eq(out.size(), expected.size());
    for (std::size_t n = 0; n < out.size(); ++n) ck_assert(out[n].bytes == expected[n]);
  }
}
END_TEST

START_TEST(begins_with_a_key_frame) {
  rtp::Av1Frames frames;
  ck_assert(frames.waiting());
  ck_assert(!frames.push({kDelta, true, 1}));
  ck_assert(!frames.push({Bytes{kN | 0x10, 0x30, 0xbb}, true, 2}));  // has no sequence header
  ck_assert(frames.waiting());
  const auto key = frames.push({kKey, true, 3});
  ck_assert(key && key->key_frame && !frames.waiting());
  const Bytes expected = {0x12, 0, 0x0a, 1, 0xaa, 0x32, 1, 0xbb};
  ck_assert(std::ranges::equal(key->bytes, expected));
  const auto delta = frames.push({kDelta, true, 4});
  ck_assert(delta && !delta->key_frame);
}
END_TEST

// Sizes that are there, extensions, delimiters and tile lists.
START_TEST(normalizes_obus) {
  rtp::Av1Frames frames;
  ck_assert(frames.push({kKey, true, 1}));
  const Bytes odd = {0, 2, 0x12, 0, 2, 0x40, 9, 4, 0x36, 0x20, 1, 0xdd, 3, 0x34, 0x20, 0xee};
  const auto unit = frames.push({odd, true, 2});
  const Bytes expected = {0x12, 0, 0x36, 0x20, 1, 0xdd, 0x36, 0x20, 1, 0xee};
  ck_assert(unit && std::ranges::equal(unit->bytes, expected));
  ck_assert(!frames.push({Bytes{0x10, 0x10}, true, 3}));  // nothing but a delimiter
  ck_assert(!frames.push({Bytes{}, true, 4}));            // padding
  ck_assert(!frames.waiting());
}
END_TEST

START_TEST(takes_what_does_not_fit_for_a_loss) {
  const std::vector<Bytes> bad = {
      {0x00},                                      // no element
      {0x90, 0x30, 1},                             // goes on with nothing
      {0x50, 0x30, 1},                             // ends a unit in the middle of an OBU
      {0x00, 9, 0x30},                             // longer than the packet
      {0x00, 0x80, 0x80, 0x80},                    // a length without an end
      {0x00, 0xff, 0xff, 0xff, 0xff, 0x7f, 0x30},  // ... and one above 32 bits
      {0x20, 1, 0x30},                             // two elements that are one
      {0x00, 0},                                   // an empty OBU
      {0x10, 0xb0, 1},                             // the forbidden bit
      {0x10, 0x34},                                // an extension that is not there
      {0x10, 0x32, 5, 1},                          // a size that is not so
  };
  for (const Bytes& packet : bad) {
    rtp::Av1Frames frames;
    ck_assert(frames.push({kKey, true, 1}));
    ck_assert(!frames.push({packet, true, 2}));
    ck_assert(frames.waiting());
    ck_assert(!frames.push({kDelta, true, 3}));
    ck_assert(frames.push({kKey, true, 4}));
  }
  // The packet with the marker is missing, and nobody has said so.
  rtp::Av1Frames frames;
  ck_assert(frames.push({kKey, true, 1}));
  ck_assert(!frames.push({kDelta, false, 2}));
  ck_assert(!frames.push({kDelta, true, 3}));
  ck_assert(frames.waiting());
}
END_TEST

START_TEST(is_bounded) {
  Bytes more(60'000, 0x30);
  for (const std::uint8_t flags : {0x10, 0xd0}) {  // whole OBUs, and one without an end
    rtp::Av1Frames frames;
    ck_assert(frames.push({kKey, true, 1}));
    more[0] = flags & ~kZ;
    std::size_t taken = 0;
    while (!frames.waiting() && taken <= rtp::Av1Frames::kMostBytes) {
      ck_assert(!frames.push({more, false, 2}));
      taken += more.size();
      more[0] = flags;
    }
    ck_assert(frames.waiting());
    ck_assert_uint_gt(taken, rtp::Av1Frames::kMostBytes - more.size());
    ck_assert(frames.push({kKey, true, 3}));
  }
}
END_TEST

int main() {
  return parley::test::run(
      "av1 frames",
      {gives_back_what_was_packetized, gives_back_what_our_own_packets_carry,
       what_is_no_unit_is_not_packed, goes_on_after_a_loss_with_a_new_sequence,
       begins_with_a_key_frame, normalizes_obus, takes_what_does_not_fit_for_a_loss, is_bounded});
}
