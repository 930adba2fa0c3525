#include "peer_connection.h"

#include <arpa/inet.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base.h"

namespace parley::load {
namespace {

constexpr const char* kAddress = "127.0.0.1";
constexpr int kSocketBufferBytes = 2 << 20;
constexpr std::uint64_t kTransportCcIntervalNs = 100 * kMilliNs;

std::string shown_fingerprint(const DtlsIdentity& identity, bool flip) {
  std::string text = identity.fingerprint();
  if (flip) text.back() = text.back() == '0' ? '1' : '0';
  return text;
}

std::uint64_t arrival_time_ns(msghdr& header) {
  const cmsghdr* control = CMSG_FIRSTHDR(&header);
  if (control == nullptr || control->cmsg_type != SCM_TIMESTAMPNS) return 0;
  timespec t{};
  std::memcpy(&t, CMSG_DATA(control), sizeof t);
  return static_cast<std::uint64_t>(t.tv_sec) * kSecondNs + static_cast<std::uint64_t>(t.tv_nsec);
}

// Buffers for one recvmmsg, shared by all connections of the only thread.
struct ReceiveBatch {
  static constexpr std::size_t kDatagrams = 64;
  std::array<std::array<std::uint8_t, kMaxPacketBytes>, kDatagrams> data;
  std::array<std::array<char, 64>, kDatagrams> control;
  std::array<sockaddr_in, kDatagrams> from;
  std::array<iovec, kDatagrams> parts;
  std::array<mmsghdr, kDatagrams> messages;

  void reset() {
    for (std::size_t i = 0; i < kDatagrams; i++) {
      parts[i] = {data[i].data(), data[i].size()};
      msghdr& header = messages[i].msg_hdr;
      header = {};
      header.msg_name = &from[i];
      header.msg_namelen = sizeof from[i];
      header.msg_iov = &parts[i];
      header.msg_iovlen = 1;
      header.msg_control = control[i].data();
      header.msg_controllen = control[i].size();
    }
  }
};

}  // namespace

PeerCounters& PeerCounters::operator+=(const PeerCounters& other) {
  srtp_datagrams += other.srtp_datagrams;
  rtp_packets += other.rtp_packets;
  rtp_bytes += other.rtp_bytes;
  rtcp_packets += other.rtcp_packets;
  rtx_packets += other.rtx_packets;
  received_drops += other.received_drops;
  sent_drops += other.sent_drops;
  retransmitted += other.retransmitted;
  nacks_received += other.nacks_received;
  key_requests_received += other.key_requests_received;
  transport_cc_sent += other.transport_cc_sent;
  send_errors += other.send_errors;
  unprotect_failures += other.unprotect_failures;
  return *this;
}

PeerConnection::PeerConnection(EventLoop& loop, const DtlsIdentity& identity,
                               const PeerConnectionOptions& options, bool offering)
    : loop_(loop),
      options_(options),
      socket_(open_socket()),
      ice_(offering, options.allow_local_addresses,
           [this](std::span<const std::uint8_t> datagram, const sockaddr_in& to) {
             send_datagram(datagram, to);
           }),
      dtls_(
          identity,
          [this](std::span<const std::uint8_t> datagram) { send_datagram(datagram, ice_.peer()); }),
      negotiation_({ice_.ufrag(), ice_.pwd(), shown_fingerprint(identity, options.flip_fingerprint),
                    kAddress, socket_.port},
                   options.transport_cc) {
  loop.add(socket_.fd, EPOLLIN, *this);
  ice_.on_selected = [this] {
    dtls_.start(negotiation_.dtls_active(), negotiation_.remote().fingerprint);
  };
  dtls_.on_failed = [this](const std::string& why) { fail(why); };
  dtls_.on_connected = [this] {
    // Reports of many participants should not fall on one moment.
    next_reports_ns_ = monotonic_ns() + 200 * kMilliNs + random_u32() % 800 * kMilliNs;
    if (on_connected) on_connected();
  };
}

PeerConnection::Socket PeerConnection::open_socket() {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  inet_pton(AF_INET, kAddress, &address.sin_addr);
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    std::perror("a UDP socket on 127.0.0.1 (raise `ulimit -n` if there are too many files)");
    std::exit(3);
  }
  socklen_t size = sizeof address;
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kSocketBufferBytes, sizeof kSocketBufferBytes);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kSocketBufferBytes, sizeof kSocketBufferBytes);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
  return {fd, ntohs(address.sin_port)};
}

