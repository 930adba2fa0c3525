#include "media/io_thread.h"

#include <fmt/format.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <limits>
#include <utility>

#include "base/overloaded.h"
#include "media/gso_sender.h"
#include "media/io_legs.h"
#include "media/io_taps.h"
#include "router/outbox.h"
#include "router/router.h"
#include "sdp/leg_session.h"

namespace parley::media {

namespace {

// Our choice: one batch of 128 packets fanned out to 8 receivers; more is sent in between.
constexpr std::size_t kOutboxSlots = 1024;
// Batches taken from one socket before the others and the mailbox get their turn.
constexpr int kBatchesInARow = 8;
// DTLS datagrams taken from one peer per tick. A handshake needs fewer than 20; each costs the
// control thread an allocation and a step of OpenSSL's.
constexpr std::uint32_t kDtlsPerTick = 40;

// epoll's keys of jobs' connections; below are the UDP sockets and the mailbox.
constexpr std::uint64_t kFirstConnectionKey = 1ULL << 32U;

// RFC 7983, section 7: what a datagram is, by its first byte.
enum class DatagramKind { kStun, kDtls, kRtp, kUnknown };
DatagramKind kind_of(std::span<const std::uint8_t> datagram) {
  if (datagram.empty()) return DatagramKind::kUnknown;
  const std::uint8_t first = datagram.front();
  if (first <= 3) return DatagramKind::kStun;
  if (first >= 20 && first <= 63) return DatagramKind::kDtls;
  if (first >= 128 && first <= 191) return DatagramKind::kRtp;
  return DatagramKind::kUnknown;
}

rtp::Codec codec_of(sdp::Codec codec) {
  switch (codec) {
    case sdp::Codec::kVp8:
      return rtp::Codec::kVp8;
    case sdp::Codec::kVp9:
      return rtp::Codec::kVp9;
    case sdp::Codec::kH264:
      return rtp::Codec::kH264;
    case sdp::Codec::kAv1:
      return rtp::Codec::kAv1;
    case sdp::Codec::kOpus:
      break;
  }
  return rtp::Codec::kOpus;
}

}  // namespace

base::TimePoint monotonic_now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return base::TimePoint(std::chrono::duration_cast<base::Duration>(
      std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec)));
}

// Everything here belongs to the I/O thread.
class IoThread::Loop {
 public:
  Loop(std::vector<UdpSocket> sockets, IoConfig config, std::function<void(IoReport)> on_report,
       std::shared_ptr<Inbox> inbox, IoCounters& counters, int epoll_fd)
      : sockets_(std::move(sockets)),
        config_(config),
        on_report_(std::move(on_report)),
        inbox_(std::move(inbox)),
        counters_(counters),
        epoll_fd_(epoll_fd),
        tick_(std::clamp<base::Duration>(config.silent_after / 8, std::chrono::milliseconds(10),
                                         std::chrono::milliseconds(500))),
        taps_(epoll_fd, kFirstConnectionKey, config.silent_after, on_report_) {
    outbox_.on_full([this](router::Outbox&) { send_outbox(); });
    for (const base::Kind kind : {base::Kind::kAudio, base::Kind::kVideo})
      for (const sdp::PayloadFormat& format : sdp::payload_formats(kind))
        router_.set_codec(format.payload_type, codec_of(format.codec));
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop() { close(epoll_fd_); }

  base::Result<void> watch();
  void run();

 private:
  void take_mail();
  void receive(const UdpSocket& socket);
  void on_datagram(const UdpSocket& socket, const ReceivedDatagram& datagram);
  void on_stun(const UdpSocket& socket, const ReceivedDatagram& datagram);
  void follow_path(IoLeg& leg, const UdpSocket& socket);
  void on_dtls(IoLeg& leg, std::span<const std::uint8_t> datagram);
  void note_authentic(IoLeg& leg);
  void on_tick();
  void send_outbox();
  [[nodiscard]] bool may_send_to(const IoLeg& leg) const;
  [[nodiscard]] int wait_ms() const;
  void publish();

  void handle(AddTransport& c);
  void handle(DropTransport& c);
  void handle(RestartIce& c);
  void handle(OpenGate& c);
  void handle(SendDtls& c);
  void handle(DropPort& c);

  std::vector<UdpSocket> sockets_;
  IoConfig config_;
  std::function<void(IoReport)> on_report_;
  std::shared_ptr<Inbox> inbox_;
  IoCounters& counters_;
  int epoll_fd_;
  base::Duration tick_;

  base::TimePoint now_;
  base::TimePoint next_tick_;
  bool running_ = true;
  std::vector<IoCommand> mail_;
  ReceiveBatch batch_;
  router::Outbox outbox_{kOutboxSlots};
  IoTaps taps_;
  router::Router router_{outbox_, &taps_};
  GsoSender sender_;
  IoLegs legs_;
  // What the router does not see. Plain here, published with its figures.
  std::uint64_t stun_failures_ = 0;
  std::uint64_t malformed_ = 0;
  std::uint64_t direct_drops_ = 0;  // STUN and DTLS the kernel did not take
};

base::Result<void> IoThread::Loop::watch() {
  const auto add = [this](int fd, std::uint64_t key) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = key;
    return epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) == 0;
  };
  bool good = add(inbox_->waker().fd(), sockets_.size());
  for (std::size_t i = 0; i < sockets_.size(); ++i) good = good && add(sockets_[i].fd(), i);
  if (!good)
    return base::fail(base::Code::kUnavailable,
                      fmt::format("cannot watch a socket: {}", strerrordesc_np(errno)));
  return {};
}

