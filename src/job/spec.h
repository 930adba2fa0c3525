// What parleyd tells a job (`parley-job`), and what the job reports: a line of JSON each, on its
// standard input and output. The first line is the Spec; secrets and addresses travel here because
// a command line can be read by everybody on the machine.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/source.h"

namespace parley::job {

enum class Layout { kTracks, kGrid, kSpeaker };  // kTracks: each track by itself, as it was sent
enum class Container { kWebm, kMp4 };            // of what is composed

// Of pictures that are composed or encoded here.
struct Picture {
  std::uint32_t width = 1280;  // pixels
  std::uint32_t height = 720;  // pixels
  std::uint32_t fps = 25;      // frames per second
  std::uint32_t kbps = 2'500;  // of the encoder
  std::uint32_t audio_kbps = 128;
};

struct Record {
  std::string folder;  // absolute, exists, empty, writable
  Layout layout = Layout::kTracks;
  Container container = Container::kWebm;
  std::int64_t part_ms = 60'000;
  std::uint64_t keep_free_bytes = 0;  // of the disk; it ends when less is left
};
// Feeds the port "mix" with the composed picture, and for each port "mix/PROFILE" what that
// participant hears: everybody else.
struct Mix {
  Layout layout = Layout::kGrid;
};
// Sends the call on. `kind`: rtmp, srt, rtp, hls. `url` is checked and resolved by the server:
// `address` is what may be connected to (literal), empty for hls, which is written to `folder`.
struct Out {
  std::string kind;
  std::string url;
  std::string address;
  std::string folder;
  Layout layout = Layout::kGrid;
  std::optional<std::string> only;  // one participant, in place of the layout
};
// Brings something into the call, as the participant `owner`. `kind`: rtmp, srt, rtsp, hls, file.
struct In {
  std::string kind;
  std::string url;
  std::string address;
  std::string owner;
};

struct Limits {  // the job sets them for itself, before it looks at anything
  std::uint64_t memory_bytes = 2'000'000'000;  // RLIMIT_AS would count reserved space: RLIMIT_DATA
  std::uint64_t seconds = 86'400;              // it ends then, in order
  std::uint64_t open_files = 512;
};

// Whether the kernel is to hold the job to the files it needs (sandbox_rules.h).
struct Sandbox {
  enum class Mode {
    kAuto,     // where the kernel can
    kRequire,  // or the job fails
    kOff,
  };
  Mode mode = Mode::kAuto;
  std::vector<std::string> read;   // further paths, absolute
  std::vector<std::string> write;  // ... to read and change
};

struct Spec {
  base::JobId job;
  std::string call;
  std::string socket;  // of the media worker
  std::string secret;
  std::vector<std::string> pipelines;        // folders; the first that has a file wins
  std::map<std::string, std::string> names;  // profile -> what is written under a picture
  std::set<std::string> hidden;              // profiles that are left out
  Picture picture;
  Limits limits;
  Sandbox sandbox;
  std::variant<Record, Mix, Out, In> work;
};

// Later lines to a job.
struct Hide {  // replaces what was hidden before
  std::set<std::string> profiles;
};
struct Stop {};  // in order: files are closed; so does the end of its standard input
using Order = std::variant<Hide, Stop>;

// ---- reports --------------------------------------------------------------------------------

enum class State { kStarting, kLive, kReconnecting, kEnded, kFailed };
struct StateReport {
  State state = State::kStarting;
  std::string message;  // for people; no secret, no address with one
};
// A part of a recording: when it is opened, about every two seconds, and when it is closed (and on
// disk). Times are from the beginning of the recording.
struct Part {
  std::string file;   // in the folder; made of numbers and codec only
  std::string owner;  // empty: composed
  std::optional<base::Source> source;
  std::string codec;  // "opus", "vp8", …; "h264+aac" of what is composed
  std::int64_t start_ms = 0;
  std::int64_t duration_ms = 0;
  std::uint64_t bytes = 0;
  bool closed = false;
  struct Gap {  // nothing was there: silence, mute, loss
    std::int64_t start_ms = 0;
    std::int64_t duration_ms = 0;
    std::string why;  // "muted", "lost", "absent"
  };
  std::vector<Gap> gaps;
};
struct Progress {
  std::int64_t running_ms = 0;
  std::uint64_t bytes = 0;
  std::uint64_t dropped = 0;        // packets the job did not read in time
  std::optional<double> offset_ms;  // ClockErrors: the most that two tracks are apart
};
// The job's main loop still turns: every kBeatEvery, whatever else there is to say.
struct Beat {};
inline constexpr std::chrono::milliseconds kBeatEvery{2'000};
using Report = std::variant<StateReport, Part, Progress, Beat>;

// As parleysrc's and parleysink's property `source` has it: "mic", …, "mix-audio", "mix-video".
[[nodiscard]] std::string_view source_name(base::Source source);

// Each a line without its newline. kInvalid: what is wrong.
[[nodiscard]] std::string encode(const Spec& spec);
[[nodiscard]] std::string encode(const Order& order);
[[nodiscard]] std::string encode(const Report& report);
[[nodiscard]] base::Result<Spec> parse_spec(std::string_view line);
[[nodiscard]] base::Result<Order> parse_order(std::string_view line);
[[nodiscard]] base::Result<Report> parse_report(std::string_view line);

}  // namespace parley::job
