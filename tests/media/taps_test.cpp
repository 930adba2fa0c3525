// Jobs at the worker's socket: what they see, what they are given, what they may put in, and that
// none of them can hold up a call.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fixture.h"
#include "media/io_taps.h"
#include "media/tap_server.h"
#include "router/outbox.h"
#include "router/router.h"
#include "rtp/bytes.h"
#include "rtp/packet.h"
#include "support/check_main.h"
#include "tap/frames.h"

using namespace parley;
using namespace parley::test;
using base::Source;
using Bytes = std::vector<std::uint8_t>;
using Words = std::vector<std::string>;

namespace {

constexpr std::uint8_t kVp8Type = 96;

// A folder of its own for one test's socket.
class Place {
 public:
  Place() {
    std::string folder = "/tmp/parley-taps-XXXXXX";
    folder_ = mkdtemp(folder.data());
  }
  ~Place() { std::filesystem::remove_all(folder_); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  [[nodiscard]] std::string socket() const { return folder_ + "/run/media.sock"; }
  [[nodiscard]] std::string key() const {
    std::string key;
    std::ifstream(socket() + ".key") >> key;
    return key;
  }
  [[nodiscard]] media::WorkerConfig config() const {
    media::WorkerConfig config;
    config.tap_socket = socket();
    config.silent_after = std::chrono::milliseconds(300);
    return config;
  }

 private:
  std::string folder_;
};

// One connection of a job's.
class Client {
 public:
  Client(const std::string& socket, const std::string& secret, const tap::Frame& wish) {
    fd_ = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socket.copy(address.sun_path, sizeof address.sun_path - 1);
    ck_assert_int_eq(connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    send(tap::Hello{tap::kVersion, secret});
    send(wish);
  }
  ~Client() { close(); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  void send(const tap::Frame& frame) const {
    Bytes bytes;
    tap::encode(frame, bytes);
    (void)::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  // What has come, in words.
  const Words& read() {
    Bytes buffer(tap::kMaxFrameBytes);
    while (true) {
      const ssize_t got = recv(fd_, buffer.data(), buffer.size(), 0);
      if (got < 0) break;
      if (got == 0) {
        if (!closed) heard.emplace_back("closed");
        closed = true;
        break;
      }
      const auto frame = tap::decode(std::span(buffer).first(static_cast<std::size_t>(got)));
      ck_assert(frame.has_value());
      std::visit([this](const auto& f) { say(f); }, *frame);
    }
    return heard;
  }
  [[nodiscard]] bool has(const std::string& word) {
    read();
    return std::find(heard.begin(), heard.end(), word) != heard.end();
  }

  Words heard;
  bool closed = false;
  std::uint64_t dropped = 0;
  std::uint64_t packets = 0;
  tap::Format format;
  tap::Clock clock;
  Bytes last;

 private:
  static std::string word(const std::string& owner, Source source) {
    return owner + "/" + std::string(base::name_of(source));
  }
  void say(const tap::Accepted& /*f*/) { heard.emplace_back("accepted"); }
  void say(const tap::Refused& f) { heard.push_back("refused: " + f.why); }
  void say(const tap::TrackAdded& f) { heard.push_back("+" + word(f.owner, f.source)); }
  void say(const tap::TrackRemoved& f) { heard.push_back("-" + word(f.owner, f.source)); }
  void say(const tap::PortAdded& f) { heard.push_back("+port " + f.owner); }
  void say(const tap::PortRemoved& f) { heard.push_back("-port " + f.owner); }
  void say(const tap::Format& f) {
    format = f;
    heard.emplace_back("format");
  }
  void say(const tap::Clock& f) {
    clock = f;
    heard.emplace_back("clock");
  }
  void say(const tap::Muted& f) { heard.emplace_back(f.muted ? "muted" : "heard"); }
  void say(const tap::Dropped& f) { dropped += f.packets; }
  void say(const tap::Packet& f) {
    if (packets++ == 0) heard.emplace_back("packet");
    last.assign(f.rtp.begin(), f.rtp.end());
  }
  void say(const tap::KeyFrame& /*f*/) { heard.emplace_back("key frame"); }
  void say(const tap::End& /*f*/) { heard.emplace_back("end"); }
  template <class Other>
  void say(const Other& /*f*/) {
    heard.emplace_back("?");
  }
  int fd_ = -1;
};

void name(Fixture& f, const Member& member, const std::string& group) {
  f.worker().post(media::Name{member.stream, group, member.owner});
}

bool is_mode(const std::string& path, unsigned mode) {
  struct stat found {};
  return stat(path.c_str(), &found) == 0 && (found.st_mode & 0777U) == mode;
}

Bytes rtp_packet(std::uint8_t type, std::uint16_t sequence, bool key) {
  Bytes p(12);
  p[0] = 0x80;
  p[1] = type;
  rtp::store16(&p[2], sequence);
  rtp::store32(&p[4], sequence * 3000U);
  rtp::store32(&p[8], 77);
  for (const int byte : {0x10, key ? 0 : 1, 1, 2, 3, 4, 5, 6, 7, 8})
    p.push_back(static_cast<std::uint8_t>(byte));
  return p;
}

base::TimePoint monotonic() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return base::TimePoint(std::chrono::seconds(now.tv_sec) +
                         std::chrono::microseconds(now.tv_nsec / 1000));
}

}  // namespace

START_TEST(a_job_sees_and_taps_what_it_may) {
  const Place place;
  Fixture f(place.config());
  ck_assert(is_mode(place.socket(), 0600) && is_mode(place.socket() + ".key", 0600));
  ck_assert(is_mode(std::filesystem::path(place.socket()).parent_path(), 0700));
  ck_assert_uint_eq(place.key().size(), 64);
  const auto [a, b] = f.open_pair();
  name(f, *a, "call");
  name(f, *b, "call");
  f.worker().post(media::AdmitJob{base::JobId("job"), "secret", "call", {b->owner}});
  ck_assert(f.flows(*a, *b));

  const std::string at = place.socket();
  Client watch(at, "secret", tap::Watch{"call"});
  ck_assert(f.run_until([&] { return watch.read().size() == 3; }));
  ck_assert(watch.heard == Words({"accepted", "+p1/mic", "+p1/camera"}));
  Client tap(at, "secret", tap::Tap{"call", a->owner, Source::kCamera});
  ck_assert(f.run_until([&] {
    a->peer->send_video(1);
    return tap.has("packet");
  }));
  ck_assert(tap.heard == Words({"accepted", "heard", "format", "clock", "packet"}));
  ck_assert_uint_eq(tap.format.payload_type, kVp8Type);
  ck_assert_uint_eq(tap.format.clock_hz, 90'000);
  const auto packet = rtp::Packet::parse(tap.last);
  ck_assert(packet && packet->ssrc() == tap.format.ssrc && tap.clock.ssrc == tap.format.ssrc);
  ck_assert(tap.clock.captured <= monotonic());
  const int before = a->peer->key_frame_requests();
  tap.send(tap::KeyFrame{});
  ck_assert(f.run_until([&] { return a->peer->key_frame_requests() > before; }));
  f.worker().post(media::Mute{a->stream, false, true});
  ck_assert(f.run_until([&] { return tap.has("muted"); }));

  // Who may not, hears why; the server's key opens everything.
  const auto refused = [&](const std::string& secret, const tap::Frame& wish) {
    Client client(at, secret, wish);
    ck_assert(f.run_until([&] { return client.has("closed"); }));
    return client.heard.front();
  };
  ck_assert(refused("guess", tap::Watch{"call"}).starts_with("refused: wrong secret"));
  ck_assert(refused("secret", tap::Watch{"other"}) == "refused: this job is not for call 'other'");
  ck_assert(refused("secret", tap::Tap{"call", b->owner, Source::kMic}) ==
            "refused: there is no 'p2' in call 'call'");
  ck_assert(refused("secret", tap::Tap{"call", a->owner, Source::kScreen}) ==
            "refused: 'p1' sends no screen now, but: mic, camera");
  ck_assert(refused("secret", tap::End{}).starts_with("refused: after Hello"));
  Client operators(at, place.key(), tap::Tap{"call", b->owner, Source::kMic});
  ck_assert(f.run_until([&] { return operators.has("accepted"); }));

  // Who is hidden from now on is no more.
  f.worker().post(media::AdmitJob{base::JobId("job"), "secret", "call", {a->owner}});
  ck_assert(f.run_until([&] { return tap.has("closed") && watch.has("+p2/camera"); }));
  ck_assert(tap.has("end"));
  ck_assert(watch.has("-p1/mic") && watch.has("-p1/camera") && watch.has("+p2/mic"));
  f.worker().post(media::DismissJob{base::JobId("job")});
  ck_assert(f.run_until([&] { return watch.has("closed"); }));
  ck_assert(refused("secret", tap::Watch{"call"}).starts_with("refused: wrong secret"));
  // A track that ends, ends its taps.
  f.close(*b);
  ck_assert(f.run_until([&] { return operators.has("closed"); }));
  ck_assert(operators.has("end"));
  ck_assert(f.run_until([&] { return f.stats().tap_packets > 0; }));
}
END_TEST

START_TEST(a_port_publishes_what_a_job_makes) {
  const Place place;
  Fixture f(place.config());
  const auto [a, b] = f.open_pair();
  Member& port = f.open_port(base::JobId("job"), "mix");  // also before its job is admitted
  f.worker().post(media::AdmitJob{base::JobId("job"), "secret", "call", {}});
  f.show(*a, port);
  Client watch(place.socket(), place.key(), tap::Watch{"call"});
  ck_assert(f.run_until([&] { return watch.has("+port mix"); }));

  const tap::Inject wish{"call", "mix", Source::kMixVideo, rtp::Codec::kVp8};
  Client job(place.socket(), "secret", wish);
  const auto offered = [&] {
    for (const auto& track : a->offers.back().tracks)
      if (track.owner == "mix" && track.source == Source::kMixVideo) return true;
    return false;
  };
  ck_assert(f.run_until([&] { return job.has("accepted") && offered(); }));
  ck_assert_int_eq(port.connected, 1);
  // The same once more is refused, and so is what is no port or no such codec.
  const auto refused = [&](const tap::Inject& other) {
    Client client(place.socket(), "secret", other);
    ck_assert(f.run_until([&] { return client.has("closed"); }));
    return client.heard.front();
  };
  ck_assert(refused(wish) == "refused: something is mix-video of 'mix' already");
  ck_assert(refused({"call", "mix", Source::kMixAudio, rtp::Codec::kVp8})
                .starts_with("refused: mix-audio is audio"));
  ck_assert(refused({"call", a->owner, Source::kMic, rtp::Codec::kOpus})
                .starts_with("refused: there is no port for"));

  // A viewer that begins wants a key frame of the job, and gets it.
  std::uint16_t sequence = 0;
  a->peer->forget_heard();
  ck_assert(f.run_until([&] {
    const bool wanted = job.has("key frame");
    const Bytes packet = rtp_packet(kVp8Type, ++sequence, wanted);
    job.send(tap::Packet{monotonic(), packet});
    return a->peer->heard_of(kVp8Type) > 0;
  }));
  ck_assert(job.has("key frame"));
  ck_assert(f.run_until([&] { return f.stats().injected > 0; }));
  // Nothing for a while, and then again.
  ck_assert(f.run_until([&] { return port.silent > 0 && port.silent == port.audible; }));
  const int audible = port.audible;
  job.send(tap::Packet{monotonic(), rtp_packet(kVp8Type, ++sequence, true)});
  ck_assert(f.run_until([&] { return port.audible == audible + 1; }));
  // Its end is no end of the port.
  job.close();
  ck_assert(f.run_until([&] { return !offered() && port.silent == audible + 1; }));
  Client again(place.socket(), "secret", wish);
  ck_assert(f.run_until([&] { return again.has("accepted") && offered(); }));
  ck_assert_int_eq(port.connected, 1);
  f.worker().post(media::CloseLeg{port.leg});
  ck_assert(f.run_until([&] { return port.closed && again.has("closed") && !offered(); }));
  ck_assert(watch.has("-port mix"));
  ck_assert(f.flows(*a, *b));
}
END_TEST

// Neither a job that stops reading nor one that dies is noticed by those who talk.
START_TEST(a_stuck_and_a_dead_job_hold_up_nobody) {
  const Place place;
  Fixture f(place.config());
  const auto [a, b] = f.open_pair();
  name(f, *a, "call");
  ck_assert(f.flows(*a, *b));
  Client stuck(place.socket(), place.key(), tap::Tap{"call", a->owner, Source::kCamera});
  // The other end of this one is held by a process that does nothing, and is killed.
  const pid_t dead = fork();
  ck_assert_int_ge(dead, 0);
  if (dead == 0) {
    const Client sleeper(place.socket(), place.key(), tap::Tap{"call", a->owner, Source::kCamera});
    while (true) pause();
  }
  ck_assert(f.run_until([&] { return f.stats().job_connections == 2; }));
  std::size_t sent = 0;
  b->peer->forget_heard();
  ck_assert(f.run_until([&] {
    // No more under way than the peer's own socket holds: what is missing then is our doing.
    if (sent <= b->peer->heard_of(kVp8Type) + 20) {
      a->peer->send_video_burst(3, 20);
      sent += 20;
    }
    return f.stats().tap_drops > 200;
  }));
  ck_assert(f.run_until([&] { return b->peer->heard_of(kVp8Type) >= sent; }));
  ck_assert_int_eq(kill(dead, SIGKILL), 0);
  int status = 0;
  ck_assert_int_eq(waitpid(dead, &status, 0), dead);
  ck_assert(f.run_until([&] { return f.stats().job_connections == 1; }));
  // Who reads again is told what he missed, and goes on.
  ck_assert(f.run_until([&] {
    a->peer->send_video(4);
    stuck.read();
    return stuck.dropped > 0 && stuck.packets > 0;
  }));
  const std::uint64_t packets = stuck.packets;
  ck_assert(f.run_until([&] {
    a->peer->send_video(5);
    stuck.read();
    return stuck.packets > packets + 3;
  }));
  ck_assert(f.flows(*a, *b));
}
END_TEST

// Waking a job costs more than a packet: who can wait gets many at once.
START_TEST(packets_are_gathered_longer_for_the_patient) {
  const media::OwnedFd epoll(epoll_create1(EPOLL_CLOEXEC));
  router::Outbox outbox(8);
  media::IoTaps taps(epoll.get(), 0, std::chrono::seconds(1), [](const media::IoReport&) {});
  router::Router router(outbox, &taps);
  const auto add = [&](std::uint64_t id, bool patient) {
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    taps.add(media::AddTap{{id}, media::OwnedFd(ends[0]), {}, Source::kCamera, patient}, router);
    return media::OwnedFd(ends[1]);
  };
  const media::OwnedFd prompt = add(1, false);
  const media::OwnedFd patient = add(2, true);
  const auto came = [](const media::OwnedFd& end) {
    std::uint8_t frame[tap::kMaxFrameBytes];
    int packets = 0;
    ssize_t bytes = 0;
    while ((bytes = recv(end.get(), frame, sizeof frame, MSG_DONTWAIT)) > 0)
      packets += tap::is_packet({frame, static_cast<std::size_t>(bytes)}) ? 1 : 0;
    return packets;
  };
  const base::TimePoint start = monotonic();
  constexpr auto kMs = [](int ms) { return base::Duration(std::chrono::milliseconds(ms)); };
  const Bytes packet = rtp_packet(kVp8Type, 1, false);
  int prompt_packets = 0;
  for (int ms = 0; ms < 50; ms += 5) {
    for (const std::uint64_t id : {1, 2}) taps.on_packet({id}, start + kMs(ms), packet);
    taps.flush_due(start + kMs(ms));
    ck_assert(taps.flush_at() && *taps.flush_at() <= start + kMs(50));
    const int now = came(prompt);
    ck_assert_msg(now == 0 || now == 5, "%d at once", now);  // one every 5 ms, for 20 ms
    prompt_packets += now;
    ck_assert_int_eq(came(patient), 0);
  }
  taps.flush_due(start + kMs(50));
  prompt_packets += came(prompt);
  ck_assert_int_eq(prompt_packets, 10);
  ck_assert_int_eq(came(patient), 10);
  ck_assert(!taps.flush_at());
  // What waits goes before the end is said.
  taps.on_packet({2}, start, packet);
  taps.end({2}, router);
  ck_assert_int_eq(came(patient), 1);
}
END_TEST

START_TEST(only_an_abandoned_socket_is_replaced) {
  const Place place;
  const auto starts = [&] {
    auto worker = media::Worker::start(place.config(), [](const media::Event&) {});
    return worker ? std::string() : worker.error().message;
  };
  {
    Fixture f(place.config());
    ck_assert(starts().find("another server listens") != std::string::npos);
    ck_assert(is_mode(place.socket(), 0600));
  }
  ck_assert(!std::filesystem::exists(place.socket()));
  ck_assert(!std::filesystem::exists(place.socket() + ".key"));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  place.socket().copy(address.sun_path, sizeof address.sun_path - 1);
  const int fd = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  ck_assert_int_eq(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  close(fd);
  ck_assert(starts().empty());
  std::ofstream(place.socket()) << "text";
  ck_assert(starts().find("not a socket") != std::string::npos);
}
END_TEST

START_TEST(without_a_descriptor_for_it_nobody_is_asked_all_the_time) {
  const Place place;
  GMainContext* context = g_main_context_new();
  int asked = 0;
  auto server = media::TapServer::open(context, place.socket(),
                                       [&](const media::TapServer::Request&) { ++asked; });
  ck_assert(server.has_value());
  Client client(place.socket(), "secret", tap::Watch{"call"});
  rlimit usual{};
  ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &usual), 0);
  const int lowest_free = dup(0);
  close(lowest_free);
  const rlimit none_left{static_cast<rlim_t>(lowest_free), usual.rlim_max};
  ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none_left), 0);
  int rounds = 0;
  while (rounds < 50 && g_main_context_iteration(context, FALSE)) ++rounds;
  ck_assert_int_eq(rounds, 1);
  // It goes on when the timer has come, and there is room.
  ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &usual), 0);
  (*server)->on_timer(monotonic());
  while (asked == 0) g_main_context_iteration(context, TRUE);
  server->reset();
  g_main_context_unref(context);
}
END_TEST

int main() {
  return test::run(
      "taps", {a_job_sees_and_taps_what_it_may, a_port_publishes_what_a_job_makes,
               a_stuck_and_a_dead_job_hold_up_nobody, packets_are_gathered_longer_for_the_patient,
               only_an_abandoned_socket_is_replaced,
               without_a_descriptor_for_it_nobody_is_asked_all_the_time});
}
