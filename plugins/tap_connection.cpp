#include "tap_connection.h"

#include <fmt/format.h>
#include <glib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <utility>

#include "base/ids.h"

namespace parley::plugins {

namespace {

using base::Code;
using base::Source;

constexpr std::array<std::pair<Source, const char*>, 6> kTracks = {
    {{Source::kMic, "mic"},
     {Source::kCamera, "camera"},
     {Source::kScreen, "screen"},
     {Source::kScreenAudio, "screen-audio"},
     {Source::kMixAudio, "mix-audio"},
     {Source::kMixVideo, "mix-video"}}};

std::string environment(const char* name) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody changes the environment while elements start.
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

std::string error_text(int number) {
  std::array<char, 128> text{};
  return strerror_r(number, text.data(), text.size());
}

Connection::Sent outcome_of(ssize_t sent) {
  if (sent >= 0) return Connection::Sent::kSent;
  const bool full = errno == EAGAIN || errno == ENOBUFS || errno == EINTR;
  return full ? Connection::Sent::kFull : Connection::Sent::kGone;
}

}  // namespace

std::string socket_of(const Options& options) {
  if (!options.socket.empty()) return options.socket;
  if (std::string path = environment("PARLEY_SOCKET"); !path.empty()) return path;
  if (const std::string folder = environment("XDG_RUNTIME_DIR"); !folder.empty())
    return folder + "/parley/media.sock";
  // A parleyd that may not write there has a folder of its own (app/tap_socket).
  constexpr const char* kUsual = "/run/parley/media.sock";
  const std::string own =
      fmt::format("{}/parley-{}/media.sock", g_get_user_runtime_dir(), getuid());
  return access(kUsual, F_OK) != 0 && access(own.c_str(), F_OK) == 0 ? own : kUsual;
}

base::Result<std::string> secret_of(const Options& options) {
  if (!options.secret.empty()) return options.secret;
  if (std::string secret = environment("PARLEY_SECRET"); !secret.empty()) return secret;
  const std::string path = socket_of(options) + ".key";
  std::ifstream file(path);
  std::string secret;
  if (file >> secret) return secret;
  return base::fail(Code::kNotFound,
                    fmt::format("There is no secret. Set the property 'secret' or the environment "
                                "variable PARLEY_SECRET, or be a user who may read {}.",
                                path));
}

base::Result<Source> parse_track(const std::string& name) {
  std::string known;
  for (const auto& [source, text] : kTracks) {
    if (name == text) return source;
    known += (known.empty() ? "" : ", ") + std::string(text);
  }
  return base::fail(Code::kInvalid, fmt::format("There is no track '{}'. The property 'source' is "
                                                "one of {}.",
                                                name, known));
}

std::string track_name(Source source) {
  for (const auto& [known, text] : kTracks)
    if (known == source) return text;
  return {};
}

base::Result<void> check_names(const Options& options) {
  if (options.call.empty())
    return base::fail(Code::kInvalid, "The property 'call' is not set: it is the id of the call.");
  if (options.profile.empty())
    return base::fail(Code::kInvalid,
                      "The property 'profile' is not set: it is the id of the participant's "
                      "profile.");
  return {};
}

base::Result<std::unique_ptr<Connection>> Connection::open(const Options& options) {
  auto secret = secret_of(options);
  if (!secret) return tl::unexpected(secret.error());
  const std::string path = socket_of(options);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path))
    return base::fail(Code::kInvalid, fmt::format("The path of the socket is longer than {} bytes: "
                                                  "{}",
                                                  sizeof(address.sun_path) - 1, path));
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return base::fail(Code::kUnavailable, "Could not make a socket: " + error_text(errno));
  std::unique_ptr<Connection> connection(new Connection(fd));
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return base::fail(Code::kUnavailable,
                      fmt::format("No media worker answers at {} ({}). Is parleyd running, and is "
                                  "this the socket it made? The property 'socket' or the "
                                  "environment variable PARLEY_SOCKET says which.",
                                  path, error_text(errno)));
  }
  if (connection->send(tap::Hello{tap::kVersion, std::move(*secret)}) != Sent::kSent)
    return base::fail(Code::kUnavailable,
                      fmt::format("The media worker at {} closed the connection.", path));
  return connection;
}

Connection::~Connection() { ::close(fd_); }

Connection::Sent Connection::send(const tap::Frame& frame) const {
  std::vector<std::uint8_t> bytes;
  tap::encode(frame, bytes);
  return outcome_of(::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
}

Connection::Sent Connection::send_packet(base::TimePoint arrived,
                                         std::span<const std::uint8_t> rtp) const {
  std::array<std::uint8_t, tap::kPacketHeadBytes> head;
  tap::encode_packet_head(arrived, head);
  std::array<iovec, 2> pieces = {iovec{head.data(), head.size()},
                                 // sendmsg() does not write to it.
                                 iovec{const_cast<std::uint8_t*>(rtp.data()), rtp.size()}};
  msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = pieces.size();
  return outcome_of(::sendmsg(fd_, &message, MSG_DONTWAIT | MSG_NOSIGNAL));
}

base::Result<std::optional<tap::Frame>> Connection::receive() {
  const ssize_t got = ::recv(fd_, buffer_.data(), buffer_.size(), MSG_DONTWAIT | MSG_TRUNC);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return std::optional<tap::Frame>();
  if (got <= 0) return base::fail(Code::kUnavailable, "The media worker closed the connection.");
  if (static_cast<std::size_t>(got) > buffer_.size())
    return base::fail(Code::kInvalid, fmt::format("The media worker sent a frame of {} bytes; at "
                                                  "most {} are allowed.",
                                                  got, buffer_.size()));
  auto frame = tap::decode(std::span(buffer_).first(static_cast<std::size_t>(got)));
  if (!frame) return tl::unexpected(frame.error());
  return std::optional<tap::Frame>(std::move(*frame));
}

}  // namespace parley::plugins
