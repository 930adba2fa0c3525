#include "media/gso_sender.h"

#include <poll.h>

#include <numeric>
#include <optional>
#include <vector>

#include "media/addresses.h"
#include "media/udp_socket.h"

// After every C++ standard header: check.h defines `fail`.
#include "support/check_main.h"

namespace media = parley::media;
using parley::base::Endpoint;
using parley::base::Path;

namespace {

using Bytes = std::vector<std::uint8_t>;

media::UdpSocket open(const char* at) {
  auto socket = media::UdpSocket::open(media::parse_address(at), 0);
  ck_assert_msg(socket.has_value(), "%s", socket ? "" : socket.error().message.c_str());
  return std::move(*socket);
}

media::GsoSender::Destination to(const media::UdpSocket& from, const media::UdpSocket& target) {
  return {Path{*from.address(), Endpoint{*target.address(), target.port()}}, true};
}

// Datagrams of these sizes, each filled with its number.
std::vector<Bytes> datagrams(const std::vector<std::size_t>& sizes) {
  std::vector<Bytes> out;
  out.reserve(sizes.size());
  for (const std::size_t size : sizes)
    out.emplace_back(size, static_cast<std::uint8_t>(out.size()));
  return out;
}

std::vector<media::GsoSender::Datagram> views(const std::vector<Bytes>& bytes) {
  return {bytes.begin(), bytes.end()};
}

std::vector<Bytes> receive_all(const media::UdpSocket& socket, std::size_t count) {
  media::ReceiveBatch batch;
  std::vector<Bytes> out;
  while (out.size() < count) {
    pollfd poll_fd{socket.fd(), POLLIN, 0};
    if (::poll(&poll_fd, 1, 5000) != 1) break;
    for (const auto& d : batch.receive(socket)) out.emplace_back(d.bytes.begin(), d.bytes.end());
  }
  return out;
}

void check_round_trip(const char* address, const std::vector<std::size_t>& sizes,
                      std::uint64_t pieces) {
  const media::UdpSocket from = open(address);
  const media::UdpSocket target = open(address);
  auto destination = to(from, target);
  const auto sent = datagrams(sizes);
  media::GsoSender sender;
  sender.add(from, destination, views(sent));
  sender.flush();
  ck_assert(receive_all(target, sent.size()) == sent);
  ck_assert_uint_eq(sender.stats().packets, sent.size());
  ck_assert_uint_eq(sender.stats().bytes,
                    std::accumulate(sizes.begin(), sizes.end(), std::uint64_t{0}));
  ck_assert_uint_eq(sender.stats().dropped, 0);
  ck_assert_uint_eq(sender.stats().pieces, pieces);
}

}  // namespace

START_TEST(equal_sizes_and_a_shorter_last_one_are_one_piece) {
  check_round_trip("127.0.0.1", {1000, 1000, 1000, 300}, 1);
  check_round_trip("::1", {1000, 1000, 1000, 300}, 1);
}
END_TEST

START_TEST(a_longer_one_begins_a_new_piece) {
  check_round_trip("127.0.0.1", {100, 1000, 1000, 100, 100, 200}, 4);
}
END_TEST

START_TEST(a_piece_has_at_most_64_segments_and_65507_bytes) {
  check_round_trip("127.0.0.1", std::vector<std::size_t>(130, 100), 3);
  check_round_trip("127.0.0.1", std::vector<std::size_t>(64, 1500), 2);
}
END_TEST

START_TEST(more_than_fits_goes_out_in_between_in_order) {
  std::vector<std::size_t> sizes;
  for (std::size_t i = 0; i < 600; ++i) sizes.push_back(10 + i);  // growing: no two in one piece
  check_round_trip("127.0.0.1", sizes, 600);
}
END_TEST

// A socket without checksums cannot do GSO: the kernel answers EINVAL.
START_TEST(sends_singly_where_gso_is_refused_and_remembers_it) {
  const media::UdpSocket from = open("127.0.0.1");
  const media::UdpSocket target = open("127.0.0.1");
  const int on = 1;
  ck_assert_int_eq(setsockopt(from.fd(), SOL_SOCKET, SO_NO_CHECK, &on, sizeof on), 0);
  auto destination = to(from, target);
  const auto sent = datagrams({500, 500, 500});
  media::GsoSender sender;
  sender.add(from, destination, views(sent));
  sender.flush();
  ck_assert(receive_all(target, 3) == sent);
  ck_assert(!destination.gso_works);
  ck_assert_uint_eq(sender.stats().packets, 3);
  ck_assert_uint_eq(sender.stats().dropped, 0);
  sender.add(from, destination, views(sent));
  sender.flush();
  ck_assert(receive_all(target, 3) == sent);
  ck_assert_uint_eq(sender.stats().pieces, 6);
}
END_TEST

START_TEST(one_refused_destination_does_not_stop_the_others) {
  const media::UdpSocket from = open("127.0.0.1");
  const media::UdpSocket target = open("127.0.0.1");
  // No route leads from loopback to a documentation address (RFC 5737).
  media::GsoSender::Destination bad = to(from, target);
  bad.path.remote.address = *media::parse_address("192.0.2.200");
  auto good = to(from, target);
  const auto sent = datagrams({200, 200});
  media::GsoSender sender;
  sender.add(from, bad, views(sent));
  sender.add(from, good, views(sent));
  sender.flush();
  ck_assert(receive_all(target, 2) == sent);
  ck_assert_uint_eq(sender.stats().packets, 2);
  ck_assert_uint_eq(sender.stats().dropped, 2);
}
END_TEST

int main() {
  return parley::test::run(
      "gso sender",
      {equal_sizes_and_a_shorter_last_one_are_one_piece, a_longer_one_begins_a_new_piece,
       a_piece_has_at_most_64_segments_and_65507_bytes, more_than_fits_goes_out_in_between_in_order,
       sends_singly_where_gso_is_refused_and_remembers_it,
       one_refused_destination_does_not_stop_the_others});
}
