#include "net/channel.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace parley::net {
namespace {

// Filters hold no more than what one request may have.
constexpr std::size_t kMostEarlyBytes = 256 * 1024;

std::optional<std::size_t> result_of(gssize bytes, const ErrorOut& error) {
  if (bytes < 0 && error.matches(G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK)) return std::nullopt;
  return static_cast<std::size_t>(std::max<gssize>(bytes, 0));
}

std::optional<std::size_t> result_of(ssize_t bytes) {
  if (bytes < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return std::nullopt;
  return static_cast<std::size_t>(std::max<ssize_t>(bytes, 0));
}

}  // namespace

Channel::Channel(Object<GIOStream> stream, Object<GSocket> socket, bool plain)
    : stream_(std::move(stream)), socket_(std::move(socket)), fd_(g_socket_get_fd(socket_.get())) {
  if (!plain) return;
  const int own = fcntl(fd_, F_DUPFD_CLOEXEC, 0);
  if (own < 0) return;  // no descriptor left: it goes on as it is
  drain(stream_.get());
  fd_ = own;
  // Closes the descriptor it has, and not the connection.
  g_io_stream_close(stream_.get(), nullptr, nullptr);
  stream_.reset();
  socket_.reset();
}

Channel::Channel(Channel&& other) noexcept
    : stream_(std::move(other.stream_)),
      socket_(std::move(other.socket_)),
      fd_(std::exchange(other.fd_, -1)),
      early_(std::move(other.early_)) {}

Channel::~Channel() { close(); }

// What stands in filters comes first; that the socket may give more does no harm.
void Channel::drain(GIOStream* stream) {
  GPollableInputStream* in = G_POLLABLE_INPUT_STREAM(g_io_stream_get_input_stream(stream));
  std::array<char, 4096> buffer;
  while (early_.size() < kMostEarlyBytes) {
    ErrorOut error;
    const gssize n = g_pollable_input_stream_read_nonblocking(in, buffer.data(), buffer.size(),
                                                              nullptr, error.out());
    if (n <= 0) return;
    early_.append(buffer.data(), static_cast<std::size_t>(n));
  }
}

std::optional<std::size_t> Channel::read(std::span<std::uint8_t> into) {
  if (!early_.empty()) {
    const std::size_t n = std::min(early_.size(), into.size());
    std::copy_n(early_.begin(), n, into.begin());
    early_.erase(0, n);
    if (early_.empty()) early_.shrink_to_fit();
    return n;
  }
  if (!stream_) return result_of(::recv(fd_, into.data(), into.size(), 0));
  ErrorOut error;
  return result_of(g_pollable_input_stream_read_nonblocking(
                       G_POLLABLE_INPUT_STREAM(g_io_stream_get_input_stream(stream_.get())),
                       into.data(), into.size(), nullptr, error.out()),
                   error);
}

std::optional<std::size_t> Channel::write(std::string_view bytes) {
  if (!stream_) return result_of(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
  ErrorOut error;
  return result_of(g_pollable_output_stream_write_nonblocking(
                       G_POLLABLE_OUTPUT_STREAM(g_io_stream_get_output_stream(stream_.get())),
                       bytes.data(), bytes.size(), nullptr, error.out()),
                   error);
}

void Channel::close() {
  if (stream_) {
    g_io_stream_close_async(stream_.get(), G_PRIORITY_DEFAULT, nullptr, nullptr, nullptr);
    stream_.reset();
    socket_.reset();
  } else if (fd_ >= 0) {
    ::close(fd_);
  }
  fd_ = -1;
}

}  // namespace parley::net
