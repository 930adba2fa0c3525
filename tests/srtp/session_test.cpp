// Our sessions against libsrtp2 in both directions, and against what an attacker may send.

#include <srtp2/srtp.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include "srtp/index.h"
#include "srtp/session.h"
#include "support/check_main.h"

using parley::srtp::Inbound;
using parley::srtp::KeyMaterial;
using parley::srtp::Outbound;
using parley::srtp::Profile;
using parley::srtp::Refused;
using Bytes = std::vector<std::uint8_t>;

namespace {

constexpr std::array kProfiles = {Profile::kAes128CmSha1_80, Profile::kAeadAes128Gcm};
constexpr std::uint32_t kSsrc = 0xdeadbeef;

KeyMaterial some_key(Profile profile) {
  KeyMaterial key{profile, {}};
  for (std::size_t i = 0; i < key.bytes.size(); ++i)
    key.bytes[i] = static_cast<std::uint8_t>(7 * i + 3);
  return key;
}

// A libsrtp2 session for one direction.
class Reference {
 public:
  Reference(Profile profile, bool outbound) : key_(some_key(profile)) {
    static const bool kReady = srtp_init() == srtp_err_status_ok;
    ck_assert(kReady);
    srtp_policy_t policy{};
    const auto id = profile == Profile::kAeadAes128Gcm ? srtp_profile_aead_aes_128_gcm
                                                       : srtp_profile_aes128_cm_sha1_80;
    srtp_crypto_policy_set_from_profile_for_rtp(&policy.rtp, id);
    srtp_crypto_policy_set_from_profile_for_rtcp(&policy.rtcp, id);
    policy.ssrc.type = outbound ? ssrc_any_outbound : ssrc_any_inbound;
    policy.key = key_.bytes.data();
    policy.window_size = 1024;
    ck_assert_int_eq(srtp_create(&session_, &policy), srtp_err_status_ok);
  }
  ~Reference() { srtp_dealloc(session_); }
  Reference(const Reference&) = delete;
  Reference& operator=(const Reference&) = delete;

  using Call = srtp_err_status_t (*)(srtp_t, void*, int*);
  // The packet after `call`; empty when libsrtp refuses it.
  Bytes run(Call call, Bytes packet) {
    int bytes = static_cast<int>(packet.size());
    packet.resize(packet.size() + SRTP_MAX_TRAILER_LEN + 4);
    if (call(session_, packet.data(), &bytes) != srtp_err_status_ok) return {};
    packet.resize(static_cast<std::size_t>(bytes));
    return packet;
  }

 private:
  KeyMaterial key_;
  srtp_t session_ = nullptr;
};

struct Shape {
  std::size_t csrcs = 0;
  std::size_t extension_words = 0;
  std::size_t payload = 20;
};

Bytes rtp(std::uint16_t sequence, Shape shape = {}, std::uint32_t ssrc = kSsrc) {
  Bytes p(12 + 4 * shape.csrcs, 0x11);
  p[0] = static_cast<std::uint8_t>(0x80 | (shape.extension_words != 0 ? 0x10 : 0) | shape.csrcs);
  p[1] = 96;
  p[2] = static_cast<std::uint8_t>(sequence >> 8);
  p[3] = static_cast<std::uint8_t>(sequence);
  const auto word = parley::srtp::store32(ssrc);
  std::copy(word.begin(), word.end(), p.begin() + 8);
  if (shape.extension_words != 0) {
    for (const std::size_t byte :
         {std::size_t{0xbe}, std::size_t{0xde}, std::size_t{0}, shape.extension_words})
      p.push_back(static_cast<std::uint8_t>(byte));
    p.insert(p.end(), 4 * shape.extension_words, 0x22);
  }
  for (std::size_t i = 0; i < shape.payload; ++i) p.push_back(static_cast<std::uint8_t>(i));
  return p;
}

Bytes rtcp(std::size_t words, std::uint32_t ssrc = kSsrc) {
  Bytes p = {0x80, 201, 0, static_cast<std::uint8_t>(words + 1)};
  for (const std::uint8_t byte : parley::srtp::store32(ssrc)) p.push_back(byte);
  p.insert(p.end(), 4 * words, 0x33);
  return p;
}

Bytes protect(Outbound& out, const Bytes& plain) {
  Bytes sealed(plain.size() + parley::srtp::kMaxRtpOverhead);
  sealed.resize(out.protect(plain, sealed.data()));
  return sealed;
}

Bytes protect_rtcp(Outbound& out, const Bytes& plain) {
  Bytes sealed(plain.size() + parley::srtp::kMaxRtcpOverhead);
  sealed.resize(out.protect_rtcp(plain, sealed.data()));
  return sealed;
}

Bytes unprotect(Inbound& in, Bytes sealed) {
  const auto bytes = in.unprotect(sealed);
  sealed.resize(bytes.value_or(0));
  return sealed;
}

Bytes unprotect_rtcp(Inbound& in, Bytes sealed) {
  const auto bytes = in.unprotect_rtcp(sealed);
  sealed.resize(bytes.value_or(0));
  return sealed;
}

std::vector<Shape> shapes() {
  std::vector<Shape> all;
  for (const std::size_t csrcs : {0U, 1U, 15U})
    for (const std::size_t words : {0U, 1U, 5U})
      for (const std::size_t payload : {0U, 1U, 15U, 16U, 17U, 1200U})
        all.push_back({csrcs, words, payload});
  return all;
}

}  // namespace

