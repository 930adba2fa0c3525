// What is really in the files of a recording: reads them as a player would, from the first byte to
// the last, without a network and without decoding.
//
// For files that were cut off, whoever wrote them. Blocks; one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "job/spec.h"

namespace parley::job {

// Times are from the beginning of the recording, as the file has them.
struct VerifiedTrack {
  bool video = false;
  std::string codec;  // "opus", "vp8", "vp9", "av1", "h264", "aac"; another: GStreamer's name
  std::int64_t start_ms = 0;
  std::int64_t end_ms = 0;
  std::uint64_t frames = 0;
  std::vector<Part::Gap> gaps;  // why: "absent"
};
struct VerifiedFile {
  std::string file;
  std::uint64_t bytes = 0;
  std::string problem;  // empty: it plays
  std::int64_t start_ms = 0;
  std::int64_t end_ms = 0;
  std::vector<VerifiedTrack> tracks;
  // What its recorder noted: what is in it is off by at most that from what its senders reported.
  // nullopt: they did not, or the file was not closed.
  std::optional<double> offset_ms;
};
struct Verified {
  std::vector<VerifiedFile> files;  // by name
  std::int64_t start_ms = 0;
  std::int64_t end_ms = 0;
  std::optional<double> offset_ms;   // the largest of the files
  [[nodiscard]] bool plays() const;  // there is a file, and all of them do
};

// A file, or a folder with the files of a recording. kNotFound, kUnavailable: it cannot be read;
// kInvalid: it is neither.
[[nodiscard]] base::Result<Verified> verify(const std::string& path);

[[nodiscard]] std::string to_json(const Verified& verified);
[[nodiscard]] std::string to_text(const Verified& verified);

// The command `parley-job verify [--json] FILE|FOLDER`, without its first word. Returns the exit
// code: 0 it plays, 1 it does not, 64 bad usage.
[[nodiscard]] int verify_command(const std::vector<std::string>& arguments);

}  // namespace parley::job
