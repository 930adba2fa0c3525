// parley-signals: what signalling alone costs a server that speaks Parley's call protocol.
#include <sys/resource.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "options.h"
#include "signal_load.h"

namespace {

using namespace parley::load;  // NOLINT(google-build-using-namespace)

constexpr const char* kUsage = R"(usage: parley-signals idle|calls [OPTION]...

  idle   devices that are online and do nothing: memory and CPU of the server
  calls  each caller opens a call, both devices of the callee ring, one accepts, the caller hangs up

  --url URL             ws://ADDRESS:PORT/PATH (ws://127.0.0.1:8080/ws)
  --token-key FILE      key that signs tokens by HS256
  --token-key-id ID     its kid
  --server-pid PID      whose CPU and memory are measured; may be given several times
  --connections N       idle: how many (10000)
  --pairs N             calls: how many at a time at most (64)
  --rate N              calls: begun each second; 0 is as fast as they end (0)
  --duration S          measured seconds (10)
  --settle S            before them (2)

Prints the result as JSON; the exit status is 1 when something went wrong.
)";

// Raises the number of open files as far as permitted.
void allow_many_files() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

struct Arguments {
  SignalOptions signals;
  Options keys;  // for the token source
};

// False when the value does not fit.
bool take(Arguments& arguments, const std::string& name, const char* value) {
  SignalOptions& o = arguments.signals;
  char* end = nullptr;
  const double number = std::strtod(value, &end);
  const bool is_number = end != value && *end == '\0' && number >= 0;
  if (name == "--url") return parse_url(value, o.url);
  if (name == "--token-key") arguments.keys.token_key_file = value;
  if (name == "--token-key-id") arguments.keys.token_key_id = value;
  if (name == "--token-key" || name == "--token-key-id") return true;
  if (!is_number) return false;
  if (name == "--server-pid") o.server_pids.push_back(static_cast<int>(number));
  if (name == "--connections") o.connections = static_cast<int>(number);
  if (name == "--pairs") o.pairs = static_cast<int>(number);
  if (name == "--rate") o.rate = number;
  if (name == "--duration") o.duration_s = number;
  if (name == "--settle") o.settle_s = number;
  constexpr const char* kNumbers[] = {"--server-pid", "--connections", "--pairs",
                                      "--rate",       "--duration",    "--settle"};
  for (const char* known : kNumbers)
    if (name == known) return true;
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  arguments.signals.mode = argc > 1 ? argv[1] : "";
  const std::string& mode = arguments.signals.mode;
  if (mode == "--help" || mode == "-h") {
    std::fputs(kUsage, stdout);
    return 0;
  }
  bool good = mode == "idle" || mode == "calls";
  for (int i = 2; good && i < argc; i += 2)
    good = i + 1 < argc && take(arguments, argv[i], argv[i + 1]);
  if (!good) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  allow_many_files();
  TokenSource tokens(arguments.keys);
  const Json result =
      mode == "idle" ? run_idle(arguments.signals, tokens) : run_calls(arguments.signals, tokens);
  std::printf("%s\n", result.dump(2).c_str());
  return result.contains("problem") ? 1 : 0;
}
