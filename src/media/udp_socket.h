// A UDP socket that knows on which of its addresses a datagram arrived, and the memory to receive
// many datagrams in one system call.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/endpoint.h"
#include "base/result.h"

namespace parley::media {

// Non-blocking. Thread-compatible.
class UdpSocket {
 public:
  // Bound to `address`, or with nullopt to the wildcard: IPv6 and IPv4 together, or IPv4 alone on a
  // host without IPv6. `port` 0: any free one. kUnavailable with address, port and reason.
  [[nodiscard]] static base::Result<UdpSocket> open(const std::optional<base::IpAddress>& address,
                                                    std::uint16_t port);
  UdpSocket(UdpSocket&& other) noexcept;
  UdpSocket& operator=(UdpSocket&&) = delete;
  UdpSocket(const UdpSocket&) = delete;
  UdpSocket& operator=(const UdpSocket&) = delete;
  ~UdpSocket();

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] int family() const { return family_; }  // AF_INET or AF_INET6
  [[nodiscard]] std::uint16_t port() const { return port_; }
  // The address it is bound to; nullopt: the wildcard.
  [[nodiscard]] const std::optional<base::IpAddress>& address() const { return address_; }

  // One datagram along `path`, its source being path.local; false when the kernel did not take it.
  bool send(const base::Path& path, std::span<const std::uint8_t> datagram) const;

 private:
  UdpSocket(int fd, int family, std::optional<base::IpAddress> address)
      : fd_(fd), family_(family), address_(address) {}
  int fd_ = -1;
  int family_ = AF_INET6;
  std::uint16_t port_ = 0;
  std::optional<base::IpAddress> address_;
};

// Room for the control message that names our own address, for sendmsg and recvmsg alike.
inline constexpr std::size_t kPacketInfoBytes = CMSG_SPACE(sizeof(in6_pktinfo));
// Writes that control message at `at`: a datagram leaves from the very address that was hit.
// Returns the bytes used, a multiple of the alignment of cmsghdr.
std::size_t write_packet_info(const base::IpAddress& local, int family, std::uint8_t* at);

struct ReceivedDatagram {
  std::span<std::uint8_t> bytes;
  base::Path path;
};

// Memory for recvmmsg, made once.
class ReceiveBatch {
 public:
  static constexpr std::size_t kDatagrams = 128;
  // Above any datagram a peer has a reason to send; what is longer is cut and dropped.
  static constexpr std::size_t kDatagramBytes = 2048;

  ReceiveBatch();
  // What has arrived, at most kDatagrams; valid until the next call. Empty: nothing is there.
  [[nodiscard]] std::span<const ReceivedDatagram> receive(const UdpSocket& socket);
  // Whether the last receive() filled the batch, so that there may be more.
  [[nodiscard]] bool filled() const { return filled_; }

 private:
  struct Slot {
    std::array<std::uint8_t, kDatagramBytes> bytes;
    alignas(cmsghdr) std::array<std::uint8_t, 2 * kPacketInfoBytes> control;
    sockaddr_in6 from;
    iovec io;
  };
  std::vector<Slot> slots_;
  std::array<mmsghdr, kDatagrams> headers_{};
  std::vector<ReceivedDatagram> received_;
  bool filled_ = false;
};

}  // namespace parley::media
