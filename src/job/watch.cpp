#include "job/watch.h"

#include <fmt/format.h>
#include <glib-unix.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "base/overloaded.h"

namespace parley::job {
namespace {

base::Result<void> send_frame(int fd, const tap::Frame& frame) {
  std::vector<std::uint8_t> bytes;
  tap::encode(frame, bytes);
  if (send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return {};
  return base::fail(base::Code::kUnavailable,
                    fmt::format("the media worker does not listen: {}", std::strerror(errno)));
}

}  // namespace

base::Result<std::unique_ptr<Watch>> Watch::connect(const std::string& socket,
                                                    const std::string& secret,
                                                    const std::string& group, WatchEvents events) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.size() >= sizeof address.sun_path)
    return base::fail(base::Code::kInvalid,
                      fmt::format("the socket's path has {} bytes; fewer than {} are possible",
                                  socket.size(), sizeof address.sun_path));
  std::memcpy(address.sun_path, socket.data(), socket.size());
  const int fd = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return base::fail(base::Code::kUnavailable, fmt::format("no socket: {}", std::strerror(errno)));
  // Closes it, whatever comes.
  std::unique_ptr<Watch> watch(new Watch(fd, std::move(events)));
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return base::fail(
        base::Code::kUnavailable,
        fmt::format("the media worker cannot be reached at {}: {}", socket, std::strerror(errno)));
  for (const tap::Frame& frame :
       {tap::Frame(tap::Hello{tap::kVersion, secret}), tap::Frame(tap::Watch{group})})
    if (auto sent = send_frame(fd, frame); !sent) return tl::unexpected(sent.error());
  return watch;
}

Watch::Watch(int fd, WatchEvents events)
    : fd_(fd),
      events_(std::move(events)),
      source_(g_unix_fd_add(fd, static_cast<GIOCondition>(G_IO_IN | G_IO_HUP | G_IO_ERR), on_ready,
                            this)) {}

Watch::~Watch() {
  if (source_ != 0) g_source_remove(source_);
  close(fd_);
}

gboolean Watch::on_ready(gint /*fd*/, GIOCondition /*condition*/, gpointer self) noexcept {
  auto* watch = static_cast<Watch*>(self);
  while (watch->read_one()) {
  }
  return G_SOURCE_CONTINUE;  // lose() has removed it, if so
}

bool Watch::read_one() {
  if (source_ == 0) return false;
  std::array<std::uint8_t, tap::kMaxFrameBytes> bytes{};
  const ssize_t size = recv(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (size <= 0) {
    lose("the media worker has closed the connection");
    return false;
  }
  const auto frame = tap::decode({bytes.data(), static_cast<std::size_t>(size)});
  if (!frame) {
    lose(fmt::format("the media worker speaks another language: {}", frame.error().message));
    return false;
  }
  heard(*frame);
  return true;
}

void Watch::lose(const std::string& why) {
  if (source_ != 0) g_source_remove(std::exchange(source_, 0));
  events_.lost(why);
}

void Watch::heard(const tap::Frame& frame) {
  std::visit(
      base::Overloaded{
          [&](const tap::Accepted&) { events_.accepted(); },
          [&](const tap::Refused& refused) {
            lose(fmt::format("the media worker refuses: {}", refused.why));
          },
          [&](const tap::TrackAdded& track) { events_.track_added(track.owner, track.source); },
          [&](const tap::TrackRemoved& track) { events_.track_removed(track.owner, track.source); },
          [&](const tap::PortAdded& port) { events_.port_added(port.owner); },
          [&](const tap::PortRemoved& port) { events_.port_removed(port.owner); },
          [](const auto&) {},  // of other kinds of connections
      },
      frame);
}

}  // namespace parley::job
