// The jobs' connections that carry packets: a tap gets one track, an injection feeds one source of
// a port. This end never waits: what a socket has no room for is dropped, counted, and told with
// the next frame that fits; what a job must know to make sense of packets is sent again.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "base/token_bucket.h"
#include "media/io_values.h"
#include "media/owned_fd.h"
#include "router/outbox.h"
#include "router/router.h"
#include "tap/frames.h"

namespace parley::media {

// Owned by the I/O thread.
class IoTaps final : public router::TapSink {
 public:
  struct Stats {
    std::uint64_t packets = 0;  // given to jobs
    std::uint64_t drops = 0;    // no room in a socket
    std::uint64_t injected = 0;
    std::uint64_t injected_drops = 0;  // above what one job may send
  };

  // Connections are watched by `epoll_fd` with keys from `first_key` on.
  IoTaps(int epoll_fd, std::uint64_t first_key, base::Duration silent_after,
         std::function<void(IoReport)> on_report);

  void add_port(LegId port, router::Router& router);
  void drop_port(LegId port, router::Router& router);
  void add(AddTap&& tap, router::Router& router);
  void add(AddInjection&& injection, base::TimePoint now);
  // Says End to the job; its connection is gone.
  void end(ConnectionId id, router::Router& router);

  // Something came, or the job has gone. `key`: as epoll gave it.
  void on_ready(std::uint64_t key, router::Router& router, base::TimePoint now);
  // Sends what the router has given and has waited long enough.
  void flush_due(base::TimePoint now);
  // When that will be; nullopt: there is nothing to send.
  [[nodiscard]] std::optional<base::TimePoint> flush_at() const;
  // To be called now and then: who has fallen silent, and what is still owed to whom.
  void on_tick(base::TimePoint now);

  [[nodiscard]] const Stats& stats() const { return stats_; }

  void on_format(router::TapId tap, const router::TapFormat& format) override;
  void on_clock(router::TapId tap, const router::TapClock& clock) override;
  void on_muted(router::TapId tap, bool muted) override;
  void on_packet(router::TapId tap, base::TimePoint arrived,
                 std::span<const std::uint8_t> rtp) override;
  void on_keyframe_wanted(LegId port, base::Source source) override;

 private:
  struct Connection {
    ConnectionId id;
    OwnedFd fd;
    std::optional<LegId> port;  // of an injection
    base::Source source = base::Source::kMic;
    bool patient = false;
    std::optional<base::TokenBucket> allowance;  // of an injection
    // What a tap was last told, to be told again when it did not fit.
    tap::Format format;
    tap::Clock clock;
    tap::Muted muted;
    bool owes_format = false;
    bool owes_clock = false;
    bool owes_muted = false;
    std::uint64_t dropped = 0;
    [[nodiscard]] bool owes() const {
      return owes_format || owes_clock || owes_muted || dropped != 0;
    }
  };
  struct Port {
    std::size_t attached = 0;
    base::TimePoint last_heard;
    bool silent = true;  // ... and reported, but for a new port
  };
  // Packets of a track are sent together: waking a job costs more than a packet.
  struct Lane {
    explicit Lane(base::Duration longest);
    router::Outbox box;  // "legs" are connections
    const base::Duration gather;
    std::optional<base::TimePoint> flush_at;
  };
  static constexpr std::size_t kBatch = 64;
  // One for whom somebody waits, the others for the patient: several, so that their packets do not
  // all leave at one moment and hold up the network's. Our choice.
  static constexpr std::size_t kLanes = 5;

  [[nodiscard]] Connection* find(ConnectionId id);
  bool watch(const Connection& connection) const;
  [[nodiscard]] Lane& lane_of(const Connection& connection);
  void flush(Lane& lane);
  void put(const Connection& connection, const tap::Frame& frame);
  bool send_now(const Connection& connection, const tap::Frame& frame);
  bool pay(Connection& connection);
  void send(Connection& connection, std::span<const router::Outbox::Datagram> datagrams);
  std::size_t send_batch(int fd, std::span<const router::Outbox::Datagram> datagrams);
  static void note_lost(Connection& connection, router::Outbox::Datagram datagram, Stats& stats);
  // False: the connection is of no more use.
  bool take_frame(Connection& connection, std::size_t bytes, router::Router& router,
                  base::TimePoint now);
  void take_packet(Connection& connection, std::span<std::uint8_t> rtp, base::TimePoint captured,
                   router::Router& router, base::TimePoint now);
  void remove(Connection& connection, router::Router& router);
  void fall_silent(LegId leg, Port& port);

  int epoll_fd_;
  std::uint64_t first_key_;
  base::Duration silent_after_;
  std::function<void(IoReport)> on_report_;
  Stats stats_;
  std::unordered_map<std::uint64_t, Connection> connections_;
  std::unordered_map<LegId, Port> ports_;
  std::array<Lane, kLanes> lanes_;
  std::vector<std::uint8_t> scratch_;
  std::array<std::uint8_t, tap::kMaxFrameBytes> buffer_;
  std::array<mmsghdr, kBatch> headers_{};
  std::array<iovec, kBatch> pieces_{};
};

}  // namespace parley::media
