#include "tap/frames.h"

#include <string>
#include <vector>

#include "support/check_main.h"

using namespace parley;
using namespace parley::tap;

namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes encoded(const Frame& frame) {
  Bytes out{1, 2, 3};  // to be overwritten
  encode(frame, out);
  return out;
}

template <class T>
T again(const T& frame) {
  const Bytes bytes = encoded(frame);
  ck_assert_uint_le(bytes.size(), kMaxFrameBytes);
  const auto decoded = decode(bytes);
  ck_assert_msg(decoded.has_value(), "%s", decoded ? "" : decoded.error().message.c_str());
  ck_assert_uint_eq(decoded->index(), Frame(frame).index());
  ck_assert(encoded(*decoded) == bytes);
  return std::get<T>(*decoded);
}

const base::TimePoint kThen{std::chrono::microseconds(1'234'567'890'123)};

}  // namespace

START_TEST(what_is_encoded_is_decoded) {
  const auto hello = again(Hello{7, "geheim"});
  ck_assert_uint_eq(hello.version, 7);
  ck_assert_str_eq(hello.secret.c_str(), "geheim");
  ck_assert(again(Watch{"call-1"}).group == "call-1");
  const auto tap = again(Tap{"call-1", "anna", base::Source::kScreen, true});
  ck_assert_str_eq(tap.owner.c_str(), "anna");
  ck_assert(tap.source == base::Source::kScreen && tap.patient);
  const auto inject = again(Inject{"call-1", "mix", base::Source::kMixVideo, rtp::Codec::kVp8});
  ck_assert_str_eq(inject.group.c_str(), "call-1");
  ck_assert(inject.source == base::Source::kMixVideo && inject.codec == rtp::Codec::kVp8);
  again(Accepted{});
  ck_assert(again(Refused{"no such call"}).why == "no such call");
  ck_assert(again(TrackAdded{"anna", base::Source::kMic}).source == base::Source::kMic);
  ck_assert(again(TrackRemoved{"anna", base::Source::kMic}).owner == "anna");
  ck_assert(again(PortAdded{"mix/anna"}).owner == "mix/anna");
  again(PortRemoved{"mix"});
  const auto format = again(Format{rtp::Codec::kAv1, 111, 90'000, 0xdeadbeef});
  ck_assert(format.codec == rtp::Codec::kAv1);
  ck_assert_uint_eq(format.payload_type, 111);
  ck_assert_uint_eq(format.clock_hz, 90'000);
  ck_assert_uint_eq(format.ssrc, 0xdeadbeef);
  const auto clock = again(Clock{5, 6, kThen, true});
  ck_assert_uint_eq(clock.ssrc, 5);
  ck_assert_uint_eq(clock.timestamp, 6);
  ck_assert(clock.captured == kThen && clock.reported);
  ck_assert(again(Muted{true}).muted);
  ck_assert_uint_eq(again(Dropped{1ULL << 40U}).packets, 1ULL << 40U);
  again(KeyFrame{});
  again(End{});
}
END_TEST

// A packet goes out in two pieces; in one datagram they are a Packet frame.
START_TEST(a_packet_is_its_head_and_its_own_bytes) {
  Bytes rtp(1200, 0x80);
  rtp.back() = 9;
  const Bytes whole = encoded(Packet{kThen, rtp});
  Bytes pieces(kPacketHeadBytes);
  encode_packet_head(kThen, std::span(pieces).first<kPacketHeadBytes>());
  pieces.insert(pieces.end(), rtp.begin(), rtp.end());
  ck_assert(whole == pieces);
  ck_assert(is_packet(whole) && !is_packet(encoded(End{})));
  const auto decoded = decode(whole);
  ck_assert(decoded.has_value());
  const auto& packet = std::get<Packet>(*decoded);
  ck_assert(packet.arrived == kThen);
  ck_assert(Bytes(packet.rtp.begin(), packet.rtp.end()) == rtp);
  ck_assert_ptr_eq(packet.rtp.data(), whole.data() + kPacketHeadBytes);
  ck_assert(!decode(std::span(whole).first(kPacketHeadBytes + 11)).has_value());
}
END_TEST

START_TEST(texts_that_are_too_long_are_cut) {
  ck_assert_uint_eq(again(Refused{std::string(1000, 'x')}).why.size(), 256);
}
END_TEST

START_TEST(what_is_no_frame_is_refused) {
  ck_assert(!decode({}).has_value());
  ck_assert(!decode(Bytes(kMaxFrameBytes + 1, 0)).has_value());
  ck_assert(!decode(Bytes{255}).has_value());
  Bytes tap = encoded(Tap{"call-1", "anna", base::Source::kScreen});
  for (std::size_t bytes = 0; bytes < tap.size(); ++bytes)
    ck_assert_msg(!decode(std::span(tap).first(bytes)).has_value(), "%zu bytes of it", bytes);
  tap[tap.size() - 2] = 17;  // no such source
  ck_assert(!decode(tap).has_value());
  Bytes end = encoded(End{});
  end.push_back(0);
  ck_assert(!decode(end).has_value());
  Bytes muted = encoded(Muted{true});
  muted.back() = 2;
  ck_assert(!decode(muted).has_value());
  Bytes inject = encoded(Inject{"c", "o", base::Source::kMic, rtp::Codec::kOpus});
  inject.back() = 9;  // no such codec
  ck_assert(!decode(inject).has_value());
}
END_TEST

int main() {
  return test::run("frames", {what_is_encoded_is_decoded, a_packet_is_its_head_and_its_own_bytes,
                              texts_that_are_too_long_are_cut, what_is_no_frame_is_refused});
}
