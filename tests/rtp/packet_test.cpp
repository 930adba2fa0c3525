#include "rtp/packet.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "support/check_main.h"

using parley::rtp::ExtensionForm;
using parley::rtp::HeaderWriter;
using parley::rtp::Packet;
using Bytes = std::vector<std::uint8_t>;

namespace {

Bytes fixed_header() {
  return {0x80, 0xe0, 0x12, 0x34, 0x01, 0x02, 0x03, 0x04, 0xde, 0xad, 0xbe, 0xef};
}

Bytes with(Bytes bytes, const Bytes& more) {
  for (const std::uint8_t byte : more) bytes.push_back(byte);
  return bytes;
}

// A packet with an extension block of `profile`; `block` is a multiple of 4 bytes.
Bytes extended(std::uint16_t profile, const Bytes& block) {
  Bytes p = fixed_header();
  p[0] |= 0x10U;
  p = with(p, {static_cast<std::uint8_t>(profile >> 8U), static_cast<std::uint8_t>(profile), 0,
               static_cast<std::uint8_t>(block.size() / 4)});
  return with(with(p, block), {7, 7});
}

bool equals(std::span<const std::uint8_t> a, const Bytes& b) { return std::ranges::equal(a, b); }

}  // namespace

START_TEST(reads_the_fixed_header) {
  const Bytes bytes = with(fixed_header(), {1, 2, 3});
  const auto p = Packet::parse(bytes);
  ck_assert(p.has_value());
  ck_assert(p->marker());
  ck_assert_uint_eq(p->payload_type(), 96);
  ck_assert_uint_eq(p->sequence(), 0x1234);
  ck_assert_uint_eq(p->timestamp(), 0x01020304);
  ck_assert_uint_eq(p->ssrc(), 0xdeadbeef);
  ck_assert(equals(p->payload(), {1, 2, 3}));
}
END_TEST

START_TEST(csrcs_are_part_of_the_header) {
  Bytes bytes = with(fixed_header(), Bytes(8, 9));
  bytes[0] |= 2;
  ck_assert_uint_eq(Packet::parse(bytes)->header_bytes(), 20);
  bytes[0] |= 15;
  ck_assert(!Packet::parse(bytes).has_value());
}
END_TEST

START_TEST(reads_one_byte_extensions) {
  // id 1 with 2 bytes, padding, id 3 with 3 bytes, padding.
  const Bytes bytes = extended(0xbede, {0x11, 'a', 'b', 0, 0x32, 4, 5, 6, 0, 0, 0, 0});
  const auto p = Packet::parse(bytes);
  ck_assert(equals(p->extension(1), {'a', 'b'}));
  ck_assert(equals(p->extension(3), {4, 5, 6}));
  ck_assert(p->extension(2).empty());
  ck_assert(p->extension(200).empty());
  ck_assert(equals(p->payload(), {7, 7}));
}
END_TEST

START_TEST(reads_two_byte_extensions) {
  const Bytes bytes = extended(0x1003, {2, 0, 7, 3, 1, 2, 3, 0, 200, 1, 9, 0});
  const auto p = Packet::parse(bytes);
  ck_assert(p->extension(2).empty());
  ck_assert(equals(p->extension(7), {1, 2, 3}));
}
END_TEST

START_TEST(an_extension_that_leads_out_of_its_block_is_not_there) {
  ck_assert(Packet::parse(extended(0xbede, {0x1f, 1, 2, 3}))->extension(1).empty());
  ck_assert(Packet::parse(extended(0x1000, {1, 3, 2, 3}))->extension(1).empty());
  ck_assert(Packet::parse(extended(0x1000, {0, 0, 0, 1}))->extension(1).empty());
  // Nothing after id 15 counts (RFC 8285, 4.2).
  ck_assert(Packet::parse(extended(0xbede, {0xf0, 1, 0x10, 5}))->extension(1).empty());
  // Another profile is another's.
  ck_assert(Packet::parse(extended(0x1234, {0x10, 1, 0, 0}))->extension(1).empty());
}
END_TEST

