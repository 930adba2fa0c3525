#include "media/udp_socket.h"

#include <fmt/format.h>
#include <netinet/ip.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "media/addresses.h"

namespace parley::media {

namespace {

// Our choice: half a second of 100 Mbit/s, so that a busy core loses nothing while it is away.
constexpr int kBufferBytes = 8 * 1024 * 1024;

// Beyond net.core.[rw]mem_max where the process may (CAP_NET_ADMIN), else up to it.
void raise_buffer(int fd, int forced, int plain) {
  if (setsockopt(fd, SOL_SOCKET, forced, &kBufferBytes, sizeof kBufferBytes) != 0)
    setsockopt(fd, SOL_SOCKET, plain, &kBufferBytes, sizeof kBufferBytes);
}

bool turn_on(int fd, int level, int option) {
  const int on = 1;
  return setsockopt(fd, level, option, &on, sizeof on) == 0;
}

// IPv4 datagrams on a dual-stack socket report their address through IPV6_PKTINFO too, mapped.
bool configure(int fd, int family, bool wildcard) {
  if (family == AF_INET) return turn_on(fd, IPPROTO_IP, IP_PKTINFO);
  const int only_v6 = wildcard ? 0 : 1;
  return setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only_v6, sizeof only_v6) == 0 &&
         turn_on(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO);
}

}  // namespace

base::Result<UdpSocket> UdpSocket::open(const std::optional<base::IpAddress>& address,
                                        std::uint16_t port) {
  const bool want_v4 = address && address->is_v4();
  int family = want_v4 ? AF_INET : AF_INET6;
  int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  base::IpAddress bind_to = address.value_or(base::IpAddress{});
  const auto failed = [&](int error) {
    return base::fail(
        base::Code::kUnavailable,
        fmt::format("cannot listen on UDP {} port {}: {}",
                    address ? to_text(*address) : "(all addresses)", port, strerrordesc_np(error)));
  };
  sockaddr_in6 name{};
  socklen_t size = to_sockaddr({bind_to, port}, family, name);
  const auto bind_now = [&] {
    return configure(fd, family, !address) &&
           bind(fd, reinterpret_cast<const sockaddr*>(&name), size) == 0;
  };
  int error = 0;
  bool bound = fd >= 0 && bind_now();
  if (!bound) error = errno;
  if (!bound && !address && error != EADDRINUSE) {  // a host without IPv6
    if (fd >= 0) close(fd);
    family = AF_INET;
    fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    size = to_sockaddr({address_of(in_addr{}), port}, family, name);
    bound = fd >= 0 && bind_now();
    if (!bound) error = errno;
  }
  if (fd < 0) return failed(error);
  UdpSocket out(fd, family, address);
  if (!bound) return failed(error);
  raise_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF);
  raise_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF);
  size = sizeof name;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) != 0) return failed(errno);
  out.port_ = endpoint_of(reinterpret_cast<const sockaddr&>(name)).value_or(base::Endpoint{}).port;
  return out;
}

UdpSocket::UdpSocket(UdpSocket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      family_(other.family_),
      port_(other.port_),
      address_(other.address_) {}

UdpSocket::~UdpSocket() {
  if (fd_ >= 0) close(fd_);
}

std::size_t write_packet_info(const base::IpAddress& local, int family, std::uint8_t* at) {
  auto* header = reinterpret_cast<cmsghdr*>(at);
  if (family == AF_INET) {
    in_pktinfo info{};
    info.ipi_spec_dst = to_v4(local);
    header->cmsg_level = IPPROTO_IP;
    header->cmsg_type = IP_PKTINFO;
    header->cmsg_len = CMSG_LEN(sizeof info);
    std::memcpy(CMSG_DATA(header), &info, sizeof info);
    return CMSG_SPACE(sizeof info);
  }
  in6_pktinfo info{};
  info.ipi6_addr = to_v6(local);
  header->cmsg_level = IPPROTO_IPV6;
  header->cmsg_type = IPV6_PKTINFO;
  header->cmsg_len = CMSG_LEN(sizeof info);
  std::memcpy(CMSG_DATA(header), &info, sizeof info);
  return CMSG_SPACE(sizeof info);
}

bool UdpSocket::send(const base::Path& path, std::span<const std::uint8_t> datagram) const {
  sockaddr_in6 to{};
  alignas(cmsghdr) std::array<std::uint8_t, kPacketInfoBytes> control{};
  // sendmsg does not write through iov_base.
  iovec io{const_cast<std::uint8_t*>(datagram.data()), datagram.size()};
  msghdr message{};
  message.msg_name = &to;
  message.msg_namelen = to_sockaddr(path.remote, family_, to);
  message.msg_iov = &io;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = write_packet_info(path.local, family_, control.data());
  return sendmsg(fd_, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

namespace {

std::optional<base::IpAddress> local_address_of(msghdr& message) {
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
      in_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(c), sizeof info);
      return address_of(info.ipi_spec_dst);
    }
    if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(c), sizeof info);
      return address_of(info.ipi6_addr);
    }
  }
  return std::nullopt;
}

}  // namespace

ReceiveBatch::ReceiveBatch() : slots_(kDatagrams) {
  received_.reserve(kDatagrams);
  for (std::size_t i = 0; i < kDatagrams; ++i) {
    slots_[i].io = {slots_[i].bytes.data(), slots_[i].bytes.size()};
    headers_[i].msg_hdr.msg_iov = &slots_[i].io;
    headers_[i].msg_hdr.msg_iovlen = 1;
  }
}

std::span<const ReceivedDatagram> ReceiveBatch::receive(const UdpSocket& socket) {
  received_.clear();
  for (std::size_t i = 0; i < kDatagrams; ++i) {  // the kernel writes the lengths over
    msghdr& message = headers_[i].msg_hdr;
    message.msg_name = &slots_[i].from;
    message.msg_namelen = sizeof slots_[i].from;
    message.msg_control = slots_[i].control.data();
    message.msg_controllen = slots_[i].control.size();
  }
  const int got = recvmmsg(socket.fd(), headers_.data(), kDatagrams, MSG_DONTWAIT, nullptr);
  filled_ = got == static_cast<int>(kDatagrams);
  for (int n = 0; n < got; ++n) {
    const auto i = static_cast<std::size_t>(n);
    msghdr& message = headers_[i].msg_hdr;
    if ((message.msg_flags & MSG_TRUNC) != 0) continue;
    const auto remote = endpoint_of(reinterpret_cast<const sockaddr&>(slots_[i].from));
    const auto local = local_address_of(message);
    if (!remote || !local) continue;
    received_.push_back({{slots_[i].bytes.data(), headers_[i].msg_len}, {*local, *remote}});
  }
  return received_;
}

}  // namespace parley::media
