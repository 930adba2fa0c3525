#include "job/verify.h"

#include <fmt/format.h>
#include <gst/gst.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <list>
#include <mutex>
#include <optional>
#include <system_error>
#include <utility>

#include "job/confine.h"
#include "job/json.h"
#include "job/opus_time.h"
#include "job/part_writer.h"
#include "job/process_limits.h"
#include "wrap/gst.h"

namespace parley::job {
namespace {

namespace fs = std::filesystem;
using base::Code;
using base::fail;
using base::Result;

// A file that is read for longer without an end is not well. A part of a minute takes a tenth of a
// second.
constexpr GstClockTime kPatience = 60 * GST_SECOND;
// Of what is in one file; our choice, far above what a recording has. A stranger's may have
// millions.
constexpr std::size_t kMostTracks = 16;
constexpr std::size_t kMostGaps = 1000;
// As the recorder notes them (record_series.cpp).
constexpr std::int64_t kSilenceMs = 600;
constexpr std::int64_t kStillMs = 1000;

struct Named {
  const char* media;
  const char* name;
};
constexpr std::array kNames = {Named{"audio/x-opus", "opus"}, Named{"video/x-vp8", "vp8"},
                               Named{"video/x-vp9", "vp9"},   Named{"video/x-av1", "av1"},
                               Named{"video/x-h264", "h264"}, Named{"audio/mpeg", "aac"}};

std::string codec_name(const char* media) {
  for (const Named& one : kNames)
    if (g_strcmp0(media, one.media) == 0) return one.name;
  return media == nullptr ? "unknown" : media;
}

// What the demuxer's threads have seen.
struct Seen {
  std::mutex mutex;
  std::list<VerifiedTrack> tracks;  // guarded by mutex
  std::optional<double> offset_ms;  // of the reading thread
};
struct OnePad {
  Seen* seen;
  VerifiedTrack* track;
  bool any = false;
  std::int64_t expected_us = 0;
};

void see(OnePad& pad, GstBuffer* buffer) {
  if (!GST_BUFFER_PTS_IS_VALID(buffer)) return;
  const auto start = static_cast<std::int64_t>(GST_TIME_AS_USECONDS(GST_BUFFER_PTS(buffer)));
  std::int64_t length = 0;
  if (pad.track->codec == "opus")
    length = static_cast<std::int64_t>(GST_TIME_AS_USECONDS(opus_duration(buffer)));
  else if (GST_BUFFER_DURATION_IS_VALID(buffer))
    length = static_cast<std::int64_t>(GST_TIME_AS_USECONDS(GST_BUFFER_DURATION(buffer)));
  VerifiedTrack& track = *pad.track;
  const std::scoped_lock lock(pad.seen->mutex);
  if (!pad.any) track.start_ms = start / 1000;
  const std::int64_t hole_ms = (start - pad.expected_us) / 1000;
  if (pad.any && hole_ms >= (track.video ? kStillMs : kSilenceMs) && track.gaps.size() < kMostGaps)
    track.gaps.push_back({pad.expected_us / 1000, hole_ms, "absent"});
  // A picture lasts until the next one: a length that the file only guesses would hide a hole.
  pad.expected_us = std::max(pad.expected_us, track.video ? start : start + length);
  track.end_ms = std::max(track.end_ms, (start + length) / 1000);
  ++track.frames;
  pad.any = true;
}

GstPadProbeReturn on_data(GstPad* /*pad*/, GstPadProbeInfo* info, gpointer data) noexcept {
  see(*static_cast<OnePad*>(data), GST_PAD_PROBE_INFO_BUFFER(info));
  return GST_PAD_PROBE_OK;
}

void on_pad(GstElement* demuxer, GstPad* pad, gpointer data) noexcept {
  auto& seen = *static_cast<Seen*>(data);
  const auto caps = wrap::Ref<GstCaps>::adopt(gst_pad_get_current_caps(pad));
  const char* media =
      caps ? gst_structure_get_name(gst_caps_get_structure(caps.get(), 0)) : nullptr;
  VerifiedTrack* track = nullptr;
  {
    const std::scoped_lock lock(seen.mutex);
    if (seen.tracks.size() >= kMostTracks) return;  // nobody takes what is in it
    track = &seen.tracks.emplace_back();
    track->codec = codec_name(media);
    track->video = media != nullptr && g_str_has_prefix(media, "video/") != FALSE;
  }
  // NOLINTNEXTLINE(bugprone-unhandled-exception-at-new): no memory ends the process
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, on_data, new OnePad{&seen, track},
                    [](gpointer one) { delete static_cast<OnePad*>(one); });
  GstElement* sink = gst_element_factory_make("fakesink", nullptr);
  g_object_set(sink, "sync", FALSE, "async", FALSE, nullptr);
  gst_bin_add(GST_BIN(GST_ELEMENT_PARENT(demuxer)), sink);
  gst_element_sync_state_with_parent(sink);
  const auto into = wrap::Ref<GstPad>::adopt(gst_element_get_static_pad(sink, "sink"));
  gst_pad_link(pad, into.get());
}

void see_tags(GstMessage* message, Seen& seen) {
  GstTagList* tags = nullptr;
  gst_message_parse_tag(message, &tags);
  wrap::Owned<char> comment;
  gst_tag_list_get_string(tags, GST_TAG_COMMENT, wrap::OutParam(comment));
  gst_tag_list_unref(tags);
  if (comment && g_str_has_prefix(comment.get(), kOffsetTag) != FALSE)
    seen.offset_ms = g_ascii_strtod(comment.get() + std::strlen(kOffsetTag), nullptr);
}

// Why reading ended early; empty: it did not.
std::string read_through(const fs::path& path, Seen& seen) {
  const bool mp4 = path.extension() == ".mp4";
  const auto pipeline = wrap::Ref<GstElement>::sink(gst_pipeline_new(nullptr));
  GstElement* source = gst_element_factory_make("filesrc", nullptr);
  GstElement* demuxer = gst_element_factory_make(mp4 ? "qtdemux" : "matroskademux", nullptr);
  if (source == nullptr || demuxer == nullptr) return "GStreamer's demuxers are not installed";
  g_object_set(source, "location", path.c_str(), nullptr);
  gst_bin_add_many(GST_BIN(pipeline.get()), source, demuxer, nullptr);
  gst_element_link(source, demuxer);
  g_signal_connect(demuxer, "pad-added", G_CALLBACK(on_pad), &seen);
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  const auto bus = wrap::Ref<GstBus>::adopt(gst_element_get_bus(pipeline.get()));
  constexpr auto kWanted =
      static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_TAG);
  GstMessage* message = gst_bus_timed_pop_filtered(bus.get(), kPatience, kWanted);
  while (message != nullptr && GST_MESSAGE_TYPE(message) == GST_MESSAGE_TAG) {
    see_tags(message, seen);
    gst_message_unref(message);
    message = gst_bus_timed_pop_filtered(bus.get(), kPatience, kWanted);
  }
  std::string problem = message == nullptr ? "reading it does not come to an end" : "";
  if (message != nullptr && GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
    wrap::Owned<GError> error;
    gst_message_parse_error(message, wrap::OutParam(error), nullptr);
    problem = error->message;
  }
  if (message != nullptr) gst_message_unref(message);
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  return problem;
}