void IoThread::Loop::run() {
  std::array<epoll_event, 16> events{};
  next_tick_ = monotonic_now() + tick_;
  while (running_) {
    now_ = monotonic_now();
    const int ready = epoll_wait(epoll_fd_, events.data(), events.size(), wait_ms());
    now_ = monotonic_now();
    for (int i = 0; i < ready; ++i) {
      const std::uint64_t key = events[static_cast<std::size_t>(i)].data.u64;
      if (key < sockets_.size()) receive(sockets_[key]);
      if (key >= kFirstConnectionKey) taps_.on_ready(key, router_, now_);
    }
    take_mail();
    const auto deadline = router_.deadline();
    if (deadline && *deadline <= now_) router_.on_timer(now_);
    if (next_tick_ <= now_) on_tick();
    send_outbox();
    publish();
  }
}

int IoThread::Loop::wait_ms() const {
  base::TimePoint until = next_tick_;
  if (const auto deadline = router_.deadline()) until = std::min(until, *deadline);
  if (const auto flush = taps_.flush_at()) until = std::min(until, *flush);
  if (until <= now_) return 0;
  // Rounded up: a wait that ends early would spin.
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(until - now_).count());
}

void IoThread::Loop::take_mail() {
  inbox_->take(mail_);
  for (IoCommand& command : mail_) {
    std::visit(base::Overloaded{
                   [this](SetIncoming& c) { router_.set_incoming(c.leg, std::move(c.tracks)); },
                   [this](SetOutgoing& c) { router_.set_outgoing(c.leg, c.tracks, c.ended); },
                   [this](SetFeed& c) { router_.feed(c.stream, c.leg); },
                   [this](SetMute& c) { router_.mute(c.stream, c.audio_muted, c.video_muted); },
                   [this](ForgetStream& c) { router_.forget(c.stream); },
                   [this](AddPort& c) { taps_.add_port(c.leg, router_); },
                   [this](AddTap& c) { taps_.add(std::move(c), router_); },
                   [this](AddInjection& c) { taps_.add(std::move(c), now_); },
                   [this](EndConnection& c) { taps_.end(c.id, router_); },
                   [this](StopIo&) { running_ = false; },
                   [this](auto& c) { handle(c); },
               },
               command);
  }
  mail_.clear();
}

