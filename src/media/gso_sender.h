// Sends many datagrams to many peers in few system calls.
//
// Datagrams of one peer that have the same size go to the kernel as one piece with UDP GSO
// (UDP_SEGMENT), which halves the cost of a forwarded packet; the pieces of all peers go in one
// sendmmsg. GSO does not work on every way out (a device without checksum offload gives EIO, a
// small path MTU EMSGSIZE or EINVAL): then datagrams are sent one by one, and so from then on.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/endpoint.h"
#include "media/udp_socket.h"

namespace parley::media {

// Owned by the I/O thread. Never allocates after construction.
class GsoSender {
 public:
  using Datagram = std::span<const std::uint8_t>;
  // Segments per piece: UDP_MAX_SEGMENTS of the kernels that have the lowest.
  static constexpr std::size_t kMaxSegments = 64;
  // Payload of the largest UDP datagram over IPv4, which a piece must not exceed.
  static constexpr std::size_t kMaxPieceBytes = 65'507;

  struct Destination {
    base::Path path;
    bool gso_works = true;  // cleared here; set it again when the path changes
  };
  struct Stats {
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;
    std::uint64_t dropped = 0;  // the kernel had no room, or refused
    std::uint64_t pieces = 0;   // messages handed to the kernel
  };

  GsoSender();

  // Queues datagrams, in order. They and `destination` must stay where they are until flush(),
  // which this may call by itself when there is no room left. Empty datagrams are left out.
  void add(const UdpSocket& socket, Destination& destination, std::span<const Datagram> datagrams);
  void flush();

  [[nodiscard]] const Stats& stats() const { return stats_; }

 private:
  static constexpr std::size_t kPieces = 256;
  static constexpr std::size_t kVectors = 1024;
  struct Piece {
    Destination* destination;
    std::size_t bytes;
    sockaddr_in6 to;
    alignas(cmsghdr)
        std::array<std::uint8_t, kPacketInfoBytes + CMSG_SPACE(sizeof(std::uint16_t))> control;
  };

  void add_piece(Destination& destination, std::span<const Datagram> segments);
  void send_singly(const msghdr& piece);
  void count_sent(std::size_t index);
  void handle_refusal(std::size_t index, int error);

  const UdpSocket* socket_ = nullptr;  // of everything that is queued
  std::vector<Piece> pieces_;
  std::vector<mmsghdr> headers_;
  std::vector<iovec> vectors_;
  std::size_t pieces_used_ = 0;
  std::size_t vectors_used_ = 0;
  Stats stats_;
};

}  // namespace parley::media
