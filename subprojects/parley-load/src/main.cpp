#include <sys/prctl.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdio>

#include "base.h"
#include "measure.h"
#include "options.h"
#include "stage.h"

namespace {

using namespace parley::load;

// Thousands of sockets, timers that keep their time, and an orderly end.
void prepare_process() {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  constexpr unsigned long kTimerSlackNs = 10'000;
  prctl(PR_SET_TIMERSLACK, kTimerSlackNs);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGINT, [](int) { Stage::interrupt(); });
  std::signal(SIGTERM, [](int) { Stage::interrupt(); });
  std::signal(SIGUSR1, [](int) { Stage::end_measuring(); });
}

int run(const Options& options) {
  VideoFile video;
  if (const std::string why = video.load(options.video_file); !why.empty()) {
    std::fprintf(stderr, "parley-load: %s\n", why.c_str());
    return 2;
  }
  const DtlsIdentity identity(options.srtp);
  Stage stage(options, identity, video);
  switch (options.mode) {
    case Mode::kChurn:
      return churn(stage, options);
    case Mode::kLateJoin:
      return join_late(stage, options);
    case Mode::kFlipFingerprint:
      return flip_fingerprint(stage, options);
    case Mode::kMeasure:
      break;
  }
  return measure(stage, options);
}

}  // namespace

int main(int argc, char** argv) {
  const ParsedOptions parsed = parse_options(argc, argv);
  if (!parsed.run) return parsed.status;
  prepare_process();
  return run(parsed.options);
}
