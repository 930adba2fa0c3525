// The real parley-job against a media worker's side of its socket, and the parts of it that must
// never wait for anybody.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "job/confine.h"
#include "job/discretion.h"
#include "job/gst_pipeline.h"
#include "job/lines.h"
#include "job/reporter.h"
#include "job/spec.h"
#include "tap/frames.h"

#include "support/check_main.h"

namespace {

using namespace parley;
using job::State;
using job::StateReport;

constexpr int kPatience_ms = 20'000;  // for what must come; not for how fast

bool readable(int fd) {
  pollfd target{fd, POLLIN, 0};
  return poll(&target, 1, kPatience_ms) == 1;
}

// The media worker's side of one connection.
class Connection {
 public:
  explicit Connection(int fd) : fd_(fd) {}
  ~Connection() { close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Of the next frame; nullopt: the other end has closed it.
  template <class T>
  std::optional<T> expect() {
    const auto size = receive();
    if (size == 0) return std::nullopt;
    const auto frame = tap::decode({bytes_.data(), size});
    ck_assert(frame.has_value());
    ck_assert(std::holds_alternative<T>(*frame));
    return std::get<T>(*frame);
  }
  void until_closed() {
    while (receive() > 0) {
    }
  }
  void send(const tap::Frame& frame) const {
    std::vector<std::uint8_t> bytes;
    tap::encode(frame, bytes);
    ck_assert_int_eq(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL),
                     static_cast<ssize_t>(bytes.size()));
  }

 private:
  std::size_t receive() {
    ck_assert_msg(readable(fd_), "nothing came");
    const ssize_t size = recv(fd_, bytes_.data(), bytes_.size(), 0);
    return size > 0 ? static_cast<std::size_t>(size) : 0;
  }
  const int fd_;
  std::vector<std::uint8_t> bytes_ = std::vector<std::uint8_t>(tap::kMaxFrameBytes);
};

class World {
 public:
  World() {
    char name[] = "/tmp/parley-job-XXXXXX";
    ck_assert(mkdtemp(name) != nullptr);
    folder_ = name;
    listener_ = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, (folder_ + "/media.sock").c_str());
    ck_assert_int_eq(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ck_assert_int_eq(listen(listener_, 16), 0);
  }
  ~World() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    close(listener_);
    (void)!std::system(("rm -r " + folder_).c_str());
  }

