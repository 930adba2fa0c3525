#include "rtp/rtcp.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "support/check_main.h"

using namespace parley::rtp;  // NOLINT(google-build-using-namespace)
using Bytes = std::vector<std::uint8_t>;

namespace {

Bytes copy(std::span<const std::uint8_t> bytes) { return {bytes.begin(), bytes.end()}; }

template <class Item>
Item only(const Bytes& compound) {
  ck_assert(RtcpReader::valid(compound));
  RtcpReader reader(compound);
  const auto item = reader.next();
  ck_assert(item.has_value() && std::holds_alternative<Item>(*item));
  ck_assert(reader.at_end());
  return std::get<Item>(*item);
}

}  // namespace

START_TEST(reports_are_read_as_they_were_built) {
  const ReportBlock block{.ssrc = 0x11223344,
                          .fraction_lost = 200,
                          .cumulative_lost = -3,
                          .highest_sequence = 0x10002,
                          .jitter = 77,
                          .last_report = 0x55667788,
                          .delay_since_last_report = 65536};
  RtcpWriter writer;
  ck_assert(writer.add_sender_report({.ssrc = 1,
                                      .ntp = 0x0102030405060708,
                                      .timestamp = 9,
                                      .packets = 10,
                                      .octets = 11,
                                      .blocks = {}}));
  ck_assert(writer.add_receiver_report(2, std::vector<ReportBlock>(3, block)));
  ck_assert(writer.add_cname(2, "someone"));
  ck_assert(writer.add_picture_loss(2, 3));
  ck_assert(RtcpReader::valid(writer.bytes()));

  RtcpReader reader(writer.bytes());
  const auto sender = std::get<SenderReport>(*reader.next());
  ck_assert_uint_eq(sender.ssrc, 1);
  ck_assert_uint_eq(sender.ntp, 0x0102030405060708);
  ck_assert_uint_eq(sender.timestamp, 9);
  ck_assert_uint_eq(sender.packets, 10);
  ck_assert_uint_eq(sender.octets, 11);
  const auto receiver = std::get<ReceiverReport>(*reader.next());
  ck_assert_uint_eq(receiver.blocks.size(), 3);
  ck_assert(receiver.blocks[2] == block);
  ck_assert(std::holds_alternative<SourceDescription>(*reader.next()));
  ck_assert_uint_eq(std::get<PictureLossIndication>(*reader.next()).media_ssrc, 3);
  ck_assert(!reader.next().has_value());
  ck_assert(reader.at_end());
}
END_TEST

START_TEST(a_cname_of_any_length_makes_a_valid_chunk) {
  for (std::size_t length = 0; length <= 255; ++length) {
    RtcpWriter writer;
    ck_assert(writer.add_cname(7, std::string(length, 'c')));
    ck_assert_uint_eq(writer.bytes().size() % 4, 0);
    ck_assert(RtcpReader::valid(writer.bytes()));
    ck_assert_uint_eq(writer.bytes().back(), 0);
  }
  RtcpWriter writer;
  ck_assert(!writer.add_cname(7, std::string(256, 'c')));
  ck_assert(writer.empty());
}
END_TEST

START_TEST(feedback_is_told_apart) {
  const Bytes nack = {0x81, 205, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 5, 0, 1};
  ck_assert_uint_eq(only<GenericNack>(nack).media_ssrc, 2);
  const Bytes fir = {0x84, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 1, 0, 0, 0};
  ck_assert_uint_eq(only<FullIntraRequest>(fir).entries[3], 9);
  const Bytes remb = {0x8f, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0};
  ck_assert_uint_eq(only<OtherRtcp>(remb).count_or_format, 15);
  const Bytes bye = {0x81, 203, 0, 1, 0, 0, 0, 1};
  ck_assert_uint_eq(only<Bye>(bye).ssrcs.size(), 4);
  const Bytes app = {0x80, 204, 0, 2, 0, 0, 0, 1, 'n', 'a', 'm', 'e'};
  ck_assert_uint_eq(only<OtherRtcp>(app).packet_type, 204);
}
END_TEST

START_TEST(malformed_packets_of_every_type_are_refused) {
  const std::vector<Bytes> broken = {
      {},
      {0x80, 201, 0},                                         // no header
      {0x40, 201, 0, 1, 0, 0, 0, 1},                          // version
      {0x80, 201, 0, 2, 0, 0, 0, 1},                          // longer than the datagram
      {0x80, 200, 0, 1, 0, 0, 0, 1},                          // SR without its sender part
      {0x81, 201, 0, 1, 0, 0, 0, 1},                          // RR without its block
      {0x80, 201, 0, 0},                                      // RR without SSRC
      {0x81, 202, 0, 1, 0, 0, 0, 1},                          // SDES chunk without an end
      {0x81, 202, 0, 2, 0, 0, 0, 1, 1, 9, 'a', 'b'},          // SDES item too long
      {0x82, 203, 0, 1, 0, 0, 0, 1},                          // BYE of two with one
      {0x81, 206, 0, 1, 0, 0, 0, 1},                          // PLI without media SSRC
      {0x84, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0},              // FIR without entries
      {0x84, 206, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1},  // FIR with half an entry
      {0x81, 205, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0},              // NACK without entries
      {0xa0, 201, 0, 1, 0, 0, 0, 9},                          // padding beyond the body
      {0xa0, 201, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0},              // padding of 0
      {0xa0, 201, 0, 2, 0, 0, 0, 1, 0, 0, 0, 4, 0x80, 201, 0, 1, 0, 0, 0, 1},  // not the last
  };
  for (std::size_t i = 0; i < broken.size(); ++i)
    ck_assert_msg(!RtcpReader::valid(broken[i]), "case %zu", i);
  ck_assert(RtcpReader::valid(Bytes{0xa0, 201, 0, 2, 0, 0, 0, 1, 0, 0, 0, 4}));
}
END_TEST

START_TEST(a_compound_is_bounded) {
  Bytes large;
  while (large.size() + 8 <= kMaxCompoundBytes)
    for (const int byte : {0x80, 201, 0, 1, 0, 0, 0, 1})
      large.push_back(static_cast<std::uint8_t>(byte));
  ck_assert(RtcpReader::valid(large));
  for (const int byte : {0x80, 201, 0, 1, 0, 0, 0, 1})
    large.push_back(static_cast<std::uint8_t>(byte));
  ck_assert(!RtcpReader::valid(large));
}
END_TEST

START_TEST(a_full_writer_adds_nothing) {
  RtcpWriter writer;
  while (writer.add_picture_loss(1, 2)) {
  }
  const Bytes before = copy(writer.bytes());
  ck_assert_uint_le(before.size(), RtcpWriter::kMaxBytes);
  ck_assert(!writer.add_receiver_report(1, std::vector<ReportBlock>(31)));
  ck_assert(!writer.add_cname(1, "name"));
  ck_assert(!writer.add_packet(Bytes(400)));
  ck_assert(copy(writer.bytes()) == before);
  ck_assert(RtcpReader::valid(before));
}
END_TEST

int main() {
  return parley::test::run(
      "rtcp", {reports_are_read_as_they_were_built, a_cname_of_any_length_makes_a_valid_chunk,
               feedback_is_told_apart, malformed_packets_of_every_type_are_refused,
               a_compound_is_bounded, a_full_writer_adds_nothing});
}
