#include "media/io_taps.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/overloaded.h"

namespace parley::media {

namespace {

// Our choice: two batches of received datagrams; more is sent in between.
constexpr std::size_t kBoxSlots = 256;
// Our choices: a tenth of the time that pipelines wait for packets in order where somebody listens
// or looks, and half of the time after which the patient look for packets again.
constexpr base::Duration kPromptGather = std::chrono::milliseconds(20);
constexpr base::Duration kPatientGather = std::chrono::milliseconds(50);
// Frames taken from one job before the others and the network get their turn.
constexpr int kFramesInARow = 32;
// Packets one injection may send: 40 Mbit/s in 1200-byte packets, and a key frame of 1 MB at once.
constexpr double kInjectedPerSecond = 4'000;
constexpr double kInjectedBurst = 1'000;

bool is_packet(router::Outbox::Datagram frame) { return tap::is_packet(frame); }

}  // namespace

IoTaps::Lane::Lane(base::Duration longest) : box(kBoxSlots), gather(longest) {}

IoTaps::IoTaps(int epoll_fd, std::uint64_t first_key, base::Duration silent_after,
               std::function<void(IoReport)> on_report)
    : epoll_fd_(epoll_fd),
      first_key_(first_key),
      silent_after_(silent_after),
      on_report_(std::move(on_report)),
      lanes_{Lane(kPromptGather), Lane(kPatientGather), Lane(kPatientGather), Lane(kPatientGather),
             Lane(kPatientGather)} {
  for (Lane& lane : lanes_) lane.box.on_full([this, &lane](router::Outbox&) { flush(lane); });
}

// ---- who there is ---------------------------------------------------------------------------

IoTaps::Connection* IoTaps::find(ConnectionId id) {
  const auto found = connections_.find(id.value);
  return found == connections_.end() ? nullptr : &found->second;
}

IoTaps::Lane& IoTaps::lane_of(const Connection& connection) {
  return lanes_[connection.patient ? 1 + connection.id.value % (kLanes - 1) : 0];
}

bool IoTaps::watch(const Connection& connection) const {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = first_key_ + connection.id.value;
  return epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, connection.fd.get(), &event) == 0;
}

void IoTaps::add_port(LegId port, router::Router& router) {
  ports_.try_emplace(port);
  router.add_port(port);
}

void IoTaps::drop_port(LegId port, router::Router& router) {
  std::vector<ConnectionId> attached;
  for (const auto& [id, connection] : connections_)
    if (connection.port == port) attached.push_back(connection.id);
  for (const ConnectionId id : attached) end(id, router);
  ports_.erase(port);
  router.remove_leg(port);
}

void IoTaps::add(AddTap&& tap, router::Router& router) {
  Connection connection;
  connection.id = tap.id;
  connection.fd = std::move(tap.fd);
  connection.source = tap.source;
  connection.patient = tap.patient;
  if (!watch(connection)) return on_report_(ConnectionGone{tap.id});
  connections_.emplace(tap.id.value, std::move(connection));
  router.add_tap({tap.id.value}, tap.stream, tap.source);
}

void IoTaps::add(AddInjection&& injection, base::TimePoint now) {
  const auto port = ports_.find(injection.port);
  Connection connection;
  connection.id = injection.id;
  connection.fd = std::move(injection.fd);
  connection.port = injection.port;
  connection.source = injection.source;
  connection.allowance.emplace(kInjectedPerSecond, kInjectedBurst, now);
  if (port == ports_.end() || !watch(connection)) return on_report_(ConnectionGone{injection.id});
  connections_.emplace(injection.id.value, std::move(connection));
  if (port->second.attached++ == 0) port->second.last_heard = now;
}

void IoTaps::end(ConnectionId id, router::Router& router) {
  Connection* connection = find(id);
  if (connection == nullptr) return;
  flush(lane_of(*connection));
  pay(*connection);
  send_now(*connection, tap::End{});
  remove(*connection, router);
}

// Closing the descriptor takes it out of the epoll set.
void IoTaps::remove(Connection& connection, router::Router& router) {
  const ConnectionId id = connection.id;
  const std::optional<LegId> fed = connection.port;
  lane_of(connection).box.discard(LegId{id.value});
  connections_.erase(id.value);
  if (!fed) {
    router.remove_tap({id.value});
  } else if (const auto port = ports_.find(*fed); port != ports_.end()) {
    if (--port->second.attached == 0) fall_silent(*fed, port->second);
  }
  on_report_(ConnectionGone{id});
}

