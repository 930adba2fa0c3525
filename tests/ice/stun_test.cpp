#include "ice/stun.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ice/vectors.h"
#include "support/check_main.h"

using parley::base::Endpoint;
using parley::ice::IntegrityKey;
using parley::ice::MessageType;
using parley::ice::StunMessage;
using parley::ice::StunWriter;
using parley::ice::TransactionId;
using parley::test::kVectorPassword;
using parley::test::kVectorRequest;
using parley::test::kVectorResponseV4;
using parley::test::kVectorResponseV6;

namespace {

constexpr TransactionId kTransaction = {0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34,
                                        0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae};

Endpoint v4_endpoint() {
  return {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1}}, 32853};
}

Endpoint v6_endpoint() {
  return {{{0x20, 0x01, 0x0d, 0xb8, 0x12, 0x34, 0x56, 0x78, 0x00, 0x11, 0x22, 0x33, 0x44, 0x55,
            0x66, 0x77}},
          32853};
}

}  // namespace

START_TEST(reads_the_request_of_rfc_5769) {
  const auto message = StunMessage::parse(kVectorRequest);
  ck_assert(message.has_value());
  ck_assert(message->is(MessageType::kBindingRequest));
  ck_assert(message->transaction() == kTransaction);
  ck_assert(message->username() == "evtj:h6vY");
  ck_assert(message->from_controlled());
  ck_assert(!message->use_candidate());
  ck_assert(message->has_fingerprint());
  ck_assert(message->unknown().empty());
}
END_TEST

START_TEST(holds_the_integrity_of_rfc_5769_for_the_right_password_only) {
  const IntegrityKey right(kVectorPassword);
  const IntegrityKey wrong("VOkJxbRl1RmTxUk/WvJxBu");
  for (const auto* vector : {&kVectorRequest, &kVectorResponseV4, &kVectorResponseV6}) {
    const auto message = StunMessage::parse(*vector);
    ck_assert(message.has_value());
    ck_assert(message->authentic(right));
    ck_assert(!message->authentic(wrong));
    ck_assert(message->authentic(right));  // a key is good for many messages
  }
}
END_TEST

START_TEST(reads_the_mapped_addresses_of_rfc_5769) {
  ck_assert(StunMessage::parse(kVectorResponseV4)->mapped() == v4_endpoint());
  ck_assert(StunMessage::parse(kVectorResponseV6)->mapped() == v6_endpoint());
}
END_TEST

START_TEST(hashes_a_password_longer_than_a_block_of_sha_1) {
  // RFC 2202, case 6: an 80-byte key of 0xaa. Its message has no STUN header, so what is held
  // here is the key: 20 bytes of SHA-1 as key give the same signature.
  const std::string key(80, '\xaa');
  std::array<unsigned char, 20> hashed{};
  ck_assert_int_eq(EVP_Digest(key.data(), key.size(), hashed.data(), nullptr, EVP_sha1(), nullptr),
                   1);
  const IntegrityKey long_key(key);
  const IntegrityKey short_key(
      std::string_view(reinterpret_cast<const char*>(hashed.data()), hashed.size()));
  ck_assert(long_key.sign(kVectorRequest, 4) == short_key.sign(kVectorRequest, 4));
}
END_TEST