void IoThread::Loop::handle(AddTransport& c) {
  if (legs_.find(c.id.leg) != nullptr) router_.remove_leg(c.id.leg);
  IoLeg& leg = legs_.add(c.id, std::move(c.credentials));
  leg.dtls_allowance = kDtlsPerTick;
  router_.add_leg(c.id.leg);
}

void IoThread::Loop::handle(DropTransport& c) {
  if (legs_.find(c.id) != nullptr) {
    router_.remove_leg(c.id.leg);
    outbox_.discard(c.id.leg);
    legs_.remove(c.id.leg);
  }
  on_report_(TransportDropped{c.id});
}

void IoThread::Loop::handle(RestartIce& c) {
  if (IoLeg* leg = legs_.find(c.id)) legs_.restart_ice(*leg, std::move(c.credentials));
}

void IoThread::Loop::handle(OpenGate& c) {
  if (legs_.find(c.id) != nullptr) router_.open_gate(c.id.leg, std::move(c.in), std::move(c.out));
}

void IoThread::Loop::handle(SendDtls& c) {
  const IoLeg* leg = legs_.find(c.id);
  if (leg == nullptr || !may_send_to(*leg)) return;
  if (!leg->socket->send(leg->destination.path, c.datagram)) ++direct_drops_;
}

void IoThread::Loop::handle(DropPort& c) {
  taps_.drop_port(c.leg, router_);
  on_report_(TransportDropped{{c.leg, 0}});
}

void IoThread::Loop::receive(const UdpSocket& socket) {
  for (int i = 0; i < kBatchesInARow; ++i) {
    for (const ReceivedDatagram& datagram : batch_.receive(socket)) on_datagram(socket, datagram);
    send_outbox();
    if (!batch_.filled()) return;
    now_ = monotonic_now();
  }
}

void IoThread::Loop::on_datagram(const UdpSocket& socket, const ReceivedDatagram& datagram) {
  const DatagramKind kind = kind_of(datagram.bytes);
  if (kind == DatagramKind::kStun) return on_stun(socket, datagram);
  IoLeg* leg = legs_.find_source(datagram.path.remote);
  // From where no authentic check came it is a stray, or an attempt to inject. A peer sends on a
  // path as soon as its checks there are answered, and nominates it a moment later (RFC
  // 8445, 12.2).
  if (leg == nullptr || leg->socket == nullptr) return;
  switch (kind) {
    case DatagramKind::kRtp:
      if (router_.on_datagram(leg->id.leg, datagram.bytes, now_)) note_authentic(*leg);
      break;
    case DatagramKind::kDtls:
      on_dtls(*leg, datagram.bytes);
      break;
    default:
      ++malformed_;
  }
}

void IoThread::Loop::on_stun(const UdpSocket& socket, const ReceivedDatagram& datagram) {
  const auto ufrag = ice::requested_ufrag(datagram.bytes);
  IoLeg* leg = ufrag ? legs_.find_ufrag(*ufrag) : nullptr;
  if (leg == nullptr) return;
  std::array<std::uint8_t, ice::kMaxResponseBytes> response;
  const ice::Handled handled = leg->agent.handle(datagram.bytes, datagram.path, now_, response);
  if (handled.response_bytes != 0 &&
      !socket.send(datagram.path, std::span(response).first(handled.response_bytes)))
    ++direct_drops_;
  if (handled.malformed) ++malformed_;
  if (!handled.authentic) {
    if (!handled.malformed) ++stun_failures_;
    return;
  }
  note_authentic(*leg);
  legs_.claim(*leg, datagram.path.remote, now_);
  if (handled.path_changed) follow_path(*leg, socket);
}

void IoThread::Loop::follow_path(IoLeg& leg, const UdpSocket& socket) {
  const bool first = leg.socket == nullptr;
  leg.destination = {*leg.agent.selected(), true};
  leg.socket = &socket;
  if (first) on_report_(PathSelected{leg.id});
}