START_TEST(what_we_protect_libsrtp_reads_whatever_the_header) {
  for (const Profile profile : kProfiles) {
    auto out = Outbound::create(some_key(profile));
    Reference theirs(profile, false);
    std::uint16_t sequence = 100;
    for (const Shape& shape : shapes()) {
      const Bytes plain = rtp(sequence++, shape);
      ck_assert(theirs.run(srtp_unprotect, protect(*out, plain)) == plain);
    }
  }
}
END_TEST

START_TEST(what_libsrtp_protects_we_read_whatever_the_header) {
  for (const Profile profile : kProfiles) {
    auto in = Inbound::create(some_key(profile));
    Reference theirs(profile, true);
    std::uint16_t sequence = 100;
    for (const Shape& shape : shapes()) {
      const Bytes plain = rtp(sequence++, shape);
      ck_assert(unprotect(*in, theirs.run(srtp_protect, plain)) == plain);
    }
  }
}
END_TEST

START_TEST(a_header_and_payload_apart_and_a_packet_in_place_give_the_same_bytes) {
  for (const Profile profile : kProfiles) {
    auto whole = Outbound::create(some_key(profile));
    auto apart = Outbound::create(some_key(profile));
    auto in_place = Outbound::create(some_key(profile));
    const Bytes plain = rtp(1, {2, 3, 333});
    const std::size_t header = *parley::srtp::rtp_header_bytes(plain);
    const Bytes expected = protect(*whole, plain);
    Bytes sealed(plain.size() + 16);
    const std::span<const std::uint8_t> all(plain);
    sealed.resize(apart->protect(all.first(header), all.subspan(header), sealed.data()));
    ck_assert(sealed == expected);
    Bytes same = plain;
    same.resize(plain.size() + 16);
    same.resize(in_place->protect(std::span(same.data(), plain.size()), same.data()));
    ck_assert(same == expected);
  }
}
END_TEST

START_TEST(srtcp_agrees_with_libsrtp_both_ways) {
  for (const Profile profile : kProfiles) {
    auto out = Outbound::create(some_key(profile));
    auto in = Inbound::create(some_key(profile));
    Reference reads(profile, false);
    Reference writes(profile, true);
    for (std::size_t words = 0; words < 40; ++words) {
      const Bytes plain = rtcp(words, words % 2 == 0 ? kSsrc : 0x01020304);
      ck_assert(reads.run(srtp_unprotect_rtcp, protect_rtcp(*out, plain)) == plain);
      ck_assert(unprotect_rtcp(*in, writes.run(srtp_protect_rtcp, plain)) == plain);
    }
  }
}
END_TEST

