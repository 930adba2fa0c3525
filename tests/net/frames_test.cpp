#include "net/frames.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/token_bucket.h"
#include "net/upgrade.h"
#include "support/check_main.h"

using namespace parley::net;

namespace {

// A masked frame as a client sends it; `first` is the FIN bit, the reserved bits and the opcode.
std::string client_frame(std::uint8_t first, std::string_view payload, bool masked = true) {
  std::string out(1, static_cast<char>(first));
  const auto flag = static_cast<std::uint8_t>(masked ? 0x80 : 0);
  if (payload.size() < 126) {
    out.push_back(static_cast<char>(flag | payload.size()));
  } else if (payload.size() < 65536) {
    out.push_back(static_cast<char>(flag | 126));
    out.push_back(static_cast<char>(payload.size() >> 8));
    out.push_back(static_cast<char>(payload.size() & 0xff));
  } else {
    out.push_back(static_cast<char>(flag | 127));
    for (int i = 7; i >= 0; --i) out.push_back(static_cast<char>(payload.size() >> (8 * i)));
  }
  const std::string_view mask = "\x11\x22\x33\x44";
  if (masked) out.append(mask);
  for (std::size_t i = 0; i < payload.size(); ++i)
    out.push_back(static_cast<char>(masked ? payload[i] ^ mask[i % 4] : payload[i]));
  return out;
}

std::vector<Incoming> decode(const std::string& bytes, std::size_t step = SIZE_MAX) {
  FrameDecoder decoder(64 * 1024);
  std::vector<Incoming> out;
  for (std::size_t i = 0; i < bytes.size();) {
    const std::size_t n = std::min(step, bytes.size() - i);
    decoder.feed({reinterpret_cast<const std::uint8_t*>(bytes.data()) + i, n}, out);
    i += n;
  }
  return out;
}

const std::string& text_of(const Incoming& item) { return std::get<TextMessage>(item).text; }
int violation_of(const std::vector<Incoming>& items) {
  const auto* violation = items.empty() ? nullptr : std::get_if<Violation>(&items.back());
  return violation != nullptr ? violation->code : 0;
}

}  // namespace

START_TEST(reads_messages_however_the_stream_is_cut) {
  const std::string bytes = client_frame(0x81, "one") + client_frame(0x81, std::string(300, 'x')) +
                            client_frame(0x81, std::string(65536, 'y'));
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{4096}}) {
    const auto items = decode(bytes, step);
    ck_assert_uint_eq(items.size(), 3);
    ck_assert_str_eq(text_of(items[0]).c_str(), "one");
    ck_assert_uint_eq(text_of(items[1]).size(), 300);
    ck_assert_uint_eq(text_of(items[2]).size(), 65536);
  }
}
END_TEST

START_TEST(joins_fragments_with_control_frames_between_them) {
  const auto items = decode(client_frame(0x01, "he") + client_frame(0x89, "now") +
                            client_frame(0x00, "l") + client_frame(0x80, "lo"));
  ck_assert_uint_eq(items.size(), 2);
  ck_assert_str_eq(std::get<Ping>(items[0]).payload.c_str(), "now");
  ck_assert_str_eq(text_of(items[1]).c_str(), "hello");
}
END_TEST

START_TEST(counts_the_reassembled_message_not_the_frame) {
  const std::string most(64 * 1024 - 1, 'x');
  ck_assert_int_eq(violation_of(decode(client_frame(0x01, most) + client_frame(0x80, "x"))), 0);
  ck_assert_int_eq(violation_of(decode(client_frame(0x01, most) + client_frame(0x80, "xx"))), 1009);
  ck_assert_int_eq(violation_of(decode(client_frame(0x81, most + "xx"))), 1009);
}
END_TEST

