#include "media/gso_sender.h"

#include <netinet/udp.h>

#include <cerrno>
#include <cstring>

#include "media/addresses.h"

namespace parley::media {

namespace {

// How many datagrams from the front make one piece: equal sizes, the last may be shorter.
std::size_t piece_length(std::span<const GsoSender::Datagram> datagrams, bool gso) {
  if (!gso) return 1;
  const std::size_t size = datagrams.front().size();
  std::size_t bytes = size;
  std::size_t count = 1;
  while (count < datagrams.size() && count < GsoSender::kMaxSegments) {
    const std::size_t next = datagrams[count].size();
    if (next > size || next == 0 || bytes + next > GsoSender::kMaxPieceBytes) break;
    bytes += next;
    ++count;
    if (next < size) break;
  }
  return count;
}

}  // namespace

GsoSender::GsoSender() : pieces_(kPieces), headers_(kPieces), vectors_(kVectors) {}

void GsoSender::add(const UdpSocket& socket, Destination& destination,
                    std::span<const Datagram> datagrams) {
  if (socket_ != &socket) flush();
  socket_ = &socket;
  while (!datagrams.empty()) {
    if (datagrams.front().empty()) {
      datagrams = datagrams.subspan(1);
      continue;
    }
    const std::size_t count = piece_length(datagrams, destination.gso_works);
    if (pieces_used_ == kPieces || vectors_used_ + count > kVectors) {
      flush();
      continue;  // the destination may have lost GSO on the way
    }
    add_piece(destination, datagrams.first(count));
    datagrams = datagrams.subspan(count);
  }
}

void GsoSender::add_piece(Destination& destination, std::span<const Datagram> segments) {
  Piece& piece = pieces_[pieces_used_];
  msghdr& message = headers_[pieces_used_].msg_hdr;
  ++pieces_used_;
  piece.destination = &destination;
  piece.bytes = 0;
  message = {};
  message.msg_iov = &vectors_[vectors_used_];
  message.msg_iovlen = segments.size();
  for (const Datagram& segment : segments) {
    // sendmmsg does not write through iov_base.
    vectors_[vectors_used_++] = {const_cast<std::uint8_t*>(segment.data()), segment.size()};
    piece.bytes += segment.size();
  }
  message.msg_name = &piece.to;
  message.msg_namelen = to_sockaddr(destination.path.remote, socket_->family(), piece.to);
  message.msg_control = piece.control.data();
  std::size_t used =
      write_packet_info(destination.path.local, socket_->family(), piece.control.data());
  if (segments.size() > 1) {
    const auto segment_bytes = static_cast<std::uint16_t>(segments.front().size());
    auto* header = reinterpret_cast<cmsghdr*>(&piece.control[used]);
    header->cmsg_level = IPPROTO_UDP;
    header->cmsg_type = UDP_SEGMENT;
    header->cmsg_len = CMSG_LEN(sizeof segment_bytes);
    std::memcpy(CMSG_DATA(header), &segment_bytes, sizeof segment_bytes);
    used += CMSG_SPACE(sizeof segment_bytes);
  }
  message.msg_controllen = used;
}

void GsoSender::flush() {
  std::size_t done = 0;
  while (done < pieces_used_) {
    const int sent =
        sendmmsg(socket_->fd(), &headers_[done], static_cast<unsigned>(pieces_used_ - done),
                 MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) {
      for (int i = 0; i < sent; ++i) count_sent(done++);
    } else if (errno != EINTR) {  // about the first of them
      handle_refusal(done++, errno);
    }
  }
  pieces_used_ = 0;
  vectors_used_ = 0;
}

void GsoSender::count_sent(std::size_t index) {
  stats_.packets += headers_[index].msg_hdr.msg_iovlen;
  stats_.bytes += pieces_[index].bytes;
  ++stats_.pieces;
}

void GsoSender::handle_refusal(std::size_t index, int error) {
  const msghdr& message = headers_[index].msg_hdr;
  const bool no_gso = error == EMSGSIZE || error == EIO || error == EINVAL;
  if (message.msg_iovlen > 1 && no_gso) {
    pieces_[index].destination->gso_works = false;
    send_singly(message);
  } else {
    stats_.dropped += message.msg_iovlen;
  }
}

void GsoSender::send_singly(const msghdr& piece) {
  msghdr single = piece;
  single.msg_iovlen = 1;
  // Without UDP_SEGMENT, which stands behind the packet info.
  single.msg_controllen = CMSG_ALIGN(CMSG_FIRSTHDR(&piece)->cmsg_len);
  for (std::size_t i = 0; i < piece.msg_iovlen; ++i) {
    single.msg_iov = piece.msg_iov + i;
    if (sendmsg(socket_->fd(), &single, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
      ++stats_.packets;
      ++stats_.pieces;
      stats_.bytes += single.msg_iov->iov_len;
    } else {
      ++stats_.dropped;
    }
  }
}

}  // namespace parley::media
