#include "rtp/picture_ids.h"

#include <cstdint>
#include <vector>

#include "support/check_main.h"

namespace rtp = parley::rtp;
using Bytes = std::vector<std::uint8_t>;

namespace {

// VP8 with a picture id of 15 bits and TL0PICIDX.
Bytes wide(unsigned id, unsigned layer) {
  return {0x90,
          0xc0,
          static_cast<std::uint8_t>(0x80U | id >> 8U),
          static_cast<std::uint8_t>(id),
          static_cast<std::uint8_t>(layer),
          0x10};
}
Bytes narrow(unsigned id) { return {0x90, 0x80, static_cast<std::uint8_t>(id), 0x10}; }

struct Numbers {
  int id = -1;
  int layer = -1;
};

// What a payload carries after it went out.
Numbers sent(rtp::PictureIds& ids, Bytes payload, rtp::Codec codec = rtp::Codec::kVp8) {
  const auto fields = rtp::picture_fields(codec, payload);
  ids.write(fields, payload.data());
  const auto out = rtp::picture_fields(codec, payload);
  ck_assert_uint_eq(out.id_at, fields.id_at);
  ck_assert_uint_eq(out.layer_at, fields.layer_at);
  ck_assert_int_eq(out.wide, fields.wide);
  Numbers numbers;
  if (out.id_at != 0) numbers.id = out.id;
  if (out.layer_at != 0) numbers.layer = out.layer;
  return numbers;
}

}  // namespace

START_TEST(the_first_piece_keeps_its_numbers) {
  rtp::PictureIds ids;
  ids.join();
  ck_assert_int_eq(sent(ids, wide(32767, 255)).id, 32767);
  const Numbers next = sent(ids, wide(0, 0));
  ck_assert_int_eq(next.id, 0);
  ck_assert_int_eq(next.layer, 0);
}
END_TEST

START_TEST(the_next_piece_goes_on_behind_the_newest_picture) {
  rtp::PictureIds ids;
  ids.join();
  sent(ids, wide(32767, 9));
  sent(ids, wide(0, 10));
  sent(ids, wide(32766, 8));  // late
  ids.join();
  Numbers n = sent(ids, wide(500, 200));
  ck_assert_int_eq(n.id, 1);
  ck_assert_int_eq(n.layer, 11);
  n = sent(ids, wide(502, 201));  // one was lost on the way to us: the receiver is to see it
  ck_assert_int_eq(n.id, 3);
  ck_assert_int_eq(n.layer, 12);
  ck_assert_int_eq(sent(ids, wide(502, 201)).id, 3);  // another packet of the same picture
}
END_TEST

START_TEST(pieces_of_seven_and_of_fifteen_bits_join) {
  rtp::PictureIds ids;
  ids.join();
  sent(ids, wide(20000, 1));
  ids.join();
  ck_assert_int_eq(sent(ids, narrow(127)).id, 20001 & 0x7f);
  ck_assert_int_eq(sent(ids, narrow(0)).id, 20002 & 0x7f);
  ids.join();
  ck_assert_int_eq(sent(ids, wide(7, 7)).id, 20003 & 0x7f);
}
END_TEST

START_TEST(vp9_has_them_in_other_places) {
  using rtp::Codec;
  // I, L, B and E; id of 15 bits; layer indices; TL0PICIDX.
  const Bytes layers = {0xac, 0x81, 0x02, 0x00, 0x33, 0xff};
  auto fields = rtp::picture_fields(Codec::kVp9, layers);
  ck_assert_uint_eq(fields.id_at, 1);
  ck_assert_uint_eq(fields.id, 0x102);
  ck_assert_uint_eq(fields.layer_at, 4);
  ck_assert_uint_eq(fields.layer, 0x33);
  // F: the flexible mode has no TL0PICIDX.
  fields = rtp::picture_fields(Codec::kVp9, Bytes{0xbc, 0x05, 0x00, 0x33});
  ck_assert_uint_eq(fields.id_at, 1);
  ck_assert(!fields.wide);
  ck_assert_uint_eq(fields.layer_at, 0);
  rtp::PictureIds ids;
  ids.join();
  sent(ids, layers, Codec::kVp9);
  ids.join();
  ck_assert_int_eq(sent(ids, {0xac, 0x80, 0x00, 0x00, 0x01, 0xff}, Codec::kVp9).id, 0x103);
}
END_TEST

START_TEST(what_has_none_or_is_cut_short_is_left_alone) {
  using rtp::Codec;
  const std::vector<Bytes> cut = {{},
                                  {0x90},
                                  {0x90, 0xc0},
                                  {0x90, 0xc0, 0x81},
                                  {0x10, 0x10},
                                  {0x90, 0x20},
                                  {0x90, 0xc0, 0x81, 0x02}};
  for (const Bytes& payload : cut) {
    const auto fields = rtp::picture_fields(Codec::kVp8, payload);
    ck_assert_uint_eq(fields.layer_at, 0);
    ck_assert_uint_lt(fields.id_at, payload.size() + 1);
  }
  for (const Bytes& payload : {Bytes{}, Bytes{0xac}, Bytes{0xac, 0x81}, Bytes{0x2c, 0x00}})
    ck_assert(!rtp::picture_fields(Codec::kVp9, payload).any());
  for (const Codec codec : {Codec::kOpus, Codec::kH264, Codec::kAv1})
    ck_assert(!rtp::picture_fields(codec, wide(1, 1)).any());
}
END_TEST

int main() {
  return parley::test::run(
      "rtp picture ids",
      {the_first_piece_keeps_its_numbers, the_next_piece_goes_on_behind_the_newest_picture,
       pieces_of_seven_and_of_fifteen_bits_join, vp9_has_them_in_other_places,
       what_has_none_or_is_cut_short_is_left_alone});
}
