#include "media/udp_socket.h"

#include <poll.h>

#include <optional>
#include <string>
#include <vector>

#include "media/addresses.h"

// After every C++ standard header: check.h defines `fail`.
#include "support/check_main.h"

namespace media = parley::media;
using parley::base::Endpoint;
using parley::base::IpAddress;
using parley::base::Path;

namespace {

IpAddress address(const char* text) { return *media::parse_address(text); }

media::UdpSocket open(const std::optional<IpAddress>& at) {
  auto socket = media::UdpSocket::open(at, 0);
  ck_assert_msg(socket.has_value(), "%s", socket ? "" : socket.error().message.c_str());
  return std::move(*socket);
}

// The next datagram, waited for.
media::ReceivedDatagram receive_one(media::ReceiveBatch& batch, const media::UdpSocket& socket) {
  pollfd poll_fd{socket.fd(), POLLIN, 0};
  ck_assert_int_eq(::poll(&poll_fd, 1, 5000), 1);
  const auto got = batch.receive(socket);
  ck_assert_uint_eq(got.size(), 1);
  return got[0];
}

constexpr std::uint8_t kHello[] = {1, 2, 3};

}  // namespace

START_TEST(answers_leave_from_the_address_that_was_hit) {
  const media::UdpSocket server = open(std::nullopt);  // IPv6 and IPv4 at once
  media::ReceiveBatch batch;
  for (const char* text : {"127.0.0.1", "127.0.0.5", "::1"}) {
    if (server.family() == AF_INET && !address(text).is_v4()) continue;
    const media::UdpSocket client = open(address(address(text).is_v4() ? "127.0.0.1" : "::1"));
    const Path there{*client.address(), Endpoint{address(text), server.port()}};
    ck_assert(client.send(there, kHello));
    const auto got = receive_one(batch, server);
    ck_assert(media::to_text(got.path.local) == text);
    ck_assert_uint_eq(got.path.remote.port, client.port());
    ck_assert(server.send(got.path, kHello));
    media::ReceiveBatch back;
    const auto answer = receive_one(back, client);
    ck_assert(media::to_text(answer.path.remote.address) == text);
    ck_assert_uint_eq(answer.path.remote.port, server.port());
  }
}
END_TEST

START_TEST(drops_what_is_larger_than_any_datagram_of_ours) {
  const media::UdpSocket server = open(address("127.0.0.1"));
  const media::UdpSocket client = open(address("127.0.0.1"));
  const Path there{*client.address(), Endpoint{address("127.0.0.1"), server.port()}};
  const std::vector<std::uint8_t> large(media::ReceiveBatch::kDatagramBytes + 1);
  ck_assert(client.send(there, large));
  ck_assert(client.send(there, kHello));
  media::ReceiveBatch batch;
  ck_assert_uint_eq(receive_one(batch, server).bytes.size(), sizeof kHello);
}
END_TEST

START_TEST(says_which_address_and_port_are_taken) {
  const media::UdpSocket first = open(address("127.0.0.1"));
  const auto second = media::UdpSocket::open(address("127.0.0.1"), first.port());
  ck_assert(!second.has_value());
  ck_assert(second.error().message.find("127.0.0.1") != std::string::npos);
  ck_assert(second.error().message.find(std::to_string(first.port())) != std::string::npos);
}
END_TEST

START_TEST(receives_a_full_batch_and_says_that_there_may_be_more) {
  const media::UdpSocket server = open(address("127.0.0.1"));
  const media::UdpSocket client = open(address("127.0.0.1"));
  const Path there{*client.address(), Endpoint{address("127.0.0.1"), server.port()}};
  const std::size_t count = media::ReceiveBatch::kDatagrams + 3;
  for (std::size_t i = 0; i < count; ++i) ck_assert(client.send(there, kHello));
  media::ReceiveBatch batch;
  ck_assert_uint_eq(batch.receive(server).size(), media::ReceiveBatch::kDatagrams);
  ck_assert(batch.filled());
  ck_assert_uint_eq(batch.receive(server).size(), 3);
  ck_assert(!batch.filled());
}
END_TEST

int main() {
  return parley::test::run("udp socket", {answers_leave_from_the_address_that_was_hit,
                                          drops_what_is_larger_than_any_datagram_of_ours,
                                          says_which_address_and_port_are_taken,
                                          receives_a_full_batch_and_says_that_there_may_be_more});
}
