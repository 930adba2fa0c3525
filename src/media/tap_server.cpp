#include "media/tap_server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

#include "base/overloaded.h"
#include "media/io_thread.h"
#include "media/random.h"

namespace parley::media {

namespace {

using base::Code;

constexpr int kBacklog = 64;
// Our choice: two seconds of 4 Mbit/s, by the kernel's count of about 2.5 KB for such a packet. The
// kernel gives what net.core.wmem_max allows.
constexpr int kSendBufferBytes = 4 << 20;

base::Result<void> cannot(Code code, const std::string& what, const std::string& path) {
  return base::fail(code, fmt::format("{} {}: {}", what, path, strerrordesc_np(errno)));
}

base::Result<void> make_folder(const std::filesystem::path& folder) {
  if (folder.empty()) return {};
  std::error_code failed;
  if (std::filesystem::is_directory(folder, failed)) return {};
  std::filesystem::create_directories(folder.parent_path(), failed);
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    return cannot(Code::kUnavailable, "cannot make the folder", folder);
  return {};
}

// Whether what lies at the path is a socket nobody listens on any more; then it is taken away.
base::Result<void> clear_place(const sockaddr_un& address, const std::string& path) {
  struct stat found {};
  if (lstat(path.c_str(), &found) != 0) return {};
  if (!S_ISSOCK(found.st_mode))
    return base::fail(Code::kInvalid,
                      fmt::format("{} is there and not a socket; name another path", path));
  const OwnedFd probe(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const bool answers =
      connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
      errno == EAGAIN;
  if (answers)
    return base::fail(
        Code::kConflict,
        fmt::format("another server listens at {}; stop it or name another path", path));
  if (unlink(path.c_str()) != 0) return cannot(Code::kUnavailable, "cannot replace", path);
  return {};
}

base::Result<void> write_key(const std::string& path, const std::string& key) {
  if (unlink(path.c_str()) != 0 && errno != ENOENT)
    return cannot(Code::kUnavailable, "cannot replace", path);
  const OwnedFd file(
      open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR));
  const std::string text = key + "\n";
  if (file.get() < 0 ||
      write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return cannot(Code::kUnavailable, "cannot write", path);
  return {};
}

base::Result<OwnedFd> listen_at(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return base::fail(Code::kInvalid, fmt::format("the path of a socket has at most {} bytes: {}",
                                                  sizeof address.sun_path - 1, path));
  std::memcpy(address.sun_path, path.data(), path.size());
  if (auto made = make_folder(std::filesystem::path(path).parent_path()); !made)
    return tl::unexpected(made.error());
  if (auto clear = clear_place(address, path); !clear) return tl::unexpected(clear.error());
  OwnedFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  // Before bind(), which makes the file with this mode: nobody else's for not even a moment.
  if (fd.get() < 0 || fchmod(fd.get(), S_IRUSR | S_IWUSR) != 0 ||
      bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(fd.get(), kBacklog) != 0)
    return tl::unexpected(cannot(Code::kUnavailable, "cannot listen at", path).error());
  return fd;
}

bool is_our_user(const OwnedFd& fd) {
  ucred peer{};
  socklen_t bytes = sizeof peer;
  return getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &bytes) == 0 &&
         (peer.uid == geteuid() || peer.uid == 0);
}

std::optional<TapServer::Wish> wish_of(tap::Frame& frame) {
  return std::visit(base::Overloaded{
                        [](tap::Watch& w) { return std::optional<TapServer::Wish>(std::move(w)); },
                        [](tap::Tap& w) { return std::optional<TapServer::Wish>(std::move(w)); },
                        [](tap::Inject& w) { return std::optional<TapServer::Wish>(std::move(w)); },
                        [](auto&) { return std::optional<TapServer::Wish>(); },
                    },
                    frame);
}

}  // namespace

bool send_frame(const OwnedFd& fd, const tap::Frame& frame) {
  std::vector<std::uint8_t> bytes;
  tap::encode(frame, bytes);
  return send(fd.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

TapServer::TapServer(GMainContext* context, std::string path, std::string key, OwnedFd fd,
                     std::function<void(Request)> on_request)
    : context_(context),
      path_(std::move(path)),
      key_(std::move(key)),
      fd_(std::move(fd)),
      on_request_(std::move(on_request)) {
  listen();
}

void TapServer::listen() {
  watch_ = std::make_unique<FdWatch>(context_, fd_.get(), [this] { on_connection(); });
}

base::Result<std::unique_ptr<TapServer>> TapServer::open(GMainContext* context, std::string path,
                                                         std::function<void(Request)> on_request) {
  auto fd = listen_at(path);
  if (!fd) return tl::unexpected(fd.error());
  std::string key = random_secret();
  if (auto written = write_key(path + ".key", key); !written) {
    unlink(path.c_str());
    return tl::unexpected(written.error());
  }
  return std::unique_ptr<TapServer>(new TapServer(context, std::move(path), std::move(key),
                                                  std::move(*fd), std::move(on_request)));
}

TapServer::~TapServer() {
  unlink(path_.c_str());
  unlink((path_ + ".key").c_str());
}

// One at a time: the loop comes back for the next.
void TapServer::on_connection() {
  OwnedFd fd(accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (fd.get() < 0) {
    // Who waits there stays, and would be told of for ever: nobody is, until there may be room.
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) watch_.reset();
    return;
  }
  if (!is_our_user(fd)) return;
  if (pending_.size() >= kMaxPending) {
    send_frame(fd, tap::Refused{"too many connections at once; try again"});
    return;
  }
  // More than the usual limit is for privileged servers; the other call takes what it gets.
  if (setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUFFORCE, &kSendBufferBytes,
                 sizeof kSendBufferBytes) != 0)
    setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUF, &kSendBufferBytes, sizeof kSendBufferBytes);
  const std::uint64_t id = next_id_++;
  Pending& pending = pending_[id];
  pending.fd = std::move(fd);
  pending.until = monotonic_now() + kHelloWithin;
  pending.watch =
      std::make_unique<FdWatch>(context_, pending.fd.get(), [this, id] { on_ready(id); });
}

void TapServer::on_ready(std::uint64_t id) {
  const auto found = pending_.find(id);
  if (found == pending_.end()) return;
  Pending& pending = found->second;
  std::array<std::uint8_t, tap::kMaxFrameBytes> bytes;
  const ssize_t got = recv(pending.fd.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  auto frame = got <= 0 ? base::Result<tap::Frame>(base::fail(Code::kInvalid, "it has gone"))
                        : tap::decode(std::span(bytes).first(static_cast<std::size_t>(got)));
  const auto refuse = [&](std::string why) {
    send_frame(pending.fd, tap::Refused{std::move(why)});
    pending_.erase(found);
  };
  if (!frame) return refuse(frame.error().message);
  if (!pending.secret) {
    auto* hello = std::get_if<tap::Hello>(&*frame);
    if (hello == nullptr) return refuse("the first frame is Hello");
    if (hello->version != tap::kVersion)
      return refuse(fmt::format("this server speaks version {} of the frames, not {}",
                                tap::kVersion, hello->version));
    pending.secret = std::move(hello->secret);
    return;
  }
  auto wish = wish_of(*frame);
  if (!wish) return refuse("after Hello comes Watch, Tap or Inject");
  Request request{std::move(pending.fd), std::move(*pending.secret), std::move(*wish)};
  // The watch goes first: its descriptor has moved on, and must not be closed here.
  pending_.erase(found);
  on_request_(std::move(request));
}

void TapServer::on_timer(base::TimePoint now) {
  if (!watch_) listen();
  std::erase_if(pending_, [now](const auto& entry) { return entry.second.until <= now; });
}

}  // namespace parley::media
