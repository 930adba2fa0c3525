#include "job/program.h"

#include <fmt/format.h>
#include <gst/gst.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <thread>

#include "job/confine.h"
#include "job/gst_pipeline.h"
#include "job/lines.h"
#include "job/process_limits.h"
#include "job/record_tracks.h"
#include "job/reporter.h"
#include "job/sandbox_rules.h"
#include "job/session.h"
#include "job/subcommands.h"

namespace parley::job {
namespace {

constexpr std::size_t kMostLineBytes = 1
                                       << 20;  // a spec with the names of a large call has 100 KiB
constexpr std::chrono::milliseconds kFlushWait{1000};
constexpr std::chrono::milliseconds kPipelinesWait{2000};  // on their way to NULL

constexpr std::string_view kUsage =
    "Usage:\n"
    "  parley-job                              Do a job: record, mix, send on or bring in a call's "
    "media\n"
    "  parley-job --help\n"
    "{}"
    "\n"
    "parleyd starts it. The job is read from standard input, a line of JSON, and may be followed "
    "by\n"
    "lines with orders; its end stops the job in order. Reports go to standard output, a line of\n"
    "JSON each. It ends with 0 when the work was done, 1 when it failed (the last report says "
    "how)\n"
    "and 64 when the job cannot be read.\n";

std::string usage() {
  std::string lines;
  for (const Subcommand& each : subcommands())
    lines += fmt::format("  parley-job {:29}{}\n", each.form, each.about);
  return fmt::format(fmt::runtime(kUsage), lines);
}

int complain(const std::string& message) {
  fmt::print(stderr, "parley-job: {}\n", message);
  return kBadUsage;
}

// The spec's line; what follows it goes to `later`. nullopt: the input has ended, or is no text.
std::optional<std::string> read_spec(Lines& input, std::vector<std::string>& later) {
  std::optional<std::string> spec;
  std::array<char, 16'384> bytes{};
  while (!spec) {
    const ssize_t size = read(STDIN_FILENO, bytes.data(), bytes.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return std::nullopt;
    const auto on_line = [&](std::string_view line) {
      if (spec)
        later.emplace_back(line);
      else
        spec = line;
    };
    if (!input.feed({bytes.data(), static_cast<std::size_t>(size)}, on_line)) return std::nullopt;
  }
  return spec;
}

int refuse(Reporter& reporter, const std::string& why) {
  reporter.report(StateReport{State::kFailed, why});
  reporter.flush(kFlushWait);
  return complain(why);
}

base::Result<void> confine_job(const Spec& spec) {
  if (spec.sandbox.mode == Sandbox::Mode::kOff) return {};
  auto confined = confine(allowed_to(spec, surroundings()));
  if (confined || spec.sandbox.mode == Sandbox::Mode::kRequire) return confined;
  // parleyd has said already where a kernel has none.
  if (landlock_version() > 0)
    fmt::print(stderr, "it goes without a sandbox: {}\n", confined.error().message);
  return {};
}

// Only for the elements of this process: what stands here is in no other's environment.
void tell_elements(const Spec& spec) {
  setenv("PARLEY_SOCKET", spec.socket.c_str(), 1);
  setenv("PARLEY_SECRET", spec.secret.c_str(), 1);
}

// A pipeline that hangs must not meet the destructors of a process that ends.
void leave_if_stuck(int status) {
  const auto until = std::chrono::steady_clock::now() + kPipelinesWait;
  while (GstPipelineRun::alive() > 0) {
    if (std::chrono::steady_clock::now() > until) _exit(status);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

int run_job() {
  Reporter reporter(STDOUT_FILENO);
  Lines input(kMostLineBytes);
  std::vector<std::string> later;
  const auto line = read_spec(input, later);
  if (!line)
    return refuse(reporter, "no job on standard input: a line of JSON; see parley-job --help");
  auto spec = parse_spec(*line);
  if (!spec)
    return refuse(reporter, fmt::format("the job cannot be read: {}", spec.error().message));
  for (const std::string& lacking : limit_process(spec->limits))
    fmt::print(stderr, "it goes without a limit: {}\n", lacking);
  tell_elements(*spec);
  // It may look at all plugins, which are of our own side, and write down what it found.
  gst_init(nullptr, nullptr);
  if (const auto* record = std::get_if<Record>(&spec->work))
    if (auto synced = sync_above(record->folder); !synced)
      return refuse(reporter, synced.error().message);
  if (auto confined = confine_job(*spec); !confined)
    return refuse(reporter, fmt::format("it may not run without a sandbox (sandbox = require in "
                                        "[jobs]): {}",
                                        confined.error().message));
  int status = kDone;
  {
    Session session(std::move(*spec), input, STDIN_FILENO, reporter);
    for (const std::string& order : later) session.order(order);
    if (!session.run()) status = kWorkFailed;
    reporter.flush(kFlushWait);
  }
  leave_if_stuck(status);
  return status;
}

}  // namespace

int run(const std::vector<std::string>& arguments) {
  if (arguments.empty()) return run_job();
  const std::string& first = arguments.front();
  if (first == "--help" || first == "-h") {
    fmt::print("{}", usage());
    return kDone;
  }
  for (const Subcommand& each : subcommands())
    if (first == each.name) return each.run({arguments.begin() + 1, arguments.end()});
  return complain(fmt::format("'{}' is not expected; see parley-job --help", first));
}

}  // namespace parley::job