void IoThread::Loop::on_dtls(IoLeg& leg, std::span<const std::uint8_t> datagram) {
  if (leg.dtls_allowance == 0) return;
  --leg.dtls_allowance;
  on_report_(DtlsReceived{leg.id, {datagram.begin(), datagram.end()}});
}

void IoThread::Loop::note_authentic(IoLeg& leg) {
  leg.last_authentic = now_;
  leg.heard = true;
  if (!leg.silent) return;
  leg.silent = false;
  on_report_(BecameAudible{leg.id});
}

void IoThread::Loop::on_tick() {
  next_tick_ = now_ + tick_;
  taps_.on_tick(now_);
  legs_.for_each([this](IoLeg& leg) {
    leg.dtls_allowance = kDtlsPerTick;
    if (!leg.heard || leg.silent || now_ - leg.last_authentic < config_.silent_after) return;
    leg.silent = true;
    on_report_(FellSilent{leg.id});
  });
}

bool IoThread::Loop::may_send_to(const IoLeg& leg) const {
  const auto last = leg.agent.last_request();
  return leg.socket != nullptr && last && now_ - *last < config_.consent;
}

void IoThread::Loop::send_outbox() {
  taps_.flush_due(now_);
  if (outbox_.empty()) return;
  outbox_.for_each_leg([this](LegId id, std::span<const router::Outbox::Datagram> datagrams) {
    IoLeg* leg = legs_.find(id);
    if (leg != nullptr && may_send_to(*leg)) sender_.add(*leg->socket, leg->destination, datagrams);
  });
  sender_.flush();
  outbox_.clear();
}

void IoThread::Loop::publish() {
  const auto set = [](std::atomic<std::uint64_t>& counter, std::uint64_t value) {
    counter.store(value, std::memory_order_relaxed);
  };
  const router::RouterStats& routed = router_.stats();
  const GsoSender::Stats& sent = sender_.stats();
  set(counters_.packets_in, routed.packets_in);
  set(counters_.bytes_in, routed.bytes_in);
  set(counters_.packets_out, sent.packets);
  set(counters_.bytes_out, sent.bytes);
  set(counters_.auth_failures, routed.auth_failures + stun_failures_);
  set(counters_.replays, routed.replays);
  set(counters_.malformed, routed.malformed + malformed_);
  set(counters_.send_drops, sent.dropped + direct_drops_ + routed.outbox_drops);
  set(counters_.keyframe_requests, routed.keyframe_requests);
  set(counters_.nacked, routed.nacked);
  const IoTaps::Stats& taps = taps_.stats();
  set(counters_.tap_packets, taps.packets);
  set(counters_.tap_drops, taps.drops);
  set(counters_.injected, taps.injected);
  set(counters_.injected_drops, taps.injected_drops);
}

IoThread::IoThread(std::shared_ptr<Inbox> inbox) : inbox_(std::move(inbox)) {}

base::Result<std::unique_ptr<IoThread>> IoThread::start(std::vector<UdpSocket> sockets,
                                                        IoConfig config,
                                                        std::function<void(IoReport)> on_report) {
  auto waker = wrap::EventFdWaker::create();
  if (!waker) return tl::unexpected(waker.error());
  const int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd < 0)
    return base::fail(base::Code::kUnavailable,
                      fmt::format("no epoll: {}", strerrordesc_np(errno)));
  std::unique_ptr<IoThread> io(new IoThread(std::make_shared<Inbox>(std::move(*waker))));
  io->loop_ = std::make_unique<Loop>(std::move(sockets), config, std::move(on_report), io->inbox_,
                                     io->counters_, epoll_fd);
  if (auto watched = io->loop_->watch(); !watched) return tl::unexpected(watched.error());
  io->thread_ = std::thread([loop = io->loop_.get()] {
    pthread_setname_np(pthread_self(), "parley-io");
    loop->run();
  });
  return io;
}

IoThread::~IoThread() {
  if (!thread_.joinable()) return;
  inbox_->post(StopIo{});
  thread_.join();
}

}  // namespace parley::media
