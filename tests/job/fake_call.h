// A media worker's side for a whole job: any number of connections, each served in real time with
// prepared packets. Runs on a thread of its own.
#pragma once

#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <list>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/time.h"
#include "tap/frames.h"

namespace parley::test {

struct TimedPacket {
  std::int64_t at_us = 0;  // when it was captured, after the call began
  std::vector<std::uint8_t> rtp;
};
struct FakeTrack {
  std::string owner;
  base::Source source = base::Source::kMic;
  tap::Format format;
  std::vector<TimedPacket> packets;
  std::int64_t late_us = 0;        // from capture to arrival
  unsigned lose_one_in = 0;        // packets; 0: none
  std::int64_t muted_from_us = 0;  // 0: never
  std::int64_t muted_to_us = 0;
};

class FakeCall {
 public:
  explicit FakeCall(std::vector<FakeTrack> tracks) : tracks_(std::move(tracks)) {
    std::string folder = "/tmp/parley-call-XXXXXX";
    folder_ = mkdtemp(folder.data());
    path_ = folder_ + "/media.sock";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.data(), path_.size());
    listener_ = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    good_ = ::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 &&
            ::listen(listener_, 16) == 0;
    start_us_ = g_get_monotonic_time();
    thread_ = std::thread([this] { run(); });
  }
  ~FakeCall() {
    over_ = true;
    thread_.join();
    ::close(listener_);
    for (const Peer& peer : peers_) ::close(peer.fd);
    std::filesystem::remove_all(folder_);
  }
  FakeCall(const FakeCall&) = delete;
  FakeCall& operator=(const FakeCall&) = delete;

  [[nodiscard]] bool good() const { return good_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] int key_frames_asked() const { return key_frames_; }
  [[nodiscard]] int sent() const { return sent_; }
  [[nodiscard]] int unsent() const { return unsent_; }  // did not fit into a socket
  [[nodiscard]] std::int64_t start_us() const { return start_us_; }

 private:
  struct Peer {
    int fd = -1;
    const FakeTrack* track = nullptr;
    std::size_t next = 0;
    bool muted = false;
  };

  [[nodiscard]] base::TimePoint at(std::int64_t us) const {
    return base::TimePoint(base::Duration(start_us_ + us));
  }
  bool send(const Peer& peer, const tap::Frame& frame) {
    std::vector<std::uint8_t> bytes;
    tap::encode(frame, bytes);
    return ::send(peer.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) > 0;
  }
  void run() {
    while (!over_) {
      std::vector<pollfd> wanted = {{listener_, POLLIN, 0}};
      for (const Peer& peer : peers_) wanted.push_back({peer.fd, POLLIN, 0});
      ::poll(wanted.data(), wanted.size(), 5);
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (fd >= 0) peers_.emplace_back().fd = fd;
      for (auto peer = peers_.begin(); peer != peers_.end();)
        if (read(*peer)) {
          stream(*peer);
          ++peer;
        } else {
          ::close(peer->fd);
          peer = peers_.erase(peer);
        }
    }
  }
  bool read(Peer& peer) {
    std::vector<std::uint8_t> bytes(tap::kMaxFrameBytes);
    for (;;) {
      const ssize_t got = ::recv(peer.fd, bytes.data(), bytes.size(), 0);
      if (got < 0) return errno == EAGAIN || errno == EINTR;
      if (got == 0) return false;
      const auto frame = tap::decode(std::span(bytes).first(static_cast<std::size_t>(got)));
      if (!frame) return false;
      if (std::holds_alternative<tap::Watch>(*frame)) {
        send(peer, tap::Accepted{});
        for (const FakeTrack& track : tracks_)
          send(peer, tap::TrackAdded{track.owner, track.source});
      }
      if (const auto* tap = std::get_if<tap::Tap>(&*frame)) begin(peer, *tap);
      if (std::holds_alternative<tap::KeyFrame>(*frame)) ++key_frames_;
    }
  }
  void begin(Peer& peer, const tap::Tap& wish) {
    for (const FakeTrack& track : tracks_) {
      if (track.owner != wish.owner || track.source != wish.source) continue;
      peer.track = &track;
      const std::int64_t now = g_get_monotonic_time() - start_us_;
      while (peer.next < track.packets.size() &&
             track.packets[peer.next].at_us + track.late_us < now)
        ++peer.next;
      send(peer, tap::Accepted{});
      send(peer, track.format);
      send(peer, tap::Clock{track.format.ssrc, timestamp(track.packets.front()),
                            at(track.packets.front().at_us), true});
    }
    if (peer.track == nullptr) send(peer, tap::Refused{"there is no such track"});
  }
  static std::uint32_t timestamp(const TimedPacket& packet) {
    const auto& p = packet.rtp;
    return std::uint32_t{p[4]} << 24U | std::uint32_t{p[5]} << 16U | std::uint32_t{p[6]} << 8U |
           p[7];
  }
  void stream(Peer& peer) {
    if (peer.track == nullptr) return;
    const FakeTrack& track = *peer.track;
    const std::int64_t now = g_get_monotonic_time() - start_us_;
    for (; peer.next < track.packets.size(); ++peer.next) {
      const TimedPacket& packet = track.packets[peer.next];
      if (packet.at_us + track.late_us > now) return;
      const bool muted = packet.at_us >= track.muted_from_us && packet.at_us < track.muted_to_us;
      if (muted != peer.muted) send(peer, tap::Muted{muted});
      peer.muted = muted;
      if (muted) continue;
      if (track.lose_one_in != 0 && peer.next % track.lose_one_in == track.lose_one_in / 2)
        continue;
      if (send(peer, tap::Packet{at(packet.at_us + track.late_us), packet.rtp}))
        ++sent_;
      else
        ++unsent_;
    }
  }

  const std::vector<FakeTrack> tracks_;
  std::string folder_;
  std::string path_;
  int listener_ = -1;
  bool good_ = false;
  std::int64_t start_us_ = 0;
  std::atomic<bool> over_ = false;
  std::atomic<int> key_frames_ = 0;
  std::atomic<int> sent_ = 0;
  std::atomic<int> unsent_ = 0;
  std::list<Peer> peers_;  // the thread's, while it runs
  std::thread thread_;
};

}  // namespace parley::test