START_TEST(both_follow_the_roll_over_counter_with_loss_and_reordering) {
  for (const Profile profile : kProfiles) {
    auto out = Outbound::create(some_key(profile));
    auto in = Inbound::create(some_key(profile));
    Reference reads(profile, false);
    Reference writes(profile, true);
    std::mt19937 random(1);  // NOLINT(bugprone-random-generator-seed): the same run every time
    std::vector<std::uint64_t> order;
    for (std::uint64_t index = 64000; index < 3 * 65536 + 500; index += 1 + random() % 300)
      order.push_back(index);
    // Neighbours swapped here and there, across the wraps as well.
    for (std::size_t i = 4; i + 1 < order.size(); i += 3) std::swap(order[i], order[i + 1]);
    for (const std::uint64_t index : order) {
      const Bytes plain = rtp(static_cast<std::uint16_t>(index), {0, 1, 40});
      const Bytes ours = protect(*out, plain);
      const Bytes theirs = writes.run(srtp_protect, plain);
      ck_assert(ours == theirs);
      ck_assert(reads.run(srtp_unprotect, ours) == plain);
      ck_assert(unprotect(*in, theirs) == plain);
    }
  }
}
END_TEST

START_TEST(any_flipped_bit_is_refused_and_changes_no_state) {
  for (const Profile profile : kProfiles) {
    auto out = Outbound::create(some_key(profile));
    auto in = Inbound::create(some_key(profile));
    const Bytes plain = rtp(7, {1, 1, 30});
    const Bytes sealed = protect(*out, plain);
    for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
      Bytes broken = sealed;
      broken[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
      ck_assert_msg(unprotect(*in, broken).empty(), "bit %zu", bit);
    }
    ck_assert(unprotect(*in, sealed) == plain);

    const Bytes report = rtcp(6);
    const Bytes sealed_report = protect_rtcp(*out, report);
    for (std::size_t bit = 0; bit < sealed_report.size() * 8; ++bit) {
      Bytes broken = sealed_report;
      broken[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
      ck_assert_msg(unprotect_rtcp(*in, broken).empty(), "bit %zu", bit);
    }
    ck_assert(unprotect_rtcp(*in, sealed_report) == report);
  }
}
END_TEST

START_TEST(a_replayed_packet_is_refused_even_late) {
  for (const Profile profile : kProfiles) {
    auto out = Outbound::create(some_key(profile));
    auto in = Inbound::create(some_key(profile));
    std::vector<Bytes> sent;
    for (std::uint16_t i = 0; i < 2000; ++i) sent.push_back(protect(*out, rtp(65000 + i)));
    for (std::size_t i = 0; i < sent.size(); ++i)
      if (i != 1500 && i != 100) ck_assert(!unprotect(*in, sent[i]).empty());
    for (const std::size_t i : {0U, 999U, 1400U, 1999U}) {
      Bytes copy = sent[i];
      ck_assert(in->unprotect(copy).error() == Refused::kReplay);
    }
    Bytes too_late = sent[100];
    ck_assert(in->unprotect(too_late).error() == Refused::kReplay);
    ck_assert(!unprotect(*in, sent[1500]).empty());
    Bytes again = sent[1500];
    ck_assert(in->unprotect(again).error() == Refused::kReplay);

    const Bytes report = protect_rtcp(*out, rtcp(2));
    ck_assert(!unprotect_rtcp(*in, report).empty());
    Bytes copy = report;
    ck_assert(in->unprotect_rtcp(copy).error() == Refused::kReplay);
  }
}
END_TEST

START_TEST(a_forged_jump_does_not_move_the_window) {
  auto out = Outbound::create(some_key(Profile::kAes128CmSha1_80));
  auto in = Inbound::create(some_key(Profile::kAes128CmSha1_80));
  ck_assert(!unprotect(*in, protect(*out, rtp(1))).empty());
  Bytes forged = rtp(30000);
  forged.resize(forged.size() + 10);
  ck_assert(in->unprotect(forged).error() == Refused::kAuthentication);
  for (std::uint16_t i = 2; i < 100; ++i) ck_assert(!unprotect(*in, protect(*out, rtp(i))).empty());
}
END_TEST

START_TEST(short_or_lying_packets_are_malformed) {
  for (const Profile profile : kProfiles) {
    auto out = Outbound::create(some_key(profile));
    auto in = Inbound::create(some_key(profile));
    const Bytes sealed = protect(*out, rtp(1, {3, 2, 0}));
    for (std::size_t bytes = 0; bytes < sealed.size(); ++bytes) {
      Bytes cut(sealed.begin(), sealed.begin() + static_cast<std::ptrdiff_t>(bytes));
      ck_assert(!in->unprotect(cut).has_value());
      Bytes cut_rtcp = cut;
      ck_assert(!in->unprotect_rtcp(cut_rtcp).has_value());
    }
    Bytes lying = rtp(2, {0, 1, 30});
    lying[14] = 0xff;  // an extension of 65281 words
    ck_assert(in->unprotect(lying).error() == Refused::kMalformed);
    ck_assert(protect(*out, lying).empty());
    ck_assert(protect(*out, Bytes(11, 0x80)).empty());
    ck_assert(protect_rtcp(*out, Bytes(7, 0x80)).empty());
  }
}
END_TEST

START_TEST(one_source_too_many_is_refused_and_forged_ones_do_not_count) {
  auto out = Outbound::create(some_key(Profile::kAes128CmSha1_80));
  auto in = Inbound::create(some_key(Profile::kAes128CmSha1_80));
  for (std::uint32_t ssrc = 1000; ssrc < 2000; ++ssrc) {
    Bytes forged = rtp(1, {}, ssrc);
    forged.resize(forged.size() + 10);
    ck_assert(in->unprotect(forged).error() == Refused::kAuthentication);
  }
  for (std::uint32_t ssrc = 1; ssrc <= Inbound::kMaxSources; ++ssrc)
    ck_assert(!unprotect(*in, protect(*out, rtp(1, {}, ssrc))).empty());
  Bytes one_more = protect(*out, rtp(1, {}, 999));
  ck_assert(in->unprotect(one_more).error() == Refused::kTooManySources);
  ck_assert(!unprotect(*in, protect(*out, rtp(2, {}, 1))).empty());

  for (std::uint32_t ssrc = 1; ssrc <= Inbound::kMaxSources; ++ssrc)
    ck_assert(!unprotect_rtcp(*in, protect_rtcp(*out, rtcp(1, ssrc))).empty());
  Bytes one_report_more = protect_rtcp(*out, rtcp(1, 9999));
  ck_assert(in->unprotect_rtcp(one_report_more).error() == Refused::kTooManySources);
  ck_assert(!unprotect_rtcp(*in, protect_rtcp(*out, rtcp(1, 5))).empty());
}
END_TEST

START_TEST(an_index_is_never_encrypted_twice) {
  auto out = Outbound::create(some_key(Profile::kAes128CmSha1_80));
  ck_assert(!protect(*out, rtp(10)).empty());
  ck_assert(!protect(*out, rtp(12)).empty());
  ck_assert(!protect(*out, rtp(11)).empty());
  for (const std::uint16_t sequence : {10, 11, 12}) ck_assert(protect(*out, rtp(sequence)).empty());
}
END_TEST

START_TEST(the_index_is_guessed_as_in_rfc_3711_appendix_a) {
  using parley::srtp::estimate_index;
  ck_assert(estimate_index(0, 0) == 0U);
  ck_assert(estimate_index(65535, 0) == 65536U);
  ck_assert(estimate_index(65536, 65535) == 65535U);
  ck_assert(estimate_index(5, 65535) == std::nullopt);  // before the first packet
  ck_assert(estimate_index((2ULL << 16U) + 0x8000, 0) == 2ULL << 16U);
  ck_assert(estimate_index((2ULL << 16U) + 0x8001, 0) == 3ULL << 16U);
  ck_assert(estimate_index(0xffffffffffffULL, 0) == std::nullopt);  // beyond the last of a key
}
END_TEST

int main() {
  return parley::test::run(
      "srtp session",
      {what_we_protect_libsrtp_reads_whatever_the_header,
       what_libsrtp_protects_we_read_whatever_the_header,
       a_header_and_payload_apart_and_a_packet_in_place_give_the_same_bytes,
       srtcp_agrees_with_libsrtp_both_ways,
       both_follow_the_roll_over_counter_with_loss_and_reordering,
       any_flipped_bit_is_refused_and_changes_no_state, a_replayed_packet_is_refused_even_late,
       a_forged_jump_does_not_move_the_window, short_or_lying_packets_are_malformed,
       one_source_too_many_is_refused_and_forged_ones_do_not_count,
       an_index_is_never_encrypted_twice, the_index_is_guessed_as_in_rfc_3711_appendix_a});
}
