// One WebSocket after its handshake: frames on a stream, bounded in every direction.
#pragma once

#include <gio/gio.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/time.h"
#include "base/token_bucket.h"
#include "net/bounds.h"
#include "net/channel.h"
#include "net/frames.h"
#include "net/handles.h"
#include "net/poller.h"

namespace parley::net {

// Main thread only. Callbacks come from the main loop, never from within a call of ours, and may
// not destroy the socket; `closed` is the last.
class WebSocket : public Poller::Handler {
 public:
  struct Callbacks {
    std::function<void(std::string_view text)> text;
    // Faster than Limits::messages_per_second. Once; nothing more is read: say why, and close.
    std::function<void()> flooding;
    std::function<void(std::uint16_t code)> closed;
  };

  // `poller` and `limits` outlive the socket.
  WebSocket(Channel channel, Poller& poller, const Limits& limits, Callbacks callbacks,
            base::TimePoint now);
  // Drops the connection if it is still there.
  ~WebSocket() override;
  WebSocket(const WebSocket&) = delete;
  WebSocket& operator=(const WebSocket&) = delete;

  // Queues a message. A reader so slow that the queue overflows is closed with 1013.
  void send(std::string_view text);
  // Sends a close frame behind what is queued, and waits for the peer's a moment. Repeats do
  // nothing.
  void close(std::uint16_t code, std::string_view reason);
  // To be called about once a second: keep-alive, and the end of waiting.
  void tick(base::TimePoint now);

 private:
  enum class State { kOpen, kClosing, kClosed };

  void on_ready(bool readable, bool writable) override;
  void read();
  void take(std::span<const std::uint8_t> bytes);
  void take(Incoming item, base::TimePoint now);
  void queue(std::string frame);
  void write();
  void gather();
  void begin_closing(std::uint16_t code, std::string_view reason);
  void finish(std::uint16_t code);

  const Limits& limits_;
  const Callbacks callbacks_;
  Channel channel_;
  Poller& poller_;
  std::optional<Poller::Watch> watch_;
  Source goodbye_;  // tells `closed` from the main loop
  FrameDecoder decoder_;
  base::TokenBucket rate_;
  State state_ = State::kOpen;
  bool write_due_ = false;  // write() will be called
  bool muted_ = false;      // nothing the peer says counts any more
  bool peer_closed_ = false;
  std::uint16_t close_code_ = kCloseAbnormal;
  base::TimePoint give_up_;  // while closing
  base::TimePoint last_heard_;
  int pings_unanswered_ = 0;
  std::deque<std::string> queue_;
  std::size_t front_sent_ = 0;  // of queue_.front()
  std::size_t queued_bytes_ = 0;
};

// The clock of this room.
[[nodiscard]] base::TimePoint monotonic_now();

}  // namespace parley::net
