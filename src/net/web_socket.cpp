#include "net/web_socket.h"

#include <array>
#include <utility>
#include <variant>
#include <vector>

#include "base/overloaded.h"

namespace parley::net {
namespace {

// Of frames that leave in one piece (our choice: what a socket takes at once even when it is slow).
constexpr std::size_t kGatheredBytes = 16 * 1024;

}  // namespace

base::TimePoint monotonic_now() { return base::TimePoint(base::Duration(g_get_monotonic_time())); }

WebSocket::WebSocket(Channel channel, Poller& poller, const Limits& limits, Callbacks callbacks,
                     base::TimePoint now)
    : limits_(limits),
      callbacks_(std::move(callbacks)),
      channel_(std::move(channel)),
      poller_(poller),
      decoder_(limits.message_bytes),
      rate_(limits.messages_per_second, limits.message_burst, now),
      last_heard_(now) {
  const auto watch = poller_.watch(channel_.fd(), *this);
  if (!watch) {
    finish(kCloseAbnormal);
    return;
  }
  watch_ = *watch;
  if (channel_.holds_bytes()) poller_.call_readable(*watch_);
}

WebSocket::~WebSocket() {
  goodbye_.reset();
  if (watch_) poller_.unwatch(*watch_);
}

void WebSocket::on_ready(bool readable, bool writable) {
  if (readable && state_ != State::kClosed) read();
  if (writable && state_ != State::kClosed) write();
}

void WebSocket::read() {
  std::array<std::uint8_t, 16 * 1024> buffer;
  const auto n = channel_.read(buffer);
  if (!n) return;
  if (*n == 0) {
    // Nobody hangs up on the word we said last: without one the connection broke.
    if (state_ == State::kOpen) close_code_ = kCloseAbnormal;
    return finish(close_code_);
  }
  take(std::span(buffer).first(*n));
  if (state_ != State::kClosed && channel_.holds_bytes()) poller_.call_readable(*watch_);
}

void WebSocket::take(std::span<const std::uint8_t> bytes) {
  const base::TimePoint now = monotonic_now();
  last_heard_ = now;
  pings_unanswered_ = 0;
  std::vector<Incoming> items;
  decoder_.feed(bytes, items);
  for (Incoming& item : items) take(std::move(item), now);
}

void WebSocket::take(Incoming item, base::TimePoint now) {
  if (state_ == State::kClosed) return;
  if (std::holds_alternative<PeerClose>(item)) {
    peer_closed_ = true;
    if (state_ == State::kOpen) begin_closing(std::get<PeerClose>(item).code, {});
    if (queue_.empty()) finish(close_code_);
    return;
  }
  if (muted_ || state_ != State::kOpen) return;
  if (const auto* broken = std::get_if<Violation>(&item))
    return begin_closing(broken->code, broken->reason);
  if (!rate_.take(now)) {
    muted_ = true;
    return callbacks_.flooding();
  }
  if (const auto* message = std::get_if<TextMessage>(&item)) callbacks_.text(message->text);
  if (const auto* ping = std::get_if<Ping>(&item)) queue(pong_frame(ping->payload));
}

void WebSocket::send(std::string_view text) {
  if (state_ == State::kOpen) queue(text_frame(text));
}

void WebSocket::close(std::uint16_t code, std::string_view reason) {
  if (state_ == State::kOpen) begin_closing(code, reason);
}

void WebSocket::begin_closing(std::uint16_t code, std::string_view reason) {
  state_ = State::kClosing;
  close_code_ = code;
  give_up_ = monotonic_now() + limits_.close_wait;
  queue(close_frame(code, reason));
}

void WebSocket::queue(std::string frame) {
  if (state_ == State::kOpen && (queued_bytes_ + frame.size() > limits_.queue_bytes ||
                                 queue_.size() >= limits_.queue_messages)) {
    // What is half sent must be completed, or the close frame could not be told from it.
    while (queue_.size() > (front_sent_ > 0 ? 1U : 0U)) {
      queued_bytes_ -= queue_.back().size();
      queue_.pop_back();
    }
    return begin_closing(kCloseTryLater, "the connection is too slow for what there is to say");
  }
  queued_bytes_ += frame.size();
  queue_.push_back(std::move(frame));
  // Written from the main loop, so that what one input causes leaves in as few segments as can be.
  if (!std::exchange(write_due_, true)) poller_.call_writable(*watch_);
}

void WebSocket::write() {
  write_due_ = true;
  while (!queue_.empty()) {
    gather();
    const std::string_view front = queue_.front();
    const auto n = channel_.write(front.substr(front_sent_));
    if (!n) return poller_.want_writable(*watch_, true);
    if (*n == 0) return finish(kCloseAbnormal);
    front_sent_ += *n;
    if (front_sent_ < front.size()) continue;
    queued_bytes_ -= front.size();
    front_sent_ = 0;
    queue_.pop_front();
  }
  write_due_ = false;
  poller_.want_writable(*watch_, false);
  if (state_ == State::kClosing && peer_closed_) finish(close_code_);
}

// Small frames leave together: a system call costs more than a copy.
void WebSocket::gather() {
  if (queue_.size() < 2 || front_sent_ > 0) return;
  std::string together = std::move(queue_.front());
  queue_.pop_front();
  while (!queue_.empty() && together.size() + queue_.front().size() <= kGatheredBytes) {
    together += queue_.front();
    queue_.pop_front();
  }
  queue_.push_front(std::move(together));
}

void WebSocket::tick(base::TimePoint now) {
  if (state_ == State::kClosed) return;
  if (state_ == State::kClosing) {
    if (now >= give_up_) finish(close_code_);
    return;
  }
  if (now - last_heard_ < limits_.ping_interval * (pings_unanswered_ + 1)) return;
  if (pings_unanswered_ >= limits_.pings_missed) return finish(kCloseAbnormal);
  ++pings_unanswered_;
  queue(ping_frame());
}

void WebSocket::finish(std::uint16_t code) {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  close_code_ = code;
  queue_.clear();
  queued_bytes_ = 0;
  if (watch_) poller_.unwatch(*watch_);
  watch_.reset();
  channel_.close();
  goodbye_.reset(g_idle_source_new());
  g_source_set_priority(goodbye_.get(), G_PRIORITY_DEFAULT);
  g_source_set_callback(
      goodbye_.get(),
      [](gpointer self) noexcept -> gboolean {
        const auto* socket = static_cast<WebSocket*>(self);
        const auto closed = socket->callbacks_.closed;  // may end the socket
        closed(socket->close_code_);
        return G_SOURCE_REMOVE;
      },
      this, nullptr);
  g_source_attach(goodbye_.get(), g_main_context_get_thread_default());
}

}  // namespace parley::net
