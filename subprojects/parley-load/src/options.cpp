#include "options.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <functional>
#include <map>
#include <sstream>

#include "base.h"
#include "driver.h"

namespace parley::load {
namespace {

constexpr const char* kHelp =
    R"(parley-load: puts media load on a WebRTC SFU on this machine and measures the server.

usage: parley-load [--driver NAME] [--url ws://127.0.0.1:PORT/PATH] [OPTION]...

Who takes part
  --driver NAME          parley (default), janus, generic
  --url URL              where the server listens (ws://127.0.0.1:8080/ws)
  --rooms R              calls or rooms (1)
  --peers N              participants in each room (4)
  --publishers M         of these, how many send (all)
  --no-view-publishers   publishers receive nothing
  --join-interval MS     one participant joins every MS (40)
  --room-base N          first room number (random)
  --token-command CMD    prints the access token of a participant; {} stands for its profile id
  --token-key FILE       makes the tokens: HS256 with the bytes of FILE
  --token-key-id KID     the kid in their header

What is measured
  --duration S           measured time (20; SIGUSR1 ends it earlier)   --settle S   wait before it (2)
  --setup-timeout S      until all streams arrive (40, and the join intervals)
  --server-pid P[,P]     whose CPU time, memory and threads are read
  --json FILE            results as JSON          --label TEXT   their name
  --max-loss PCT         fail above this loss (100)
  --sample N             decrypt 1 of N packets for the latency (12)
  --hold S               stay connected S seconds after measuring

Instead of measuring: tests of the server, told by the exit status
  --churn N              in a running call one participant joins and leaves N times; then threads and
                         open files of the server must be where they were (needs --server-pid)
  --max-rss-growth KIB   with --churn: fail when the server's memory grew by more (only reported)
  --late-join            the last participant of each room joins a running call
  --max-key-frame MS     with --late-join: fail when a key frame takes longer (1000)
  --flip-fingerprint     the last participant answers with one wrong digit in its fingerprint: it
                         must be refused, and no packet may reach or leave it

The media
  --video FILE           VP8 in IVF (the one that comes with the tool)
  --srtp both|cm|gcm     offered profiles (both)
  --pace-us N            spread the packets of a frame N microseconds apart (0: in one burst)
  --rx-drop PCT          discard received video packets, --tx-drop PCT sent ones
  --no-nack, --no-twcc   never send NACK; do not negotiate transport-cc
  --allow-local-ip       also accept this machine's own addresses, which go over loopback
  -v, -vv, -vvv          say more

Exit status: 0 all well, 1 a check failed, 2 wrong usage, 130 interrupted.
)";

// Sets something from its text; false when the text is no good.
using Setter = std::function<bool(const std::string&)>;

template <class Number>
Setter number(Number& to, Number least) {
  return [&to, least](const std::string& text) {
    Number value{};
    const char* end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, value);
    if (result.ec != std::errc{} || result.ptr != end || value < least) return false;
    to = value;
    return true;
  };
}

Setter text(std::string& to) {
  return [&to](const std::string& value) {
    to = value;
    return true;
  };
}

Setter pids(std::vector<int>& to) {
  return [&to](const std::string& value) {
    std::istringstream parts(value);
    for (std::string part; std::getline(parts, part, ',');) {
      int pid = 0;
      if (!number(pid, 1)(part)) return false;
      to.push_back(pid);
    }
    return !to.empty();
  };
}

Setter srtp(SrtpChoice& to) {
  return [&to](const std::string& value) {
    static const std::map<std::string, SrtpChoice> kNames{
        {"both", SrtpChoice::kBoth}, {"cm", SrtpChoice::kCm}, {"gcm", SrtpChoice::kGcm}};
    const auto it = kNames.find(value);
    if (it == kNames.end()) return false;
    to = it->second;
    return true;
  };
}

std::map<std::string, Setter> settings(Options& o) {
  return {
      {"--driver", text(o.driver)},
      {"--url", text(o.url_text)},
      {"--rooms", number(o.rooms, 1)},
      {"--peers", number(o.peers, 1)},
      {"--publishers", number(o.publishers, 0)},
      {"--join-interval", number(o.join_interval_ms, 0)},
      {"--room-base", number(o.room_base, 1)},
      {"--token-command", text(o.token_command)},
      {"--token-key", text(o.token_key_file)},
      {"--token-key-id", text(o.token_key_id)},
      {"--duration", number(o.duration_s, 0.0)},
      {"--settle", number(o.settle_s, 0.0)},
      {"--setup-timeout", number(o.setup_timeout_s, 0.0)},
      {"--server-pid", pids(o.server_pids)},
      {"--json", text(o.json_file)},
      {"--label", text(o.label)},
      {"--max-loss", number(o.max_loss_pct, 0.0)},
      {"--sample", number(o.peer.sample_every, 1U)},
      {"--hold", number(o.hold_s, 0.0)},
      {"--churn", number(o.churn_cycles, 1)},
      {"--max-rss-growth", number(o.max_rss_growth_kib, 1)},
      {"--max-key-frame", number(o.max_key_frame_ms, 1)},
      {"--video", text(o.video_file)},
      {"--srtp", srtp(o.srtp)},
      {"--pace-us", number(o.pace_us, 0)},
      {"--rx-drop", number(o.peer.drop_received_pct, 0.0)},
      {"--tx-drop", number(o.peer.drop_sent_pct, 0.0)},
  };
}

std::map<std::string, std::function<void()>> switches(Options& o) {
  return {
      {"--no-view-publishers", [&o] { o.publishers_view = false; }},
      {"--late-join", [&o] { o.mode = Mode::kLateJoin; }},
      {"--flip-fingerprint", [&o] { o.mode = Mode::kFlipFingerprint; }},
      {"--no-nack", [&o] { o.peer.send_nack = false; }},
      {"--no-twcc", [&o] { o.peer.transport_cc = false; }},
      {"--allow-local-ip", [&o] { o.peer.allow_local_addresses = true; }},
      {"-v", [] { set_log_level(1); }},
      {"-vv", [] { set_log_level(2); }},
      {"-vvv", [] { set_log_level(3); }},
  };
}

// The file that comes with the tool: beside the binary in the build folder, or as installed.
std::string own_video_file(const std::string& program) {
  const std::size_t slash = program.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : program.substr(0, slash);
  for (const char* place : {"/media/video.ivf", "/../share/parley-load/video.ivf"}) {
    if (access((folder + place).c_str(), R_OK) == 0) return folder + place;
  }
  return PARLEY_LOAD_MEDIA_DIR "/video.ivf";
}

// Empty, or what is wrong with the options taken together.
std::string check(Options& o) {
  if (!parse_url(o.url_text, o.url)) {
    return "--url " + o.url_text + ": expected ws://127.0.0.1:PORT/PATH";
  }
  const auto names = driver_names();
  if (std::find(names.begin(), names.end(), o.driver) == names.end()) {
    std::string all;
    for (const std::string& name : names) all += " " + name;
    return "--driver " + o.driver + ": there are" + all;
  }
  if (o.publishers < 0 || o.publishers > o.peers) o.publishers = o.peers;
  if (o.churn_cycles > 0) o.mode = Mode::kChurn;
  if (o.mode == Mode::kChurn && o.server_pids.empty()) {
    return "--churn compares the server before and after: name it with --server-pid";
  }
  const bool needs_others = o.mode == Mode::kLateJoin || o.mode == Mode::kFlipFingerprint;
  if (needs_others && o.peers < 3) {
    return "this test needs two ordinary participants and the odd one: --peers 3 or more";
  }
  if (o.driver == "parley" && o.token_command.empty() && o.token_key_file.empty()) {
    return "the parley driver needs --token-command or --token-key to log in";
  }
  return {};
}

ParsedOptions refuse(const std::string& why) {
  std::fprintf(stderr, "parley-load: %s (see --help)\n", why.c_str());
  return {false, 2, {}};
}

}  // namespace

ParsedOptions parse_options(int argc, char** argv) {
  ParsedOptions parsed;
  Options& options = parsed.options;
  const auto with_value = settings(options);
  const auto plain = switches(options);
  const std::vector<std::string> words(argv + 1, argv + argc);
  for (std::size_t i = 0; i < words.size(); i++) {
    const std::string& word = words[i];
    if (word == "--help" || word == "-h") {
      std::fputs(kHelp, stdout);
      return {};
    }
    if (const auto flag = plain.find(word); flag != plain.end()) {
      flag->second();
      continue;
    }
    const auto setting = with_value.find(word);
    if (setting == with_value.end()) return refuse("unknown option " + word);
    if (i + 1 == words.size()) return refuse(word + " needs a value");
    if (!setting->second(words[++i])) return refuse(word + " cannot be " + words[i]);
  }
  if (options.video_file.empty()) options.video_file = own_video_file(argv[0]);
  if (const std::string why = check(options); !why.empty()) return refuse(why);
  parsed.run = true;
  return parsed;
}

}  // namespace parley::load