START_TEST(refuses_a_large_frame_by_its_header_alone) {
  const std::string header = client_frame(0x81, std::string(70'000, 'x')).substr(0, 14);
  ck_assert_int_eq(violation_of(decode(header)), 1009);
  // A length with the top bit set (RFC 6455, 5.2) is no exception.
  ck_assert_int_eq(
      violation_of(decode(std::string("\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff", 10) + "mask")),
      1009);
}
END_TEST

START_TEST(refuses_fragments_without_end) {
  std::string bytes = client_frame(0x01, "");
  for (int i = 0; i < 1000; ++i) bytes += client_frame(0x00, "");
  ck_assert_int_eq(violation_of(decode(bytes)), 1008);
}
END_TEST

START_TEST(names_what_breaks_the_protocol) {
  const struct {
    std::string bytes;
    int code;
  } cases[] = {
      {client_frame(0x82, "binary"), 1003},
      {client_frame(0x81, "not masked", false), 1002},
      {client_frame(0xC1, "compressed"), 1002},
      {client_frame(0x83, "reserved opcode"), 1002},
      {client_frame(0x8B, "reserved control opcode"), 1002},
      {client_frame(0x09, "fragmented ping"), 1002},
      {client_frame(0x89, std::string(126, 'p')), 1002},
      {client_frame(0x80, "continues nothing"), 1002},
      {client_frame(0x01, "a") + client_frame(0x81, "new message inside"), 1002},
      {client_frame(0x81, "\xff\xfe"), 1007},
      {client_frame(0x88, "\x03"), 1002},
      {client_frame(0x88, std::string("\x03\xee", 2)), 1002},  // 1006 may not be sent
  };
  for (const auto& c : cases) ck_assert_int_eq(violation_of(decode(c.bytes)), c.code);
}
END_TEST

START_TEST(hears_nothing_after_a_violation_or_a_close) {
  const auto after_violation = decode(client_frame(0x82, "x") + client_frame(0x81, "y"));
  ck_assert_uint_eq(after_violation.size(), 1);
  const auto after_close =
      decode(client_frame(0x88, std::string("\x03\xe8", 2)) + client_frame(0x81, "y"));
  ck_assert_uint_eq(after_close.size(), 1);
  ck_assert_uint_eq(std::get<PeerClose>(after_close[0]).code, 1000);
}
END_TEST

START_TEST(knows_utf8) {
  for (const char* good :
       {"", "a", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf"})
    ck_assert_msg(is_utf8(good), "%s", good);
  for (const char* bad : {"\x80", "\xc0\xaf", "\xc3", "\xe0\x80\xaf", "\xed\xa0\x80", "\xe2\x82",
                          "\xf0\x80\x80\xaf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "a\xc3z"})
    ck_assert_msg(!is_utf8(bad), "%s", bad);
}
END_TEST

START_TEST(writes_frames_of_every_length) {
  ck_assert(text_frame("hi") == std::string("\x81\x02hi"));
  const std::string middle = text_frame(std::string(300, 'x'));
  ck_assert(middle.starts_with(std::string("\x81\x7e\x01\x2c", 4)));
  const std::string large = text_frame(std::string(70'000, 'x'));
  ck_assert(large.starts_with(std::string("\x81\x7f\0\0\0\0\0\x01\x11\x70", 10)));
  ck_assert_uint_eq(large.size(), 70'010);
  ck_assert(close_frame(1013, "busy") == std::string("\x88\x06\x03\xf5", 4) + "busy");
  ck_assert(close_frame(kCloseNoStatus, "") == std::string("\x88\x00", 2));
}
END_TEST

START_TEST(answers_the_handshake_of_the_rfc) {
  Handshake request{.method = "GET",
                    .upgrade = "websocket",
                    .connection = "keep-alive, Upgrade",
                    .version = "13",
                    .key = "dGhlIHNhbXBsZSBub25jZQ==",
                    .protocols = "other, jsapi.v1"};
  ck_assert(check_handshake(request) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  const auto refused = [&](auto change) {
    Handshake bad = request;
    change(bad);
    const auto result = check_handshake(bad);
    return result ? 0U : result.error().status;
  };
  ck_assert_uint_eq(refused([](Handshake& h) { h.protocols = ""; }), 400);
  ck_assert_uint_eq(refused([](Handshake& h) { h.protocols = "JSAPI.V1"; }), 400);
  ck_assert_uint_eq(refused([](Handshake& h) { h.key = "c2hvcnQ="; }), 400);
  ck_assert_uint_eq(refused([](Handshake& h) { h.version = "8"; }), 426);
  ck_assert_uint_eq(refused([](Handshake& h) { h.upgrade = ""; }), 426);
  ck_assert_uint_eq(refused([](Handshake& h) { h.connection = "close"; }), 426);
}
END_TEST

START_TEST(a_bucket_gives_its_burst_then_its_rate) {
  const parley::base::TimePoint start{};
  parley::base::TokenBucket bucket(50, 200, start);
  int taken = 0;
  while (bucket.take(start)) ++taken;
  ck_assert_int_eq(taken, 200);
  const auto later = start + std::chrono::seconds(1);
  taken = 0;
  while (bucket.take(later)) ++taken;
  ck_assert_int_eq(taken, 50);
  taken = 0;
  while (bucket.take(later + std::chrono::hours(1))) ++taken;
  ck_assert_int_eq(taken, 200);
}
END_TEST

int main() {
  return parley::test::run(
      "frames",
      {reads_messages_however_the_stream_is_cut, joins_fragments_with_control_frames_between_them,
       counts_the_reassembled_message_not_the_frame, refuses_a_large_frame_by_its_header_alone,
       refuses_fragments_without_end, names_what_breaks_the_protocol,
       hears_nothing_after_a_violation_or_a_close, knows_utf8, writes_frames_of_every_length,
       answers_the_handshake_of_the_rfc, a_bucket_gives_its_burst_then_its_rate});
}
