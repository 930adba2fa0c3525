#include "app/job_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <glib-unix.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "app/log.h"
#include "base/overloaded.h"

namespace parley::app {
namespace {

// Our choice, all of them: a job reports some lines a second.
constexpr std::size_t kLongestReportBytes = 64 * 1024;
constexpr std::size_t kLongestErrorBytes = 16 * 1024;
constexpr std::size_t kLoggedErrorBytes = 1000;
constexpr double kReportsPerSecond = 200;
constexpr double kReportBurst = 2000;
constexpr double kErrorsPerSecond = 10;
constexpr double kErrorBurst = 30;
constexpr std::uint64_t kBadLinesLogged = 5;
constexpr int kReadsPerTurn = 16;  // so that one job does not keep the main loop
constexpr std::chrono::milliseconds kReapWait{500};
// Silence is counted in so many looks, and not by the clock: when this process, or all of the
// machine, was stopped for a while, that is one look.
constexpr int kLooks = 5;

base::TimePoint now() { return base::TimePoint(base::Duration(g_get_monotonic_time())); }

void close_one(int& fd) {
  if (fd >= 0) close(std::exchange(fd, -1));
}

base::Error system_error(const std::string& what) {
  return {base::Code::kUnavailable, fmt::format("{}: {}", what, std::strerror(errno))};
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> all;
  all.reserve(texts.size() + 1);
  for (const std::string& text : texts) all.push_back(const_cast<char*>(text.c_str()));
  all.push_back(nullptr);
  return all;
}

// -1: nothing now. 0: never again.
ssize_t read_piece(int fd, std::array<char, 16'384>& bytes) {
  ssize_t size = 0;
  do size = read(fd, bytes.data(), bytes.size());
  while (size < 0 && errno == EINTR);
  if (size < 0 && errno == EAGAIN) return -1;
  return std::max<ssize_t>(size, 0);
}

}  // namespace

base::Result<pid_t> JobProcess::spawn(const std::string& program,
                                      const std::vector<std::string>& environment,
                                      const std::array<int, 3>& its_fds) {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&files);
  posix_spawnattr_init(&attributes);
  for (int fd = 0; fd < 3; ++fd)
    posix_spawn_file_actions_adddup2(&files, its_fds[static_cast<std::size_t>(fd)], fd);
  posix_spawn_file_actions_addclosefrom_np(&files, 3);
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  // A group of its own, so that all of it can be killed, and Ctrl-C reaches parleyd alone.
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  const std::vector<std::string> arguments = {program};
  pid_t pid = 0;
  const int failed = posix_spawn(&pid, program.c_str(), &files, &attributes,
                                 pointers(arguments).data(), pointers(environment).data());
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  if (failed == 0) return pid;
  return base::fail(base::Code::kUnavailable,
                    fmt::format("{} cannot be started: {}", program, std::strerror(failed)));
}

base::Result<std::unique_ptr<JobProcess>> JobProcess::start(
    const std::string& program, const std::vector<std::string>& environment, const job::Spec& spec,
    const JobWaits& waits, Events events) {
  // A socket for its input: a write to one that is gone can be told not to signal.
  std::array<int, 2> input{-1, -1};
  std::array<int, 2> output{-1, -1};
  std::array<int, 2> errors{-1, -1};
  const auto close_pairs = [&] {
    for (auto* pair : {&input, &output, &errors})
      for (int& fd : *pair) close_one(fd);
  };
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, input.data()) != 0 ||
      pipe2(output.data(), O_CLOEXEC) != 0 || pipe2(errors.data(), O_CLOEXEC) != 0) {
    const base::Error error = system_error("no pipes for a job");
    close_pairs();
    return tl::unexpected(error);
  }
  const auto pid = spawn(program, environment, {input[1], output[1], errors[1]});
  if (!pid) {
    close_pairs();
    return tl::unexpected(pid.error());
  }
  const int life = static_cast<int>(syscall(SYS_pidfd_open, *pid, 0));
  if (life < 0) {
    const base::Error error = system_error("a job cannot be watched (Linux 5.3 is needed)");
    kill(-*pid, SIGKILL);
    waitpid(*pid, nullptr, 0);
    close_pairs();
    return tl::unexpected(error);
  }
  for (int fd : {output[0], errors[0]}) fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  for (int fd : {input[1], output[1], errors[1]}) close(fd);
  std::unique_ptr<JobProcess> process(
      new JobProcess(*pid, {input[0], output[0], errors[0], life}, spec, waits, std::move(events)));
  process->outgoing_.push_back({job::encode(spec) + "\n"});
  process->write_some();
  return process;
}