VerifiedFile verify_file(const fs::path& path) {
  VerifiedFile file;
  file.file = path.filename().string();
  std::error_code none;
  file.bytes = fs::file_size(path, none);
  Seen seen;
  const std::string problem = read_through(path, seen);
  file.offset_ms = seen.offset_ms;
  file.tracks.assign(seen.tracks.begin(), seen.tracks.end());
  std::erase_if(file.tracks, [](const VerifiedTrack& track) { return track.frames == 0; });
  if (file.tracks.empty())
    file.problem = problem.empty() ? "there is not one frame in it" : problem;
  for (const VerifiedTrack& track : file.tracks) {
    const bool first = &track == file.tracks.data();
    file.start_ms = first ? track.start_ms : std::min(file.start_ms, track.start_ms);
    file.end_ms = std::max(file.end_ms, track.end_ms);
  }
  return file;
}

bool is_media(const fs::path& path) {
  return path.extension() == ".webm" || path.extension() == ".mkv" || path.extension() == ".mp4";
}

void sum_up(Verified& all) {
  std::optional<std::int64_t> first;
  for (const VerifiedFile& file : all.files) {
    all.end_ms = std::max(all.end_ms, file.end_ms);
    if (file.offset_ms) all.offset_ms = std::max(all.offset_ms.value_or(0), *file.offset_ms);
    for (const VerifiedTrack& track : file.tracks)
      first = std::min(first.value_or(track.start_ms), track.start_ms);
  }
  all.start_ms = first.value_or(0);
}

}  // namespace

bool Verified::plays() const {
  return !files.empty() && std::all_of(files.begin(), files.end(), [](const VerifiedFile& file) {
    return file.problem.empty();
  });
}

Result<Verified> verify(const std::string& path) {
  std::error_code error;
  const auto status = fs::status(path, error);
  if (!fs::exists(status)) return fail(Code::kNotFound, fmt::format("There is no {}.", path));
  std::vector<fs::path> paths;
  if (fs::is_directory(status)) {
    for (const auto& entry : fs::directory_iterator(path, error))
      if (entry.is_regular_file(error) && is_media(entry.path())) paths.push_back(entry.path());
    if (error)
      return fail(Code::kUnavailable, fmt::format("{} cannot be read: {}.", path, error.message()));
  } else if (fs::is_regular_file(status)) {
    paths.emplace_back(path);
  } else {
    // A pipe would keep who opens it waiting.
    return fail(Code::kInvalid, fmt::format("{} is neither a file nor a folder.", path));
  }
  std::sort(paths.begin(), paths.end());
  Verified all;
  for (const fs::path& one : paths) all.files.push_back(verify_file(one));
  sum_up(all);
  return all;
}

