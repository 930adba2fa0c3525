// A media worker's side of a tap, as a test plays it: one listening socket, one connection at a
// time, every wait bounded. Include before gstcheck.h.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/time.h"
#include "rtp/bytes.h"
#include "tap/frames.h"

namespace parley::test {

inline constexpr int kPatienceMs = 10'000;  // for hangs, not for speed

// An RTP packet of `payload`.
inline std::vector<std::uint8_t> rtp_packet(std::uint8_t payload_type, std::uint16_t sequence,
                                            std::uint32_t timestamp, std::uint32_t ssrc,
                                            std::vector<std::uint8_t> payload = {1, 2, 3}) {
  std::vector<std::uint8_t> packet(12);
  packet[0] = 0x80;
  packet[1] = payload_type;
  rtp::store16(&packet[2], sequence);
  rtp::store32(&packet[4], timestamp);
  rtp::store32(&packet[8], ssrc);
  packet.insert(packet.end(), payload.begin(), payload.end());
  return packet;
}

class TapServer {
 public:
  TapServer() {
    std::string folder = "/tmp/parley-tap-XXXXXX";
    folder_ = mkdtemp(folder.data());
    path_ = folder_ + "/media.sock";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.data(), path_.size());
    listener_ = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    good_ = ::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 &&
            ::listen(listener_, 4) == 0;
  }
  ~TapServer() {
    hang_up();
    ::close(listener_);
    ::unlink(path_.c_str());
    ::rmdir(folder_.c_str());
  }
  TapServer(const TapServer&) = delete;
  TapServer& operator=(const TapServer&) = delete;

  [[nodiscard]] bool good() const { return good_; }
  [[nodiscard]] const std::string& path() const { return path_; }

  // The next connection, and what it says after a good Hello. nullopt: none came, or no Hello.
  template <class T>
  std::optional<T> accept() {
    hang_up();
    if (!ready(listener_)) return std::nullopt;
    fd_ = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    const auto hello = next<tap::Hello>();
    if (!hello || hello->secret != "open sesame" || hello->version != tap::kVersion)
      return std::nullopt;
    return next<T>();
  }
  // The next frame; nullopt: none came, it is another one, or the connection is closed.
  template <class T>
  std::optional<T> next() {
    if (!ready(fd_)) return std::nullopt;
    frame_.resize(tap::kMaxFrameBytes);
    const ssize_t got = ::recv(fd_, frame_.data(), frame_.size(), 0);
    if (got <= 0) return std::nullopt;
    auto frame = tap::decode(std::span(frame_).first(static_cast<std::size_t>(got)));
    if (!frame || !std::holds_alternative<T>(*frame)) return std::nullopt;
    return std::get<T>(*frame);
  }
  bool send(const tap::Frame& frame) {
    std::vector<std::uint8_t> bytes;
    tap::encode(frame, bytes);
    return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }
  bool send_rtp(const std::vector<std::uint8_t>& packet, base::TimePoint arrived) {
    return send(tap::Packet{arrived, packet});
  }
  void hang_up() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  static bool ready(int fd) {
    pollfd wanted{fd, POLLIN, 0};
    return ::poll(&wanted, 1, kPatienceMs) > 0;
  }

  std::string folder_;
  std::string path_;
  int listener_ = -1;
  int fd_ = -1;
  bool good_ = false;
  std::vector<std::uint8_t> frame_;
};

}  // namespace parley::test
