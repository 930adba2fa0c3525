// The packet path of one worker: sockets, ICE, the table of who is where, and the router.
//
// One thread that nothing else may hold up: it takes no lock but its mailbox's, allocates nothing
// per packet, and waits only in epoll.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "base/endpoint.h"
#include "base/result.h"
#include "base/time.h"
#include "media/io_values.h"
#include "media/udp_socket.h"
#include "wrap/mailbox.h"

namespace parley::media {

// Published once per batch of packets, read by anybody. Relaxed: figures, not synchronisation.
struct IoCounters {
  std::atomic<std::uint64_t> packets_in{0};
  std::atomic<std::uint64_t> packets_out{0};
  std::atomic<std::uint64_t> bytes_in{0};
  std::atomic<std::uint64_t> bytes_out{0};
  std::atomic<std::uint64_t> auth_failures{0};
  std::atomic<std::uint64_t> replays{0};
  std::atomic<std::uint64_t> malformed{0};
  std::atomic<std::uint64_t> send_drops{0};
  std::atomic<std::uint64_t> keyframe_requests{0};
  std::atomic<std::uint64_t> nacked{0};
  std::atomic<std::uint64_t> tap_packets{0};
  std::atomic<std::uint64_t> tap_drops{0};
  std::atomic<std::uint64_t> injected{0};
  std::atomic<std::uint64_t> injected_drops{0};
};

struct IoConfig {
  std::chrono::milliseconds silent_after{10'000};
  // Sending stops this long after the last authentic request (RFC 7675, 5.1).
  std::chrono::milliseconds consent{30'000};
};

// Now, by the clock all deadlines of the media room are measured with (CLOCK_MONOTONIC).
[[nodiscard]] base::TimePoint monotonic_now();

// Made, stopped and read by any one thread; post() by all.
class IoThread {
 public:
  using Inbox = wrap::EventFdMailbox<IoCommand>;

  // `on_report` is called on the I/O thread: post and return. kUnavailable: no epoll, no eventfd.
  [[nodiscard]] static base::Result<std::unique_ptr<IoThread>> start(
      std::vector<UdpSocket> sockets, IoConfig config, std::function<void(IoReport)> on_report);
  // Stops and joins.
  ~IoThread();
  IoThread(const IoThread&) = delete;
  IoThread& operator=(const IoThread&) = delete;

  [[nodiscard]] const std::shared_ptr<Inbox>& inbox() const { return inbox_; }
  [[nodiscard]] const IoCounters& counters() const { return counters_; }

 private:
  class Loop;
  explicit IoThread(std::shared_ptr<Inbox> inbox);

  std::shared_ptr<Inbox> inbox_;
  IoCounters counters_;
  std::unique_ptr<Loop> loop_;  // used by thread_ alone once that runs
  std::thread thread_;
};

}  // namespace parley::media
