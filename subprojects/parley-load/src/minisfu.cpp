// minisfu: a bare single-threaded SFU that speaks the `generic` protocol.
//
// A test double for parley-load, which it shares its PeerConnection with, and a practical floor of
// "receive, decrypt, encrypt per receiver, send" in one loop. Not a product: no retransmission, no
// bandwidth estimation, header extensions are dropped.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <list>

#include "base.h"
#include "bytes.h"
#include "json.h"
#include "peer_connection.h"
#include "web_socket.h"

namespace {

using namespace parley::load;

class Client;

struct Hall {  // everything there is
  EventLoop loop;
  DtlsIdentity identity{SrtpChoice::kBoth};
  PeerConnectionOptions options;
  std::list<std::unique_ptr<Client>> clients;
};

class Client {
 public:
  Client(Hall& hall, int fd) : hall_(hall), socket_(hall.loop) {
    socket_.on_text = [this](const std::string& text) { on_text(text); };
    socket_.on_close = [this] { leave(); };
    socket_.adopt(fd);
  }

  [[nodiscard]] bool gone() const { return gone_; }
  void tick(std::uint64_t now_ns) {
    if (connection_) connection_->tick(now_ns);
  }
  void forget(const Client& publisher) {
    // The m-lines stay; nothing flows on them any more.
    lines_.erase(&publisher);
  }

 private:
  using Lines = std::array<std::size_t, kKinds>;  // m-lines of one publisher's audio and video

  [[nodiscard]] bool shares_room(const Client& other) const {
    return &other != this && !other.gone_ && other.connection_ && other.room_ == room_;
  }

  void on_text(const std::string& text) {
    const Json message = parse_json(text);
    const std::string type = text_of(message, "type");
    if (type == "join") {
      join(message);
    } else if (type == "leave") {
      leave();
    } else if (type == "answer" && connection_) {
      on_answer(text_of(message, "sdp"));
    } else if (type == "candidate" && connection_) {
      connection_->add_remote_candidate(text_of(message, "candidate"));
    }
  }

  void join(const Json& message) {
    room_ = text_of(message, "room");
    name_ = text_of(message, "peer");
    publishes_ = flag_of(message, "publish", true);
    views_ = flag_of(message, "view", true);
    connection_ = std::make_unique<PeerConnection>(hall_.loop, hall_.identity, hall_.options, true);
    const char* direction = publishes_ ? "recvonly" : "inactive";
    connection_->add_line(Kind::kAudio, direction, "");
    connection_->add_line(Kind::kVideo, direction, "");
    connection_->on_plain_rtp = [this](std::span<const std::uint8_t> packet,
                                       const ReceivedStream& stream) { forward(packet, stream); };
    connection_->on_key_request = [this] { ask_for_key_frames(); };
    connection_->on_connected = [this] { ask_for_key_frames(); };
    connection_->on_failed = [this](const std::string& why) {
      socket_.send_text(Json{{"type", "failed"}, {"message", why}}.dump());
    };
    for (const auto& other : hall_.clients) {
      if (!shares_room(*other)) continue;
      if (other->publishes_) show(*other);
      if (publishes_ && other->show(*this)) other->offer();
    }
    offer();
  }

  bool show(const Client& publisher) {
    if (!views_) return false;
    lines_[&publisher] = {connection_->add_line(Kind::kAudio, "sendonly", publisher.name_),
                          connection_->add_line(Kind::kVideo, "sendonly", publisher.name_)};
    return true;
  }

  void offer() {  // one at a time
    if (offering_) {
      offer_again_ = true;
      return;
    }
    offering_ = true;
    socket_.send_text(Json{{"type", "offer"}, {"sdp", connection_->make_offer()}}.dump());
  }

  void on_answer(const std::string& sdp) {
    connection_->accept_answer(sdp);
    offering_ = false;
    ask_for_key_frames();
    if (!offer_again_) return;
    offer_again_ = false;
    offer();
  }

  void ask_for_key_frames() {
    for (const auto& other : hall_.clients) {
      if (shares_room(*other) && other->ssrcs_[index_of(Kind::kVideo)] != 0) {
        other->connection_->request_key_frame(other->ssrcs_[index_of(Kind::kVideo)]);
      }
    }
  }

  void forward(std::span<const std::uint8_t> packet, const ReceivedStream& stream) {
    if (stream.kind == Kind::kOther) return;
    const std::size_t kind = index_of(stream.kind);
    ssrcs_[kind] = stream.ssrc;
    const auto payload = packet.subspan(rtp_payload_offset(packet));
    std::array<std::uint8_t, kRtpHeaderBytes> header{};
    std::memcpy(header.data(), packet.data(), header.size());
    header[0] = 0x80;
    for (const auto& other : hall_.clients) {
      if (!shares_room(*other)) continue;
      const auto lines = other->lines_.find(this);
      if (lines == other->lines_.end()) continue;
      const MediaLine& line = other->connection_->lines()[lines->second[kind]];
      if (!line.negotiated || line.rejected) continue;
      put32(&header[8], line.ssrc);
      other->connection_->forward(header, payload);
    }
  }

  void leave() {
    gone_ = true;
    for (const auto& other : hall_.clients) other->forget(*this);
  }

  Hall& hall_;
  WebSocket socket_;
  std::unique_ptr<PeerConnection> connection_;
  std::string room_;
  std::string name_;
  bool publishes_ = true;
  bool views_ = true;
  bool gone_ = false;
  bool offering_ = false;
  bool offer_again_ = false;
  std::array<std::uint32_t, kKinds> ssrcs_{};  // that it sends; 0: not yet
  std::map<const Client*, Lines> lines_;       // by publisher
};

class Listener : public EventHandler {
 public:
  explicit Listener(Hall& hall) : hall_(hall) {}

  bool listen_on(std::uint16_t port) {
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    constexpr int kBacklog = 512;
    if (bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        listen(fd_, kBacklog) != 0) {
      return false;
    }
    socklen_t size = sizeof address;
    getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    std::printf("minisfu listens on ws://127.0.0.1:%u/ws\n", unsigned{ntohs(address.sin_port)});
    std::fflush(stdout);
    hall_.loop.add(fd_, EPOLLIN, *this);
    return true;
  }

  void on_events(std::uint32_t /*events*/) override {
    const int fd = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) hall_.clients.push_back(std::make_unique<Client>(hall_, fd));
  }

 private:
  Hall& hall_;
  int fd_ = -1;
};

volatile std::sig_atomic_t stop_requested = 0;

void serve(Hall& hall) {
  std::uint64_t next_tick = 0;
  while (stop_requested == 0) {
    const std::uint64_t now = monotonic_ns();
    if (now >= next_tick) {
      next_tick = now + 20 * kMilliNs;
      for (const auto& client : hall.clients) client->tick(now);
      hall.clients.remove_if([](const auto& client) { return client->gone(); });
    }
    hall.loop.poll(next_tick > now ? next_tick - now : 0);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const long port = argc == 2 ? std::strtol(argv[1], nullptr, 10) : -1;
  if (port < 0 || port > 65535) {
    std::fprintf(stderr, "usage: minisfu PORT   (0: any free port; it is printed)\n");
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGTERM, [](int) { stop_requested = 1; });
  std::signal(SIGINT, [](int) { stop_requested = 1; });
  Hall hall;
  hall.options.transport_cc = false;
  hall.options.send_nack = false;
  Listener listener(hall);
  if (!listener.listen_on(static_cast<std::uint16_t>(port))) {
    std::perror("minisfu: cannot listen; is the port in use?");
    return 1;
  }
  serve(hall);
  return 0;
}
