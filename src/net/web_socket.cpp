#include "net/web_socket.h"

#include <array>
#include <utility>
#include <variant>
#include <vector>

#include "base/overloaded.h"

namespace parley::net {

base::TimePoint monotonic_now() { return base::TimePoint(base::Duration(g_get_monotonic_time())); }

WebSocket::WebSocket(Object<GIOStream> stream, const Limits& limits, Callbacks callbacks,
                     base::TimePoint now)
    : limits_(limits),
      callbacks_(std::move(callbacks)),
      stream_(std::move(stream)),
      decoder_(limits.message_bytes),
      rate_(limits.messages_per_second, limits.message_burst, now),
      last_heard_(now) {
  readable_.reset(g_pollable_input_stream_create_source(
      G_POLLABLE_INPUT_STREAM(g_io_stream_get_input_stream(stream_.get())), nullptr));
  g_source_set_callback(readable_.get(), G_SOURCE_FUNC(on_readable), this, nullptr);
  g_source_attach(readable_.get(), g_main_context_get_thread_default());
}

WebSocket::~WebSocket() {
  readable_.reset();
  writable_.reset();
  goodbye_.reset();
  if (state_ != State::kClosed)
    g_io_stream_close_async(stream_.get(), G_PRIORITY_DEFAULT, nullptr, nullptr, nullptr);
}

gboolean WebSocket::on_readable(GObject*, gpointer self) noexcept {
  static_cast<WebSocket*>(self)->read();
  return G_SOURCE_CONTINUE;
}

void WebSocket::read() {
  std::array<std::uint8_t, 16 * 1024> buffer;
  ErrorOut error;
  const gssize n = g_pollable_input_stream_read_nonblocking(
      G_POLLABLE_INPUT_STREAM(g_io_stream_get_input_stream(stream_.get())), buffer.data(),
      buffer.size(), nullptr, error.out());
  if (n < 0 && error.matches(G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK)) return;
  if (n <= 0) {
    // Nobody hangs up on the word we said last: without one the connection broke.
    if (state_ == State::kOpen) close_code_ = kCloseAbnormal;
    return finish(close_code_);
  }
  const base::TimePoint now = monotonic_now();
  last_heard_ = now;
  pings_unanswered_ = 0;
  std::vector<Incoming> items;
  decoder_.feed(std::span(buffer.data(), static_cast<std::size_t>(n)), items);
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
  watch_output(true);
}

gboolean WebSocket::on_writable(GObject*, gpointer self) noexcept {
  static_cast<WebSocket*>(self)->write();
  return G_SOURCE_CONTINUE;
}

void WebSocket::watch_output(bool on) {
  if (!on) return writable_.reset();
  if (writable_) return;
  writable_.reset(g_pollable_output_stream_create_source(
      G_POLLABLE_OUTPUT_STREAM(g_io_stream_get_output_stream(stream_.get())), nullptr));
  g_source_set_callback(writable_.get(), G_SOURCE_FUNC(on_writable), this, nullptr);
  g_source_attach(writable_.get(), g_main_context_get_thread_default());
}

void WebSocket::write() {
  GPollableOutputStream* out =
      G_POLLABLE_OUTPUT_STREAM(g_io_stream_get_output_stream(stream_.get()));
  while (!queue_.empty()) {
    const std::string& front = queue_.front();
    ErrorOut error;
    const gssize n = g_pollable_output_stream_write_nonblocking(
        out, front.data() + front_sent_, front.size() - front_sent_, nullptr, error.out());
    if (n < 0 && error.matches(G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK)) return;
    if (n <= 0) return finish(kCloseAbnormal);
    front_sent_ += static_cast<std::size_t>(n);
    if (front_sent_ < front.size()) continue;
    queued_bytes_ -= front.size();
    front_sent_ = 0;
    queue_.pop_front();
  }
  watch_output(false);
  if (state_ == State::kClosing && peer_closed_) finish(close_code_);
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
  readable_.reset();
  writable_.reset();
  queue_.clear();
  queued_bytes_ = 0;
  g_io_stream_close_async(stream_.get(), G_PRIORITY_DEFAULT, nullptr, nullptr, nullptr);
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