JobProcess::JobProcess(pid_t pid, Fds fds, const job::Spec& spec, const JobWaits& waits,
                       Events events)
    : id_(spec.job),
      pid_(pid),
      fds_(fds),
      discretion_(spec),
      waits_(waits),
      events_(std::move(events)),
      output_lines_(kLongestReportBytes),
      error_lines_(kLongestErrorBytes),
      reports_(kReportsPerSecond, kReportBurst, now()),
      error_rate_(kErrorsPerSecond, kErrorBurst, now()) {
  const auto in = static_cast<GIOCondition>(G_IO_IN | G_IO_HUP | G_IO_ERR);
  output_source_ = g_unix_fd_add(fds_.output, in, on_output, this);
  errors_source_ = g_unix_fd_add(fds_.errors, in, on_errors, this);
  life_source_ = g_unix_fd_add(fds_.life, in, on_life, this);
  expect_report(waits_.first_report);
}

JobProcess::~JobProcess() {
  if (fds_.life >= 0) {
    kill_group();
    // It is killed already: what is waited for is the kernel alone, which may be long only while a
    // disk hangs. Then init inherits it.
    const auto until = now() + kReapWait;
    while (waitpid(pid_, nullptr, WNOHANG) == 0 && now() < until) g_usleep(1000);
  }
  close_all();
}

void JobProcess::close_all() {
  for (guint* source : {&input_source_, &output_source_, &errors_source_, &life_source_,
                        &stop_timer_, &look_timer_})
    if (*source != 0) g_source_remove(std::exchange(*source, 0));
  for (int* fd : {&fds_.input, &fds_.output, &fds_.errors, &fds_.life}) close_one(*fd);
}

void JobProcess::order(const job::Order& order) {
  if (stopping_) return;
  const bool hide = std::holds_alternative<job::Hide>(order);
  // One that is not half sent yet is made up for by the new one; so what waits is bounded.
  if (hide && outgoing_.size() > 1)
    outgoing_.erase(std::remove_if(outgoing_.begin() + 1, outgoing_.end(),
                                   [](const Outgoing& each) { return each.replaced_by_next_hide; }),
                    outgoing_.end());
  outgoing_.push_back({job::encode(order) + "\n", hide});
  if (!hide) expect_end();
  write_some();
}

void JobProcess::expect_end() {
  stopping_ = true;
  if (stop_timer_ == 0)
    stop_timer_ = g_timeout_add(static_cast<guint>(waits_.stop.count()), on_stop_wait, this);
}

gboolean JobProcess::on_stop_wait(gpointer self) noexcept {
  auto* process = static_cast<JobProcess*>(self);
  process->stop_timer_ = 0;
  process->kill_for("it did not stop in time, and was killed");
  return G_SOURCE_REMOVE;
}

void JobProcess::expect_report(std::chrono::milliseconds within) {
  quiet_looks_ = 0;
  if (within == silence_) return;
  silence_ = within;
  if (look_timer_ != 0) g_source_remove(look_timer_);
  look_timer_ = g_timeout_add(static_cast<guint>(within.count() / kLooks), on_look, this);
}

gboolean JobProcess::on_look(gpointer self) noexcept {
  static_cast<JobProcess*>(self)->look();
  return G_SOURCE_CONTINUE;
}

void JobProcess::look() {
  // One that is told to stop has its own time for that.
  if (stopping_ || !killed_for_.empty()) return;
  ++quiet_looks_;
  // What it has said while this process was kept from listening counts.
  for (int i = 0; i < kReadsPerTurn && read_output(); ++i) {
  }
  if (quiet_looks_ < kLooks || stopping_) return;
  kill_for(fmt::format("it gave no sign of life for {:g} s, and was killed",
                       static_cast<double>(silence_.count()) / 1000));
}

