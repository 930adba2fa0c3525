// parleyd: reads the command line and the configuration, runs the server until told to stop.
#include <fmt/format.h>
#include <gst/gst.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "app/check_pipelines.h"
#include "app/config.h"
#include "app/defaults.h"
#include "app/log.h"
#include "app/options.h"
#include "app/program.h"
#include "journal/replay.h"
#include "media/platform.h"
#include "wrap/owned.h"

namespace parley::app {
namespace {

// sysexits.h has these; scripts and systemd tell them apart.
constexpr int kBadUsage = 64;
constexpr int kUnavailable = 69;
constexpr int kBadConfig = 78;

int complain(int status, const std::string& message) {
  fmt::print(stderr, "parleyd: {}\n", message);
  return status;
}

base::WallTime wall_now() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

int print_token(const Config& config, const Options& options) {
  const auto key = signing_key(config);
  if (!key) return complain(kBadConfig, key.error().message);
  const auto profile = base::ProfileId::parse(*options.token_profile);
  const auto user =
      base::UserId::parse(options.token_user.empty() ? *options.token_profile : options.token_user);
  if (!profile || !user)
    return complain(kBadUsage, "names of users and profiles are 1 to 64 of A-Z a-z 0-9 _ . : @ -");
  const auto token = auth::mint(
      *key, {*user, {*profile}, options.grants, config.audience, wall_now() + options.valid_for});
  if (!token) return complain(kBadUsage, token.error().message);
  fmt::print("{}\n", *token);
  return 0;
}

int replay(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return complain(kUnavailable, fmt::format("{} cannot be read", path));
  const journal::Replayed done = journal::replay(file);
  if (done.verdict != journal::Replayed::Verdict::kSame) {
    fmt::print(stderr, "{}:{}: {}\n", path, done.line, done.message);
    return 1;
  }
  fmt::print("{}: {} inputs had the same {} effects again\n", path, done.inputs, done.effects);
  if (done.cut_line) fmt::print("The last line is incomplete, and was left out.\n");
  if (!done.ended)
    fmt::print(
        "It has no mark of its end: parleyd died, or was still writing when it was copied.\n");
  return 0;
}

// What the media plane cannot do without.
std::string missing_elements() {
  std::string missing;
  for (const char* name :
       {"webrtcbin", "dtlssrtpenc", "dtlssrtpdec", "srtpenc", "nicesink", "rtpbin", "funnel"}) {
    GstElementFactory* factory = gst_element_factory_find(name);
    if (factory == nullptr)
      missing += (missing.empty() ? "" : ", ") + std::string(name);
    else
      gst_object_unref(factory);
  }
  return missing;
}

int check_machine() {
  for (const std::string& problem : media::check_platform()) log_warning("{}", problem);
  const std::string missing = missing_elements();
  if (missing.empty()) return 0;
  return complain(kUnavailable,
                  fmt::format("GStreamer lacks {}; install gstreamer1.0-plugins-base, -good, -bad "
                              "and gstreamer1.0-nice",
                              missing));
}

void raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

void greet(const Config& config, std::uint16_t port, bool demo) {
  const bool tls = !config.http.tls_certificate.empty();
  const std::string url = fmt::format("{}://localhost:{}/", tls ? "https" : "http", port);
  log_info("Parley {} listens at {}", PARLEY_VERSION, url);
  if (config.http.mounts.empty())
    log_warning(
        "The demo page was not found; set 'client' in [http] to the folder with demo/ and "
        "jsapi/.");
  if (!demo) return;
  const auto links = demo_links(config.keys.front(), config.audience, url, wall_now());
  if (!links) return;
  fmt::print("\nOpen these in browser windows, one for each device, and call:\n\n");
  constexpr const char* kNames[] = {"alice's laptop", "alice's phone", "bob's laptop",
                                    "bob's phone"};
  for (std::size_t i = 0; i < links->size(); ++i)
    fmt::print("  {:15} {}\n\n", kNames[i], (*links)[i]);
  fmt::print("Ctrl-C stops.\n");
  std::fflush(stdout);
}

int serve(const Config& config, bool demo) {
  raise_file_limit();
  std::signal(SIGPIPE, SIG_IGN);
  gst_init(nullptr, nullptr);
  start_log(config.log_level);
  if (const int status = check_machine(); status != 0) return status;
  auto program = Program::start(config);
  if (!program) return complain(kUnavailable, program.error().message);
  greet(config, (*program)->http_port(), demo);
  (*program)->run();
  program->reset();
  log_info("Stopped.");
  return 0;
}

int run(const std::vector<std::string>& arguments) {
  const auto options = parse_options(arguments);
  if (!options) return complain(kBadUsage, options.error().message);
  if (options->version) {
    gst_init(nullptr, nullptr);
    const wrap::Owned<char> gstreamer(gst_version_string());
    fmt::print("parleyd {} ({})\n", PARLEY_VERSION, gstreamer.get());
    return 0;
  }
  if (!options->replay.empty()) return replay(options->replay);
  if (!options->check_pipelines.empty()) return check_pipelines(options->check_pipelines);
  if (options->check_config && options->config.empty())
    return complain(kBadUsage, "--check-config needs --config FILE");
  Config config = default_config();
  if (!options->config.empty()) {
    auto loaded = load_config(options->config);
    if (!loaded) return complain(kBadConfig, loaded.error().message);
    config = std::move(*loaded);
  }
  if (options->check_config) {
    fmt::print("{}: nothing is wrong with it\n", options->config);
    return 0;
  }
  if (!options->journal.empty()) config.journal = options->journal;
  // Without keys of its own it is somebody's first try, with a configuration or without.
  const bool demo = config.keys.empty();
  // The database, its journal and the key are nobody else's to read.
  umask(077);
  if (auto filled = fill_in(config); !filled) return complain(kUnavailable, filled.error().message);
  return options->token_profile ? print_token(config, *options) : serve(config, demo);
}

}  // namespace
}  // namespace parley::app

int main(int argc, char** argv) {
  return parley::app::run(std::vector<std::string>(argv, argv + argc));
}