START_TEST(refuses_a_message_with_any_bit_flipped) {
  const IntegrityKey key(kVectorPassword);
  for (std::size_t bit = 0; bit < kVectorRequest.size() * 8; ++bit) {
    auto flipped = kVectorRequest;
    flipped[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
    const auto message = StunMessage::parse(flipped);
    ck_assert_msg(!message || !message->has_fingerprint(), "bit %zu", bit);
    // Behind the integrity there is only the fingerprint.
    const bool is_signed = bit / 8 < kVectorRequest.size() - 8;
    ck_assert_msg(!is_signed || !message || !message->authentic(key), "bit %zu", bit);
  }
}
END_TEST

START_TEST(refuses_every_truncation_and_any_trailing_byte) {
  for (std::size_t size = 0; size < kVectorRequest.size(); ++size) {
    const std::vector<std::uint8_t> part(kVectorRequest.begin(),
                                         kVectorRequest.begin() + static_cast<long>(size));
    ck_assert_msg(!StunMessage::parse(part), "%zu bytes", size);
  }
  auto longer = kVectorRequest;
  longer.push_back(0);
  ck_assert(!StunMessage::parse(longer));
}
END_TEST

START_TEST(refuses_an_attribute_longer_than_its_message) {
  // Header of one attribute whose length says 65535 bytes.
  const std::vector<std::uint8_t> message = {0, 1, 0, 4, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3,    4,
                                             5, 6, 7, 8, 9,    10,   11,   12,   0, 6, 0xff, 0xff};
  ck_assert(!StunMessage::parse(message));
}
END_TEST

START_TEST(refuses_anything_behind_the_fingerprint) {
  auto message = kVectorRequest;
  message[3] += 4;
  message.insert(message.end(), {0x00, 0x25, 0x00, 0x00});  // USE-CANDIDATE
  ck_assert(!StunMessage::parse(message));
}
END_TEST

START_TEST(believes_nothing_between_integrity_and_fingerprint) {
  // USE-CANDIDATE put behind MESSAGE-INTEGRITY is not signed, so it must not count.
  std::vector<std::uint8_t> message(kVectorRequest.begin(), kVectorRequest.end() - 8);
  message[3] = static_cast<std::uint8_t>(message[3] - 8 + 4);
  message.insert(message.end(), {0x00, 0x25, 0x00, 0x00});
  const auto parsed = StunMessage::parse(message);
  const IntegrityKey key(kVectorPassword);
  ck_assert(parsed.has_value());
  ck_assert(parsed->authentic(key));
  ck_assert(!parsed->use_candidate());
}
END_TEST

START_TEST(remembers_unknown_required_attributes_once_and_not_without_end) {
  std::vector<std::uint8_t> message = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1,  2,
                                       3, 4, 5, 6, 7,    8,    9,    10,   11, 12};
  for (std::uint8_t n = 0; n < 40; ++n)
    message.insert(message.end(), {0x7f, static_cast<std::uint8_t>(n / 2), 0, 0});
  message.insert(message.end(), {0xc0, 0x57, 0, 0});  // optional: none of our business
  message[3] = static_cast<std::uint8_t>(message.size() - 20);
  const auto parsed = StunMessage::parse(message);
  ck_assert(parsed.has_value());
  ck_assert_uint_eq(parsed->unknown().size(), StunMessage::kMaxUnknown);
  ck_assert_uint_eq(parsed->unknown()[0], 0x7f00);
  ck_assert_uint_eq(parsed->unknown()[1], 0x7f01);
}
END_TEST

START_TEST(writes_what_it_reads) {
  for (const Endpoint& endpoint : {v4_endpoint(), v6_endpoint()}) {
    std::array<std::uint8_t, 256> out{};
    const IntegrityKey key(kVectorPassword);
    StunWriter writer(out, MessageType::kBindingSuccess, kTransaction);
    writer.add_xor_mapped_address(endpoint);
    writer.add_integrity(key);
    const std::size_t size = writer.finish();
    const auto message = StunMessage::parse(std::span(out).first(size));
    ck_assert(message.has_value());
    ck_assert(message->mapped() == endpoint);
    ck_assert(message->authentic(key));
    ck_assert(message->has_fingerprint());
    ck_assert(message->transaction() == kTransaction);
  }
}
END_TEST

START_TEST(writes_an_ipv4_mapped_address_as_ipv4) {
  std::array<std::uint8_t, 64> out{};
  StunWriter writer(out, MessageType::kBindingSuccess, kTransaction);
  writer.add_xor_mapped_address(v4_endpoint());
  ck_assert_uint_ne(writer.finish(), 0);
  // The attribute of RFC 5769, 2.2.
  const std::array<std::uint8_t, 12> expected = {0x00, 0x20, 0x00, 0x08, 0x00, 0x01,
                                                 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43};
  ck_assert(std::equal(expected.begin(), expected.end(), out.begin() + 20));
}
END_TEST

START_TEST(sends_nothing_rather_than_a_message_cut_short) {
  const IntegrityKey key(kVectorPassword);
  std::array<std::uint8_t, 64> out{};
  // 20 header, 12 address, 24 integrity, 8 fingerprint.
  for (std::size_t room = 0; room < out.size(); ++room) {
    const std::span<std::uint8_t> part(out.data(), room);
    StunWriter writer(part, MessageType::kBindingSuccess, kTransaction);
    writer.add_xor_mapped_address(v4_endpoint());
    writer.add_integrity(key);
    ck_assert_uint_eq(writer.finish(), 0);
  }
  StunWriter writer(out, MessageType::kBindingSuccess, kTransaction);
  writer.add_xor_mapped_address(v4_endpoint());
  writer.add_integrity(key);
  ck_assert_uint_eq(writer.finish(), out.size());
}
END_TEST

int main() {
  return parley::test::run(
      "stun",
      {reads_the_request_of_rfc_5769, holds_the_integrity_of_rfc_5769_for_the_right_password_only,
       reads_the_mapped_addresses_of_rfc_5769, hashes_a_password_longer_than_a_block_of_sha_1,
       refuses_a_message_with_any_bit_flipped, refuses_every_truncation_and_any_trailing_byte,
       refuses_an_attribute_longer_than_its_message, refuses_anything_behind_the_fingerprint,
       believes_nothing_between_integrity_and_fingerprint,
       remembers_unknown_required_attributes_once_and_not_without_end, writes_what_it_reads,
       writes_an_ipv4_mapped_address_as_ipv4, sends_nothing_rather_than_a_message_cut_short});
}