void IoTaps::fall_silent(LegId leg, Port& port) {
  if (port.silent) return;
  port.silent = true;
  on_report_(FellSilent{{leg, 0}});
}

void IoTaps::on_tick(base::TimePoint now) {
  for (auto& [leg, port] : ports_)
    if (port.attached != 0 && now - port.last_heard >= silent_after_) fall_silent(leg, port);
  for (auto& [id, connection] : connections_)
    if (connection.owes()) pay(connection);
}

// ---- to jobs --------------------------------------------------------------------------------

void IoTaps::put(const Connection& connection, const tap::Frame& frame) {
  router::Outbox& box = lane_of(connection).box;
  std::uint8_t* slot = box.reserve(LegId{connection.id.value});  // may flush, which encodes too
  tap::encode(frame, scratch_);
  std::memcpy(slot, scratch_.data(), scratch_.size());
  box.commit(scratch_.size());
}

void IoTaps::on_format(router::TapId tap, const router::TapFormat& format) {
  Connection* connection = find({tap.value});
  if (connection == nullptr) return;
  connection->format = {format.codec, format.payload_type, format.clock_hz, format.ssrc};
  put(*connection, connection->format);
}

void IoTaps::on_clock(router::TapId tap, const router::TapClock& clock) {
  Connection* connection = find({tap.value});
  if (connection == nullptr) return;
  connection->clock = {clock.ssrc, clock.timestamp, clock.captured, clock.reported};
  put(*connection, connection->clock);
}

void IoTaps::on_muted(router::TapId tap, bool muted) {
  Connection* connection = find({tap.value});
  if (connection == nullptr) return;
  connection->muted = {muted};
  put(*connection, connection->muted);
}

void IoTaps::on_packet(router::TapId tap, base::TimePoint arrived,
                       std::span<const std::uint8_t> rtp) {
  if (tap::kPacketHeadBytes + rtp.size() > router::Outbox::kSlotBytes) {
    ++stats_.drops;
    return;
  }
  const Connection* connection = find({tap.value});
  if (connection == nullptr) return;
  router::Outbox& box = lane_of(*connection).box;
  std::uint8_t* slot = box.reserve(LegId{tap.value});
  tap::encode_packet_head(
      arrived, std::span<std::uint8_t, tap::kPacketHeadBytes>(slot, tap::kPacketHeadBytes));
  std::memcpy(slot + tap::kPacketHeadBytes, rtp.data(), rtp.size());
  box.commit(tap::kPacketHeadBytes + rtp.size());
}

// One that does not fit is asked for again by who needs it.
void IoTaps::on_keyframe_wanted(LegId port, base::Source source) {
  for (const auto& [id, connection] : connections_)
    if (connection.port == port && connection.source == source)
      send_now(connection, tap::KeyFrame{});
}

void IoTaps::flush_due(base::TimePoint now) {
  for (Lane& lane : lanes_) {
    if (lane.box.empty()) {
      lane.flush_at.reset();  // what there was may have been discarded
      continue;
    }
    if (!lane.flush_at) lane.flush_at = now + lane.gather;
    if (*lane.flush_at <= now) flush(lane);
  }
}

std::optional<base::TimePoint> IoTaps::flush_at() const {
  std::optional<base::TimePoint> next;
  for (const Lane& lane : lanes_)
    if (lane.flush_at && (!next || *lane.flush_at < *next)) next = lane.flush_at;
  return next;
}

void IoTaps::flush(Lane& lane) {
  lane.flush_at.reset();
  if (lane.box.empty()) return;
  lane.box.for_each_leg([this](LegId id, std::span<const router::Outbox::Datagram> datagrams) {
    if (Connection* connection = find({id.value})) send(*connection, datagrams);
  });
  lane.box.clear();
}

void IoTaps::send(Connection& connection, std::span<const router::Outbox::Datagram> datagrams) {
  std::size_t sent = 0;
  if (!connection.owes() || pay(connection)) {
    while (sent < datagrams.size()) {
      const auto batch = datagrams.subspan(sent, std::min(kBatch, datagrams.size() - sent));
      const std::size_t taken = send_batch(connection.fd.get(), batch);
      sent += taken;
      if (taken < batch.size()) break;
    }
  }
  for (std::size_t i = 0; i < sent; ++i)
    if (is_packet(datagrams[i])) ++stats_.packets;
  for (const auto& lost : datagrams.subspan(sent)) note_lost(connection, lost, stats_);
}