  [[nodiscard]] job::Spec spec() const {
    job::Spec spec;
    spec.job = base::JobId("j1");
    spec.call = "call-1";
    spec.socket = folder_ + "/media.sock";
    spec.secret = std::string(64, 'f');
    spec.pipelines = {PARLEY_PIPELINES};
    spec.limits = {3'000'000'000, 600, 300};
    spec.work = job::Record{folder_ + "/out", job::Layout::kTracks, job::Container::kWebm, 60'000};
    return spec;
  }
  void start(const std::string& input) {
    ck_assert_int_eq(std::system(("mkdir -p " + folder_ + "/out").c_str()), 0);
    int in[2];
    int out[2];
    ck_assert_int_eq(pipe2(in, O_CLOEXEC), 0);
    ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
    pid_ = fork();
    if (pid_ == 0) {
      dup2(in[0], 0);
      dup2(out[1], 1);
      execl(PARLEY_JOB, "parley-job", nullptr);
      _exit(127);
    }
    close(in[0]);
    close(out[1]);
    input_ = in[1];
    output_ = out[0];
    say(input);
  }
  void say(const std::string& line) const {
    const std::string text = line + "\n";
    ck_assert_int_eq(write(input_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void say_no_more() const { close(input_); }
  std::unique_ptr<Connection> accept() const {
    ck_assert_msg(readable(listener_), "nobody connects");
    return std::make_unique<Connection>(accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC));
  }
  // The Watch, accepted.
  std::unique_ptr<Connection> accept_watch() const {
    auto watch = accept();
    const auto hello = watch->expect<tap::Hello>();
    ck_assert(hello->version == tap::kVersion && hello->secret == std::string(64, 'f'));
    ck_assert(watch->expect<tap::Watch>()->group == "call-1");
    watch->send(tap::Accepted{});
    return watch;
  }
  StateReport next_state() {
    while (true) {
      while (!reports_.empty()) {
        const auto report = job::parse_report(reports_.front());
        reports_.erase(reports_.begin());
        ck_assert(report.has_value());
        if (const auto* state = std::get_if<StateReport>(&*report)) return *state;
      }
      ck_assert_msg(readable(output_), "no report came");
      char bytes[4096];
      const ssize_t size = read(output_, bytes, sizeof bytes);
      ck_assert_msg(size > 0, "it ended without the report");
      ck_assert(lines_.feed({bytes, static_cast<std::size_t>(size)},
                            [this](std::string_view line) { reports_.emplace_back(line); }));
    }
  }
  StateReport last_state() {
    while (true) {
      const StateReport state = next_state();
      if (state.state == State::kEnded || state.state == State::kFailed) return state;
    }
  }
  int exit_code() {
    int status = 0;
    ck_assert_int_eq(waitpid(pid_, &status, 0), pid_);
    pid_ = 0;
    ck_assert_msg(WIFEXITED(status), "signal %d", WTERMSIG(status));
    return WEXITSTATUS(status);
  }
  [[nodiscard]] std::string proc(const std::string& file) const {
    std::ifstream in("/proc/" + std::to_string(pid_) + "/" + file);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
  }

  std::string folder_;
  pid_t pid_ = 0;

 private:
  int listener_ = -1;
  int input_ = -1;
  int output_ = -1;
  job::Lines lines_{1 << 20};
  std::vector<std::string> reports_;
};

void expect_text(const std::string& text, const char* part) {
  ck_assert_msg(text.find(part) != std::string::npos, "%s\nis not in: %s", part, text.c_str());
}

START_TEST(what_cannot_begin_says_why) {
  {
    World world;
    world.start("{\"job\":7}");
    expect_text(world.last_state().message, "'job' is a number; it should be a text");
    ck_assert_int_eq(world.exit_code(), 64);
  }
  {
    World world;
    job::Spec spec = world.spec();
    spec.socket = world.folder_ + "/none.sock";
    world.start(encode(spec));
    expect_text(world.last_state().message, "the media worker cannot be reached");
    ck_assert_int_eq(world.exit_code(), 1);
  }
  {
    World world;
    world.start(encode(world.spec()));
    const auto watch = world.accept();
    watch->send(tap::Refused{"no such call"});
    expect_text(world.last_state().message, "the media worker refuses: no such call");
    ck_assert_int_eq(world.exit_code(), 1);
  }
}
END_TEST

START_TEST(it_takes_rights_from_itself) {
  World world;
  world.start(encode(world.spec()));
  const auto watch = world.accept_watch();
  expect_text(world.proc("status"), "NoNewPrivs:\t1");
  const std::string limits = world.proc("limits");
  expect_text(limits, "Max data size             3000000000           3000000000");
  expect_text(limits, "Max core file size        0                    0");
  expect_text(limits, "Max open files            300                  300");
  ck_assert_int_eq(getpgid(world.pid_), world.pid_);
  ck_assert_int_eq(std::stoi(world.proc("oom_score_adj")), 500);
  // Its command line and first environment are what others on the machine could read.
  ck_assert(world.proc("cmdline").find("fff") == std::string::npos);
  ck_assert(world.proc("environ").find("fff") == std::string::npos);
  // Whoever started it is gone: so is its reason to be there, in order.
  world.say_no_more();
  ck_assert(world.last_state().state == State::kEnded);
  ck_assert_int_eq(world.exit_code(), 0);
}
END_TEST

// The folder of its pipelines is allowed; what a link in it leads to is not.
START_TEST(it_reads_only_what_it_may) {
  using Mode = job::Sandbox::Mode;
  const auto run = [](Mode mode, bool allowed, const char* complaint) {
    const World world_of_links;
    const std::string hidden = world_of_links.folder_ + "/hidden";
    const std::string own = world_of_links.folder_ + "/own";
    const std::string made = "mkdir " + own + " " + hidden +
                             " && cp " PARLEY_PIPELINES "/mix-picture.pipeline " + hidden +
                             " && ln -s " + hidden + "/mix-picture.pipeline " + own;
    ck_assert_int_eq(std::system(made.c_str()), 0);
    World world;
    job::Spec spec = world.spec();
    spec.work = job::Mix{};
    spec.pipelines.insert(spec.pipelines.begin(), own);
    spec.sandbox.mode = mode;
    if (allowed) spec.sandbox.read = {hidden};
    world.start(encode(spec));
    const auto watch = world.accept_watch();
    while (world.next_state().state != State::kLive) {
    }
    watch->send(tap::PortAdded{"mix"});
    if (complaint == nullptr) {
      // Its pipeline runs: parleysink asks for the port.
      const auto port = world.accept();
      return (void)port->expect<tap::Hello>();
    }
    const StateReport refused = world.next_state();
    ck_assert(refused.state == State::kReconnecting);
    expect_text(refused.message, complaint);
  };
  run(Mode::kOff, false, nullptr);
  if (job::landlock_version() == 0) return;
  run(Mode::kAuto, false, "mix-picture.pipeline");
  run(Mode::kRequire, true, nullptr);
}
END_TEST

START_TEST(it_ends_with_the_media_worker_and_with_its_time) {
  {
    World world;
    world.start(encode(world.spec()));
    (void)world.accept_watch();  // … and closed
    const StateReport last = world.last_state();
    ck_assert(last.state == State::kFailed);
    expect_text(last.message, "the media worker has closed the connection");
    ck_assert_int_eq(world.exit_code(), 1);
  }
  World world;
  job::Spec spec = world.spec();
  spec.limits.seconds = 1;
  world.start(encode(spec));
  const auto watch = world.accept_watch();
  expect_text(world.last_state().message, "its time, 1 s, is over");
  ck_assert_int_eq(world.exit_code(), 1);
}
END_TEST

START_TEST(who_is_hidden_is_not_tapped) {
  World world;
  job::Spec spec = world.spec();
  spec.hidden = {"bob"};
  // Orders that come with the spec are not lost.
  world.start(encode(spec) + "\n{\"order\":\"nonsense\"}");
  const auto watch = world.accept_watch();
  watch->send(tap::TrackAdded{"bob", base::Source::kMic});
  watch->send(tap::TrackAdded{"alice", base::Source::kMic});
  const auto alice = world.accept();
  ck_assert(alice->expect<tap::Hello>()->secret == spec.secret);
  ck_assert(alice->expect<tap::Tap>()->owner == "alice");
  alice->send(tap::Accepted{});
  // Now the other way round.
  world.say(encode(job::Order(job::Hide{{"alice"}})));
  const auto bob = world.accept();
  (void)bob->expect<tap::Hello>();
  ck_assert(bob->expect<tap::Tap>()->owner == "bob");
  bob->send(tap::Accepted{});
  alice->until_closed();
  world.say(encode(job::Order(job::Stop{})));
  ck_assert(world.last_state().state == State::kEnded);
  ck_assert_int_eq(world.exit_code(), 0);
}
END_TEST

START_TEST(a_parent_that_does_not_read_stalls_nobody) {
  int fds[2];
  ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
  job::Reporter reporter(fds[1]);
  // Far more than a pipe holds; each call returns at once, or this never ends.
  for (int i = 0; i < 20'000; ++i) {
    reporter.report(job::Progress{i, 1, 2, std::nullopt});
    if (i % 200 == 0) {
      job::Part part;
      part.file = std::to_string(i) + ".webm";
      part.codec = "opus";
      part.closed = true;
      reporter.report(part);
    }
  }
  reporter.report(StateReport{State::kEnded, ""});
  ck_assert_uint_lt(reporter.waiting(), 1'000);
  // All that matters comes, once somebody reads.
  int parts = 0;
  bool ended = false;
  job::Lines lines(1 << 16);
  while (!ended) {
    reporter.flush(std::chrono::milliseconds(1));
    char bytes[65'536];
    const ssize_t size = read(fds[0], bytes, sizeof bytes);
    ck_assert(lines.feed({bytes, static_cast<std::size_t>(size)}, [&](std::string_view line) {
      const auto report = job::parse_report(line);
      ck_assert(report.has_value());
      parts += std::holds_alternative<job::Part>(*report) ? 1 : 0;
      ended |= std::holds_alternative<StateReport>(*report);
    }));
  }
  ck_assert_int_eq(parts, 100);
  close(fds[0]);
  reporter.report(StateReport{State::kLive, ""});  // to nobody
  ck_assert_uint_eq(reporter.waiting(), 0);
  close(fds[1]);
}
END_TEST

pipeline::Instance instance_of(const std::string& launch) {
  auto description = pipeline::Description::parse("x.pipeline", "# A test.\n" + launch + "\n");
  ck_assert(description.has_value());
  auto instance = description->make();
  ck_assert_msg(instance.has_value(), "%s", instance ? "" : instance.error().message.c_str());
  return std::move(*instance);
}

START_TEST(a_pipeline_tells_its_end_and_its_errors) {
  std::string failed;
  int ended = 0;
  auto run = std::make_unique<job::GstPipelineRun>(
      "good", job::PipelineEvents{[&](const std::string& why) { failed = why; }, [&] { ++ended; }});
  run->add(instance_of("fakesrc num-buffers=3 ! fakesink"));
  run->start(job::monotonic_now());
  while (ended == 0 && failed.empty()) g_main_context_iteration(nullptr, TRUE);
  ck_assert_str_eq(failed.c_str(), "");
  std::optional<bool> clean;
  run->stop(std::chrono::milliseconds(kPatience_ms), [&](bool how) {
    clean = how;
    run.reset();  // may go while it tells
  });
  while (!clean) g_main_context_iteration(nullptr, TRUE);
  ck_assert(*clean);

  run =
      std::make_unique<job::GstPipelineRun>("bad", job::PipelineEvents{[&](const std::string& why) {
                                                                         failed = why;
                                                                         run.reset();
                                                                       },
                                                                       [&] { ++ended; }});
  run->add(instance_of("filesrc name=one location=/nonexistent/file ! fakesink"));
  run->start(job::monotonic_now());
  while (failed.empty()) g_main_context_iteration(nullptr, TRUE);
  expect_text(failed, "one: ");  // what the element said, not only that it could not start
  ck_assert_int_eq(ended, 1);
  while (job::GstPipelineRun::alive() > 0) g_usleep(1000);
}
END_TEST

START_TEST(a_stuck_element_keeps_nobody_waiting) {
  std::atomic<bool> release{false};
  std::atomic<bool> stuck{false};
  struct Flags {
    std::atomic<bool>* release;
    std::atomic<bool>* stuck;
  } flags{&release, &stuck};
  auto instance = instance_of("fakesrc ! fakesink name=out");
  const auto out =
      wrap::Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(instance.bin()), "out"));
  GstPad* pad = gst_element_get_static_pad(out.get(), "sink");
  gst_pad_add_probe(
      pad, GST_PAD_PROBE_TYPE_BUFFER,
      +[](GstPad*, GstPadProbeInfo*, gpointer data) -> GstPadProbeReturn {
        auto* given = static_cast<Flags*>(data);
        *given->stuck = true;
        while (!*given->release) g_usleep(1000);
        return GST_PAD_PROBE_OK;
      },
      &flags, nullptr);
  gst_object_unref(pad);
  job::GstPipelineRun run("stuck", {[](const std::string&) {}, [] {}});
  run.add(instance);
  run.start(job::monotonic_now());
  while (!stuck) g_usleep(1000);
  std::optional<bool> clean;
  run.stop(std::chrono::milliseconds(50), [&](bool how) { clean = how; });
  while (!clean) g_main_context_iteration(nullptr, TRUE);
  ck_assert(!*clean);
  ck_assert_int_eq(job::GstPipelineRun::alive(), 1);
  release = true;
}
END_TEST

START_TEST(keys_in_urls_are_hidden) {
  job::Spec spec;
  spec.secret = "0123456789";
  spec.work =
      job::In{"srt", "srt://user1:pass%77ord@h.example:9000/app?streamid=my-key&x=1", "", ""};
  const job::Discretion discretion(spec);
  for (const char* secret : {"pass%77ord", "password", "my-key", "0123456789", "user1"})
    ck_assert(discretion.clean(std::string("at ") + secret + ".") == "at ***.");
  const std::string host = discretion.clean("h.example:9000 is not there");
  const std::string told = discretion.without_address("no h.example:9000 at key=" + host);
  ck_assert_msg(told.find("h.example") == std::string::npos, "%s", told.c_str());
  ck_assert_str_eq(host.c_str(), "h.example:9000 is not there");
}
END_TEST

}  // namespace

int main() {
  signal(SIGPIPE, SIG_IGN);  // as parley-job does
  setenv("GST_PLUGIN_PATH", PARLEY_PLUGINS, 1);
  gst_init(nullptr, nullptr);
  return parley::test::run(
      "job process",
      {what_cannot_begin_says_why, it_takes_rights_from_itself, it_reads_only_what_it_may,
       it_ends_with_the_media_worker_and_with_its_time, who_is_hidden_is_not_tapped,
       a_parent_that_does_not_read_stalls_nobody, a_pipeline_tells_its_end_and_its_errors,
       a_stuck_element_keeps_nobody_waiting, keys_in_urls_are_hidden});
}