PeerConnection::~PeerConnection() {
  loop_.remove(socket_.fd);
  close(socket_.fd);
}

void PeerConnection::fail(const std::string& why) {
  if (failed_) return;
  failed_ = true;
  if (on_failed) on_failed(why);
}

void PeerConnection::apply_remote() {
  const RemoteTransport& remote = negotiation_.remote();
  if (!remote.ufrag.empty()) ice_.set_remote(remote.ufrag, remote.pwd, remote.lite);
  for (const std::string& candidate : remote.candidates) ice_.add_remote_candidate(candidate);
  for (const Kind kind : {Kind::kAudio, Kind::kVideo}) {
    const MediaLine* line = negotiation_.sending(kind);
    SentTrack& track = sent_[index_of(kind)];
    if (line == nullptr || track.ssrc == line->ssrc) continue;
    track = {};
    track.ssrc = line->ssrc;
    // Far from the wrap, so that SRTP's roll-over counter starts as both sides expect.
    track.sequence = static_cast<std::uint16_t>(random_u32() & 0x3fff);
    track.rtx_sequence = static_cast<std::uint16_t>(random_u32() & 0x3fff);
    if (kind == Kind::kVideo) track.history.resize(kHistory);
  }
}

void PeerConnection::accept_answer(const std::string& sdp) {
  if (const std::string why = negotiation_.accept_answer(sdp); !why.empty()) {
    fail(why);
    return;
  }
  apply_remote();
}

std::string PeerConnection::answer(const std::string& offer, bool send_audio, bool send_video) {
  std::string sdp = negotiation_.answer(offer, send_audio, send_video);
  apply_remote();
  return sdp;
}

void PeerConnection::add_remote_candidate(const std::string& text) {
  ice_.add_remote_candidate(text.substr(0, 2) == "a=" ? text.substr(2) : text);
}

void PeerConnection::send_datagram(std::span<const std::uint8_t> datagram, const sockaddr_in& to) {
  if (sendto(socket_.fd, datagram.data(), datagram.size(), MSG_NOSIGNAL,
             reinterpret_cast<const sockaddr*>(&to), sizeof to) < 0) {
    counters_.send_errors++;
  }
}

void PeerConnection::on_events(std::uint32_t /*events*/) {
  static ReceiveBatch batch;
  constexpr int kRounds = 8;  // then the other sockets have their turn
  for (int round = 0; round < kRounds; round++) {
    batch.reset();
    const int count = recvmmsg(socket_.fd, batch.messages.data(), ReceiveBatch::kDatagrams,
                               MSG_DONTWAIT, nullptr);
    for (int n = 0; n < count; n++) {
      const auto i = static_cast<std::size_t>(n);
      on_datagram({batch.data[i].data(), batch.messages[i].msg_len}, batch.from[i],
                  arrival_time_ns(batch.messages[i].msg_hdr));
    }
    if (count < static_cast<int>(ReceiveBatch::kDatagrams)) return;
  }
}

void PeerConnection::on_datagram(std::span<std::uint8_t> datagram, const sockaddr_in& from,
                                 std::uint64_t arrived_ns) {
  if (datagram.size() < kRtpHeaderBytes) return;
  const std::uint8_t first = datagram[0];  // RFC 7983, 7
  if (first >= 128 && first < 192) {
    counters_.srtp_datagrams++;
    if (datagram[1] >= 192 && datagram[1] <= 223) {
      on_rtcp(datagram);
    } else {
      on_rtp(datagram, arrived_ns);
    }
  } else if (first < 4) {
    ice_.on_stun(datagram, from);
  } else if (first >= 20 && first < 64) {
    dtls_.on_datagram(datagram);
  }
}

void PeerConnection::tick(std::uint64_t now_ns) {
  if (failed_) return;
  ice_.tick(now_ns);
  dtls_.tick();
  if (!connected()) return;
  if (now_ns >= next_reports_ns_) {
    send_reports(now_ns);
    request_missing_key_frames(now_ns);
    next_reports_ns_ = now_ns + 900 * kMilliNs + random_u32() % 200 * kMilliNs;
  }
  if (now_ns >= next_transport_cc_ns_) {
    send_transport_cc();
    next_transport_cc_ns_ = now_ns + kTransportCcIntervalNs;
  }
}

}  // namespace parley::load
