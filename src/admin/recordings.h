// Recordings in the HTTP API: their list, one of them with its files, and the pieces of a file that
// a player asks for. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/http.h"
#include "base/ids.h"
#include "base/time.h"

namespace parley::admin {

// `own`: the caller's profiles, who see recordings of calls they were in; nullopt: all are seen.
struct Recordings {
  std::optional<base::CallId> call;
  std::optional<base::JobId> before;
  std::size_t limit = 0;
  std::optional<std::vector<base::ProfileId>> own;
};
struct OneRecording {
  base::JobId recording;
  std::optional<std::vector<base::ProfileId>> own;
};
struct DeleteRecording {
  base::JobId recording;
  std::optional<std::vector<base::ProfileId>> own;
};
struct RecordingFile {
  base::JobId recording;
  std::string file;
  std::optional<std::vector<base::ProfileId>> own;
};

struct FileView {
  struct Gap {
    std::int64_t start_ms = 0;
    std::int64_t duration_ms = 0;
    std::string why;
  };
  std::string file;
  std::string url;
  std::string owner;   // empty: composed
  std::string source;  // likewise
  std::string codec;
  std::int64_t start_ms = 0;
  std::int64_t duration_ms = 0;
  std::uint64_t bytes = 0;
  bool closed = false;
  bool recovered = false;
  std::vector<Gap> gaps;
};
struct RecordingInfo {
  base::JobId recording;
  base::CallId call;
  std::string layout;
  std::string format;
  std::string policy;
  std::string by;
  std::string state;  // "on", "ended", "failed"
  std::string message;
  std::optional<double> offset_ms;
  base::WallTime at;
  std::optional<base::WallTime> over;
  std::vector<FileView> files;
};

[[nodiscard]] Response answer(const Recordings& question, const std::vector<RecordingInfo>& items,
                              bool more);
[[nodiscard]] Response answer(const OneRecording& question, const RecordingInfo& recording);

// The path of a file, with its ticket if there is one.
[[nodiscard]] std::string file_path(const base::JobId& recording, const std::string& file,
                                    const std::string& ticket);

// What a Range (RFC 9110, 14.1.2) asks for of a file of `size` bytes. Several ranges, and what is
// none, ask for the whole.
struct Piece {
  enum class Kind { kWhole, kPart, kNone } kind = Kind::kWhole;  // kNone: nothing of it is there
  std::uint64_t first = 0;
  std::uint64_t length = 0;
};
[[nodiscard]] Piece piece_of(std::string_view range, std::uint64_t size);

}  // namespace parley::admin