std::size_t IoTaps::send_batch(int fd, std::span<const router::Outbox::Datagram> datagrams) {
  for (std::size_t i = 0; i < datagrams.size(); ++i) {
    // sendmmsg() does not write to it.
    pieces_[i] = {const_cast<std::uint8_t*>(datagrams[i].data()), datagrams[i].size()};
    headers_[i] = {};
    headers_[i].msg_hdr.msg_iov = &pieces_[i];
    headers_[i].msg_hdr.msg_iovlen = 1;
  }
  const int sent = sendmmsg(fd, headers_.data(), static_cast<unsigned>(datagrams.size()),
                            MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent < 0 ? 0 : static_cast<std::size_t>(sent);
}

void IoTaps::note_lost(Connection& connection, router::Outbox::Datagram datagram, Stats& stats) {
  if (is_packet(datagram)) {
    ++connection.dropped;
    ++stats.drops;
    return;
  }
  const auto frame = tap::decode(datagram);
  if (!frame) return;
  connection.owes_format = connection.owes_format || std::holds_alternative<tap::Format>(*frame);
  connection.owes_clock = connection.owes_clock || std::holds_alternative<tap::Clock>(*frame);
  connection.owes_muted = connection.owes_muted || std::holds_alternative<tap::Muted>(*frame);
}

bool IoTaps::send_now(const Connection& connection, const tap::Frame& frame) {
  tap::encode(frame, scratch_);
  return ::send(connection.fd.get(), scratch_.data(), scratch_.size(),
                MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

// What is owed, as it is now; false when it still does not fit.
bool IoTaps::pay(Connection& connection) {
  const auto one = [&](bool& owed, const tap::Frame& frame) {
    owed = owed && !send_now(connection, frame);
    return !owed;
  };
  if (!one(connection.owes_muted, connection.muted) ||
      !one(connection.owes_format, connection.format) ||
      !one(connection.owes_clock, connection.clock))
    return false;
  if (connection.dropped != 0 && !send_now(connection, tap::Dropped{connection.dropped}))
    return false;
  connection.dropped = 0;
  return true;
}

// ---- from jobs ------------------------------------------------------------------------------

void IoTaps::on_ready(std::uint64_t key, router::Router& router, base::TimePoint now) {
  Connection* connection = key < first_key_ ? nullptr : find({key - first_key_});
  if (connection == nullptr) return;  // it went in this very round
  for (int i = 0; i < kFramesInARow; ++i) {
    const ssize_t got =
        recv(connection->fd.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT | MSG_TRUNC);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0 || static_cast<std::size_t>(got) > buffer_.size() ||
        !take_frame(*connection, static_cast<std::size_t>(got), router, now))
      return remove(*connection, router);
  }
}

bool IoTaps::take_frame(Connection& connection, std::size_t bytes, router::Router& router,
                        base::TimePoint now) {
  const auto frame = tap::decode(std::span(buffer_).first(bytes));
  if (!frame) return false;
  return std::visit(base::Overloaded{
                        [&](const tap::Packet& packet) {
                          if (!connection.port) return false;
                          take_packet(
                              connection,
                              std::span(buffer_).subspan(tap::kPacketHeadBytes, packet.rtp.size()),
                              packet.arrived, router, now);
                          return true;
                        },
                        [&](const tap::KeyFrame&) {
                          if (!connection.port) router.want_keyframe({connection.id.value}, now);
                          return true;
                        },
                        [](const auto&) { return false; },  // End too: nothing follows it
                    },
                    *frame);
}

void IoTaps::take_packet(Connection& connection, std::span<std::uint8_t> rtp,
                         base::TimePoint captured, router::Router& router, base::TimePoint now) {
  if (!connection.allowance->take(now)) {
    ++stats_.injected_drops;
    return;
  }
  if (!router.on_plain(*connection.port, connection.source, rtp, captured, now)) return;
  ++stats_.injected;
  Port& port = ports_.at(*connection.port);
  port.last_heard = now;
  if (!port.silent) return;
  port.silent = false;
  on_report_(BecameAudible{{*connection.port, 0}});
}

}  // namespace parley::media