START_TEST(a_length_that_leads_out_of_the_datagram_is_refused) {
  const Bytes whole = extended(0xbede, {0x11, 'a', 'b', 0});
  for (std::size_t bytes = 0; bytes < whole.size() - 2; ++bytes)
    ck_assert_msg(!Packet::parse(std::span(whole).first(bytes)).has_value(), "%zu", bytes);
  ck_assert(Packet::parse(std::span(whole).first(whole.size() - 2)).has_value());
  Bytes version = whole;
  version[0] = 0x50;
  ck_assert(!Packet::parse(version).has_value());
}
END_TEST

START_TEST(padding_is_not_payload) {
  Bytes bytes = with(fixed_header(), {1, 2, 0, 0, 3});
  bytes[0] |= 0x20U;
  ck_assert(equals(Packet::parse(bytes)->payload(), {1, 2}));
  bytes.back() = 5;
  ck_assert(Packet::parse(bytes)->payload().empty());
  bytes.back() = 6;
  ck_assert(!Packet::parse(bytes).has_value());
  bytes.back() = 0;
  ck_assert(!Packet::parse(bytes).has_value());
  bytes.resize(12);
  ck_assert(!Packet::parse(bytes).has_value());
}
END_TEST

START_TEST(what_is_written_is_what_is_read) {
  const Bytes original = with(fixed_header(), {1});
  for (const auto form : {ExtensionForm::kOneByte, ExtensionForm::kTwoByte}) {
    HeaderWriter writer(*Packet::parse(original), form);
    const std::size_t at = writer.add(1, Bytes{'x', 'y'});
    writer.add(2, Bytes{0x80});
    const bool long_one = writer.add(7, Bytes(90, 3)) != 0;
    ck_assert(long_one == (form == ExtensionForm::kTwoByte));
    const auto header = writer.finish();
    ck_assert_uint_eq(header.size() % 4, 0);
    ck_assert_uint_eq(header[at], 'x');
    parley::rtp::set_ssrc(header.data(), 42);
    parley::rtp::set_sequence(header.data(), 43);
    parley::rtp::set_timestamp(header.data(), 44);
    const auto p = Packet::parse(header);
    ck_assert(p.has_value());
    ck_assert(p->marker());
    ck_assert_uint_eq(p->payload_type(), 96);
    ck_assert_uint_eq(p->ssrc(), 42);
    ck_assert_uint_eq(p->sequence(), 43);
    ck_assert_uint_eq(p->timestamp(), 44);
    ck_assert(equals(p->extension(1), {'x', 'y'}));
    ck_assert(equals(p->extension(2), {0x80}));
    ck_assert_uint_eq(p->extension(7).size(), long_one ? 90 : 0);
    ck_assert_uint_eq(p->header_bytes(), header.size());
  }
}
END_TEST

START_TEST(the_writer_leaves_out_what_does_not_fit) {
  const Bytes original = with(fixed_header(), {1});
  HeaderWriter bare(*Packet::parse(original), ExtensionForm::kOneByte);
  ck_assert_uint_eq(bare.add(0, Bytes{1}), 0);
  ck_assert_uint_eq(bare.add(15, Bytes{1}), 0);
  ck_assert_uint_eq(bare.add(1, Bytes{}), 0);
  ck_assert_uint_eq(bare.finish().size(), 12);
  HeaderWriter full(*Packet::parse(original), ExtensionForm::kTwoByte);
  ck_assert_uint_ne(full.add(1, Bytes(255, 1)), 0);
  ck_assert_uint_eq(full.add(2, Bytes(255, 1)), 0);
  ck_assert_uint_ne(full.add(3, Bytes(100, 1)), 0);
  ck_assert(Packet::parse(full.finish())->extension(3).size() == 100);
}
END_TEST

int main() {
  return parley::test::run(
      "rtp packet",
      {reads_the_fixed_header, csrcs_are_part_of_the_header, reads_one_byte_extensions,
       reads_two_byte_extensions, an_extension_that_leads_out_of_its_block_is_not_there,
       a_length_that_leads_out_of_the_datagram_is_refused, padding_is_not_payload,
       what_is_written_is_what_is_read, the_writer_leaves_out_what_does_not_fit});
}
