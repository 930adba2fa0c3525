// The test vectors of RFC 3711 (appendix B) and RFC 7714 (sections 16 and 17).

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "srtp/keys.h"
#include "srtp/session.h"
#include "srtp/transform.h"
#include "support/check_main.h"

using parley::srtp::KeyMaterial;
using parley::srtp::Outbound;
using parley::srtp::Profile;
using parley::srtp::SessionKeys;
using parley::srtp::Traffic;
using parley::srtp::Transform;
using Bytes = std::vector<std::uint8_t>;

namespace {

Bytes hex(std::string_view text) {
  Bytes out;
  int high = -1;
  for (const char c : text) {
    if (c == ' ') continue;
    const int digit = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
    if (high < 0) {
      high = digit;
    } else {
      out.push_back(static_cast<std::uint8_t>(high * 16 + digit));
      high = -1;
    }
  }
  return out;
}

template <class A, class B>
bool equal(const A& a, const B& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

KeyMaterial material(Profile profile, std::string_view text) {
  KeyMaterial key{profile, {}};
  const Bytes bytes = hex(text);
  std::copy(bytes.begin(), bytes.end(), key.bytes.begin());
  return key;
}

SessionKeys gcm_keys() {
  SessionKeys keys;
  for (std::uint8_t i = 0; i < 16; ++i) keys.encryption[i] = i;
  const Bytes salt = hex("51756964 2070726f 2071756f");
  std::copy(salt.begin(), salt.end(), keys.salt.begin());
  return keys;
}

}  // namespace

START_TEST(rfc_3711_b2_counter_mode_keystream) {
  SessionKeys keys;
  const Bytes key = hex("2B7E151628AED2A6ABF7158809CF4F3C");
  const Bytes salt = hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD");
  std::copy(key.begin(), key.end(), keys.encryption.begin());
  std::copy(salt.begin(), salt.end(), keys.salt.begin());
  auto transform = Transform::create(Profile::kAes128CmSha1_80, keys, Traffic::kRtp,
                                     Transform::Direction::kSeal);
  ck_assert(transform.has_value());
  Bytes body(48);
  Bytes tag(10);
  const Transform::Packet packet{.start = body.data(), .header_bytes = 0, .body_bytes = 48};
  ck_assert(transform->seal(packet, body.data(), tag.data()));
  ck_assert(equal(body, hex("E03EAD0935C95E80E166B16DD92B4EB4"
                            "D23513162B02D0F72A43A2FE4A5F97AB"
                            "41E95B3BB0A2E8DD477901E4FCA894C0")));
}
END_TEST

START_TEST(rfc_3711_b3_key_derivation) {
  const auto keys = parley::srtp::derive_keys(
      material(Profile::kAes128CmSha1_80,
               "E1F97A0D3E018BE0D64FA32C06DE4139 0EC675AD498AFEEBB6960B3AABE6"),
      Traffic::kRtp);
  ck_assert(keys.has_value());
  ck_assert(equal(keys->encryption, hex("C61E7A93744F39EE10734AFE3FF7A087")));
  ck_assert(equal(keys->salt, hex("30CBBC08863D8C85D49DB34A9AE1")));
  ck_assert(equal(keys->authentication, hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4")));
}
END_TEST

START_TEST(rfc_7714_16_1_srtp_with_aes_128_gcm) {
  auto transform = Transform::create(Profile::kAeadAes128Gcm, gcm_keys(), Traffic::kRtp,
                                     Transform::Direction::kSeal);
  ck_assert(transform.has_value());
  Bytes packet = hex(
      "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070"
      "61727465 73207472 6573");
  const std::size_t plain = packet.size();
  packet.resize(plain + 16);
  const Transform::Packet view{.start = packet.data(),
                               .header_bytes = 12,
                               .body_bytes = plain - 12,
                               .ssrc = 0x5501a0b2,
                               .index = 0xf17b};
  ck_assert(transform->seal(view, packet.data() + 12, packet.data() + plain));
  ck_assert(equal(packet, hex("8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca"
                              "be633bd5 0d294e6f 42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1"
                              "6a9152cf 765ee439 0cce")));
}
END_TEST

START_TEST(rfc_7714_17_1_srtcp_with_aes_128_gcm) {
  auto transform = Transform::create(Profile::kAeadAes128Gcm, gcm_keys(), Traffic::kRtcp,
                                     Transform::Direction::kSeal);
  ck_assert(transform.has_value());
  Bytes packet = hex(
      "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef"
      "deadbeef deadbeef deadbeef");
  const std::size_t plain = packet.size();
  packet.resize(plain + 16);
  const Transform::Packet view{.start = packet.data(),
                               .header_bytes = 8,
                               .body_bytes = plain - 8,
                               .ssrc = 0x4d617273,
                               .index = 0x5d4,
                               .suffix = {0x80, 0, 0x05, 0xd4}};
  ck_assert(transform->seal(view, packet.data() + 8, packet.data() + plain));
  ck_assert(equal(packet, hex("81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7"
                              "6c06f32d c676a5f1 730d6fda 4ce09b46 86303ded 0bb9275b c84aa458"
                              "96cf4d2f c5abf872 45d9eade")));
}
END_TEST

int main() {
  return parley::test::run(
      "srtp vectors", {rfc_3711_b2_counter_mode_keystream, rfc_3711_b3_key_derivation,
                       rfc_7714_16_1_srtp_with_aes_128_gcm, rfc_7714_17_1_srtcp_with_aes_128_gcm});
}