void JobProcess::write_some() {
  while (!outgoing_.empty() && fds_.input >= 0) {
    const std::string& text = outgoing_.front().text;
    const ssize_t taken =
        send(fds_.input, text.data() + sent_, text.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (taken < 0 && (errno == EAGAIN || errno == EINTR)) break;
    if (taken < 0) {  // it reads no more; how it ends is heard elsewhere
      outgoing_.clear();
      break;
    }
    sent_ += static_cast<std::size_t>(taken);
    if (sent_ < text.size()) continue;
    sent_ = 0;
    outgoing_.pop_front();
  }
  if (!outgoing_.empty() && input_source_ == 0)
    input_source_ = g_unix_fd_add(fds_.input, G_IO_OUT, on_input, this);
  if (outgoing_.empty() && input_source_ != 0) g_source_remove(std::exchange(input_source_, 0));
}

gboolean JobProcess::on_input(gint /*fd*/, GIOCondition /*condition*/, gpointer self) noexcept {
  static_cast<JobProcess*>(self)->write_some();
  return G_SOURCE_CONTINUE;
}

gboolean JobProcess::on_output(gint /*fd*/, GIOCondition /*condition*/, gpointer self) noexcept {
  auto* process = static_cast<JobProcess*>(self);
  for (int i = 0; i < kReadsPerTurn && process->read_output(); ++i) {
  }
  return G_SOURCE_CONTINUE;
}

bool JobProcess::read_output() {
  if (output_source_ == 0) return false;
  std::array<char, 16'384> bytes{};
  const ssize_t size = read_piece(fds_.output, bytes);
  if (size < 0) return false;
  if (size == 0) {
    g_source_remove(std::exchange(output_source_, 0));
    return false;
  }
  if (!output_lines_.feed({bytes.data(), static_cast<std::size_t>(size)},
                          [this](std::string_view line) { line_of_output(line); }))
    kill_for(fmt::format("it reported a line of more than {} bytes, and was killed",
                         kLongestReportBytes));
  return killed_for_.empty();
}

void JobProcess::line_of_output(std::string_view line) {
  if (!killed_for_.empty()) return;
  if (!reports_.take(now())) return kill_for("it reported too much, and was killed");
  const auto report = job::parse_report(line);
  if (report) return heard(*report);
  if (++bad_lines_ <= kBadLinesLogged)
    log_warning("Job {} says what is no report: {}", id_.str(), report.error().message);
}

void JobProcess::heard(const job::Report& report) {
  expect_report(waits_.silence);
  if (last_) return;  // it had its last word
  if (std::holds_alternative<job::Beat>(report)) return;
  const auto* state = std::get_if<job::StateReport>(&report);
  if (state == nullptr) return events_.report(report);
  job::StateReport clean{state->state, discretion_.without_address(state->message)};
  if (state->state != job::State::kEnded && state->state != job::State::kFailed)
    return events_.report(clean);
  last_ = std::move(clean);
  expect_end();
}

gboolean JobProcess::on_errors(gint /*fd*/, GIOCondition /*condition*/, gpointer self) noexcept {
  auto* process = static_cast<JobProcess*>(self);
  for (int i = 0; i < kReadsPerTurn && process->read_errors(); ++i) {
  }
  return G_SOURCE_CONTINUE;
}

bool JobProcess::read_errors() {
  if (errors_source_ == 0) return false;
  std::array<char, 16'384> bytes{};
  const ssize_t size = read_piece(fds_.errors, bytes);
  if (size < 0) return false;
  if (size == 0) {
    g_source_remove(std::exchange(errors_source_, 0));
    return false;
  }
  // After a line too long for one it is read and forgotten, or the job would wait for us.
  if (!errors_unreadable_ &&
      !error_lines_.feed({bytes.data(), static_cast<std::size_t>(size)},
                         [this](std::string_view line) { line_of_errors(line); })) {
    errors_unreadable_ = true;
    log_warning("Job {}: a line of more than {} bytes; nothing more of it is logged", id_.str(),
                kLongestErrorBytes);
  }
  return true;
}

void JobProcess::line_of_errors(std::string_view line) {
  if (line.empty()) return;
  if (!error_rate_.take(now())) {
    ++errors_left_out_;
    return;
  }
  if (const auto left_out = std::exchange(errors_left_out_, 0); left_out > 0)
    log_warning("Job {}: {} lines were left out", id_.str(), left_out);
  // Cleaned before it is cut, or half a secret would stay.
  std::string text = discretion_.clean(line);
  if (text.size() > kLoggedErrorBytes) text.resize(kLoggedErrorBytes);
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  log_warning("Job {}: {}", id_.str(), text);
}

void JobProcess::kill_for(const std::string& why) {
  if (killed_for_.empty()) killed_for_ = why;
  kill_group();
}

// Before it is waited for: until then nobody else can have its number.
void JobProcess::kill_group() const { kill(-pid_, SIGKILL); }

gboolean JobProcess::on_life(gint /*fd*/, GIOCondition /*condition*/, gpointer self) noexcept {
  auto* process = static_cast<JobProcess*>(self);
  // What it said before it ended is heard before its end; a pipe holds 64 KiB by default.
  for (int i = 0; i < kReadsPerTurn && process->read_errors(); ++i) {
  }
  for (int i = 0; i < kReadsPerTurn && process->read_output(); ++i) {
  }
  process->kill_group();  // what it has started
  int status = 0;
  waitpid(process->pid_, &status, 0);
  const job::StateReport last = process->last_words(status);
  process->close_all();
  const auto ended = process->events_.ended;
  ended(last);
  return G_SOURCE_REMOVE;
}

job::StateReport JobProcess::last_words(int status) const {
  if (last_) return *last_;
  if (!killed_for_.empty()) return {job::State::kFailed, killed_for_};
  if (WIFSIGNALED(status))
    return {job::State::kFailed, fmt::format("it was ended by signal {} ({})", WTERMSIG(status),
                                             strsignal(WTERMSIG(status)))};
  return {job::State::kFailed,
          fmt::format("it ended without a word, with code {}", WEXITSTATUS(status))};
}

}  // namespace parley::app
