#include "admin/recordings.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "admin/api.h"
#include "wire/pieces.h"
#include "wire/writer.h"

namespace parley::admin {
namespace {

void write(wire::Writer& w, const FileView& file) {
  w.text("file", file.file);
  w.text("url", file.url);
  if (!file.owner.empty()) w.text("profileId", file.owner);
  if (!file.source.empty()) w.text("source", file.source);
  w.text("codec", file.codec);
  w.number("startMs", file.start_ms);
  w.number("durationMs", file.duration_ms);
  w.number("bytes", static_cast<std::int64_t>(file.bytes));
  w.flag("closed", file.closed);
  w.flag("recovered", file.recovered);
  w.array("gaps", file.gaps, [&w](const FileView::Gap& gap) {
    w.nested([&] {
      w.number("startMs", gap.start_ms);
      w.number("durationMs", gap.duration_ms);
      w.text("why", gap.why);
    });
  });
}

void write(wire::Writer& w, const RecordingInfo& r, bool with_files) {
  w.id("recordingId", r.recording);
  w.id("callId", r.call);
  w.text("layout", r.layout);
  w.text("format", r.format);
  w.text("policy", r.policy);
  w.text("by", r.by);
  w.text("state", r.state);
  if (!r.message.empty()) w.text("message", r.message);
  wire::write_at(w, "at", r.at);
  if (r.over) wire::write_at(w, "endedAt", *r.over);
  std::int64_t end_ms = 0;
  std::uint64_t bytes = 0;
  for (const FileView& file : r.files) {
    end_ms = std::max(end_ms, file.start_ms + file.duration_ms);
    bytes += file.bytes;
  }
  w.number("durationMs", end_ms);
  w.number("bytes", static_cast<std::int64_t>(bytes));
  if (r.offset_ms) w.number("offsetMs", std::lround(*r.offset_ms));
  if (with_files)
    w.array("files", r.files, [&w](const FileView& file) { w.nested([&] { write(w, file); }); });
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range) return std::numeric_limits<std::uint64_t>::max();
  if (error != std::errc()) return std::nullopt;
  return value;
}

}  // namespace

Response answer(const Recordings& /*question*/, const std::vector<RecordingInfo>& items,
                bool more) {
  wire::Writer w;
  w.array("items", items,
          [&w](const RecordingInfo& one) { w.nested([&] { write(w, one, false); }); });
  w.flag("more", more);
  return {200, w.finish(), {}};
}

Response answer(const OneRecording& /*question*/, const RecordingInfo& recording) {
  wire::Writer w;
  write(w, recording, true);
  return {200, w.finish(), {}};
}

// Ids and names of files are of characters that a path may hold as they are.
std::string file_path(const base::JobId& recording, const std::string& file,
                      const std::string& ticket) {
  return fmt::format("{}recordings/{}/files/{}{}{}", kPrefix, recording.str(), file,
                     ticket.empty() ? "" : "?ticket=", ticket);
}

Piece piece_of(std::string_view range, std::uint64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  const Piece whole{Piece::Kind::kWhole, 0, size};
  if (!range.starts_with(kUnit) || range.find(',') != std::string_view::npos) return whole;
  range.remove_prefix(kUnit.size());
  const std::size_t dash = range.find('-');
  if (dash == std::string_view::npos) return whole;
  const auto first = number(range.substr(0, dash));
  const auto last = number(range.substr(dash + 1));
  if (dash == 0) {  // the last so many
    if (!last) return whole;
    if (*last == 0 || size == 0) return {Piece::Kind::kNone, 0, 0};
    const std::uint64_t length = std::min(*last, size);
    return {Piece::Kind::kPart, size - length, length};
  }
  if (!first || (!last && dash + 1 != range.size()) || (last && *last < *first)) return whole;
  if (*first >= size) return {Piece::Kind::kNone, 0, 0};
  const std::uint64_t end = std::min(last.value_or(size - 1), size - 1);
  return {Piece::Kind::kPart, *first, end - *first + 1};
}

}  // namespace parley::admin