std::string to_json(const Verified& verified) {
  Writer w;
  w.boolean("plays", verified.plays());
  w.whole("startMs", verified.start_ms).whole("durationMs", verified.end_ms - verified.start_ms);
  if (verified.offset_ms) w.number("offsetMs", *verified.offset_ms);
  w.begin_array("files");
  for (const VerifiedFile& file : verified.files) {
    w.begin(nullptr);
    w.text("file", file.file).count("bytes", file.bytes).boolean("plays", file.problem.empty());
    if (!file.problem.empty()) w.text("problem", file.problem);
    w.whole("startMs", file.start_ms).whole("durationMs", file.end_ms - file.start_ms);
    if (file.offset_ms) w.number("offsetMs", *file.offset_ms);
    w.begin_array("tracks");
    for (const VerifiedTrack& track : file.tracks) {
      w.begin(nullptr);
      w.text("kind", track.video ? "video" : "audio").text("codec", track.codec);
      w.whole("startMs", track.start_ms).whole("durationMs", track.end_ms - track.start_ms);
      w.count("frames", track.frames);
      w.begin_array("gaps");
      for (const Part::Gap& gap : track.gaps) {
        w.begin(nullptr);
        w.whole("startMs", gap.start_ms).whole("durationMs", gap.duration_ms).text("why", gap.why);
        w.end();
      }
      w.end_array();
      w.end();
    }
    w.end_array();
    w.end();
  }
  w.end_array();
  return w.line();
}

std::string to_text(const Verified& verified) {
  const auto seconds = [](std::int64_t ms) { return static_cast<double>(ms) / 1000; };
  const auto offset = [](std::optional<double> ms) -> std::string {
    return ms ? fmt::format("offset at most {:.1f} ms", *ms) : "offset not known";
  };
  std::string out;
  for (const VerifiedFile& file : verified.files) {
    out += fmt::format("{}: ", file.file);
    if (!file.problem.empty()) {
      out += fmt::format("does not play: {}\n", file.problem);
      continue;
    }
    out +=
        fmt::format("{:.3f} s from {:.3f} s, {}, {} bytes\n", seconds(file.end_ms - file.start_ms),
                    seconds(file.start_ms), offset(file.offset_ms), file.bytes);
    for (const VerifiedTrack& track : file.tracks) {
      out += fmt::format("  {}: {} frames from {:.3f} s to {:.3f} s\n", track.codec, track.frames,
                         seconds(track.start_ms), seconds(track.end_ms));
      for (const Part::Gap& gap : track.gaps)
        out += fmt::format("    gap of {:.3f} s at {:.3f} s\n", seconds(gap.duration_ms),
                           seconds(gap.start_ms));
    }
  }
  out += fmt::format("{} {}: {:.3f} s from {:.3f} s", verified.files.size(),
                     verified.files.size() == 1 ? "file" : "files",
                     seconds(verified.end_ms - verified.start_ms), seconds(verified.start_ms));
  return out + ", " + offset(verified.offset_ms) + "\n";
}

// Our choice: a recording of a day takes a minute.
constexpr unsigned kLongestSeconds = 600;

int verify_command(const std::vector<std::string>& arguments) {
  constexpr int kUsage = 64;
  bool json = false;
  std::string path;
  for (const std::string& one : arguments) {
    if (one == "--json")
      json = true;
    else if (path.empty() && !one.starts_with("-"))
      path = one;
    else
      path = "-";
  }
  if (path.empty() || path == "-") {
    fmt::print(stderr, "usage: parley-job verify [--json] FILE|FOLDER\n");
    return kUsage;
  }
  // Asked by a program, with nobody there who would stop it.
  if (json) end_hard_in(kLongestSeconds);
  gst_init(nullptr, nullptr);
  if (json) {
    std::error_code error;
    std::vector<PathRule> rules = allowed_to_all(surroundings());
    rules.push_back({fs::absolute(path, error), PathRule::May::kRead});
    if (auto confined = confine(rules); !confined && landlock_version() > 0)
      fmt::print(stderr, "it goes without a sandbox: {}\n", confined.error().message);
  }
  const auto verified = verify(path);
  if (!verified) {
    fmt::print(stderr, "parley-job: {}\n", verified.error().message);
    return 1;
  }
  if (json)
    fmt::print("{}\n", to_json(*verified));
  else
    fmt::print("{}", to_text(*verified));
  return verified->plays() ? 0 : 1;
}

}  // namespace parley::job
