// The part of the desk that is about recordings: their list, and their files.
#include <fmt/format.h>

#include <cstdint>
#include <utility>

#include "admin/query.h"
#include "app/api.h"
#include "app/log.h"
#include "job/json.h"
#include "net/static_files.h"

namespace parley::app {
namespace {

constexpr std::string_view kRecordings = "recordings/";
constexpr std::string_view kFiles = "/files/";
constexpr std::string_view kDownload = "&download=1";  // behind a ticket: to be kept, not shown

admin::Response refusal(const admin::Question& question, const base::Error& error) {
  if (error.code == base::Code::kNotFound) return admin::not_found(question);
  if (error.code == base::Code::kConflict)
    return admin::error(call::ErrorCode::kConflict, "the recording still runs; stop it first");
  log_warning("The HTTP API got no answer about recordings: {}", error.message);
  return admin::error(call::ErrorCode::kUnavailable,
                      "the server cannot do it now; try again later");
}

store::RecordingFilter filter_of(std::optional<base::CallId> call,
                                 const std::optional<std::vector<base::ProfileId>>& own) {
  // No profile at all would stand for everybody.
  if (own && own->empty()) return {std::move(call), {base::ProfileId()}};
  return {std::move(call), own.value_or(std::vector<base::ProfileId>{})};
}

std::vector<admin::FileView::Gap> gaps_of(const std::string& json) {
  std::vector<admin::FileView::Gap> gaps;
  auto root = job::parse_object(R"({"gaps":)" + (json.empty() ? "[]" : json) + "}");
  if (!root) return gaps;
  constexpr std::int64_t kMost = INT64_MAX;
  job::Reader reader(json_node_get_object(root->get()));
  for (job::Reader& gap : reader.objects("gaps"))
    gaps.push_back(
        {gap.whole("startMs", 0, kMost), gap.whole("durationMs", 0, kMost), gap.text("why")});
  return gaps;
}

admin::RecordingInfo view_of(const Recordings& recordings, const store::StoredRecording& r,
                             bool with_files) {
  admin::RecordingInfo view{.recording = r.began.recording,
                            .call = r.began.call,
                            .layout = r.began.layout,
                            .format = r.began.format,
                            .policy = r.began.policy,
                            .by = r.began.by,
                            .state = r.state == "running" ? "on" : r.state,
                            .message = r.message,
                            .offset_ms = r.offset_ms,
                            .at = r.began.at,
                            .over = r.over,
                            .files = {}};
  for (const store::RecordingPart& part : r.parts) {
    const std::string url = with_files
                                ? admin::file_path(r.began.recording, part.file,
                                                   recordings.ticket(r.began.recording, part.file))
                                : std::string();
    view.files.push_back({part.file, url, part.owner, part.source, part.codec, part.start_ms,
                          part.duration_ms, part.bytes, part.closed, part.recovered,
                          with_files ? gaps_of(part.gaps) : std::vector<admin::FileView::Gap>{}});
  }
  return view;
}

// Whether a list of entity tags (RFC 9110, 8.8.3) has this one, or is for any. Ours hold no comma.
bool lists(std::string_view list, std::string_view etag) {
  return list == "*" || list.find(etag) != std::string_view::npos;
}

// What the conditions of a request make of a file (RFC 9110, 13.2.2): its status and the piece.
admin::Piece piece_for(const net::HttpRequest& request, const OpenRecordingFile& file) {
  // A piece is asked for by GET alone (14.2); of something else it would be no piece of this.
  const std::string since = request.header("If-Range");
  const bool same = since.empty() || since == file.etag;
  return admin::piece_of(request.method == "GET" && same ? request.header("Range") : "", file.size);
}

// What is said of the whole file and its pieces. A browser may keep it, and asks each time whether
// it may still be had.
net::HttpResponse file_response(const net::HttpRequest& request, const std::string& name,
                                const OpenRecordingFile& file) {
  net::HttpResponse response;
  response.headers = {
      {"Accept-Ranges", "bytes"}, {"Cache-Control", "private, no-cache"}, {"ETag", file.etag}};
  if (lists(request.header("If-None-Match"), file.etag)) {
    response.status = 304;
    return response;
  }
  const admin::Piece piece = piece_for(request, file);
  response.type = std::string(net::content_type_of(name));
  if (piece.kind == admin::Piece::Kind::kNone) {
    response.status = 416;
    response.headers.emplace_back("Content-Range", fmt::format("bytes */{}", file.size));
    return response;
  }
  if (piece.kind == admin::Piece::Kind::kPart) {
    response.status = 206;
    response.headers.emplace_back(
        "Content-Range",
        fmt::format("bytes {}-{}/{}", piece.first, piece.first + piece.length - 1, file.size));
  }
  const bool download = request.query.ends_with(kDownload);
  response.headers.emplace_back(
      "Content-Disposition",
      fmt::format("{}; filename=\"{}\"", download ? "attachment" : "inline", name));
  response.file = net::FilePart{file.file, piece.first, piece.length};
  return response;
}

}  // namespace

void ApiDesk::ask(const admin::Recordings& question, const Answer& answer) {
  ports_.recordings->list(
      filter_of(question.call, question.own), question.before, question.limit,
      [this, question, answer](const base::Result<store::Page<store::StoredRecording>>& page) {
        if (!page) return answer(refusal(question, page.error()));
        std::vector<admin::RecordingInfo> items;
        for (const auto& one : page->items)
          items.push_back(view_of(*ports_.recordings, one, false));
        answer(admin::answer(question, items, page->more));
      });
}

void ApiDesk::ask(const admin::OneRecording& question, const Answer& answer) {
  ports_.recordings->find(
      question.recording, filter_of(std::nullopt, question.own),
      [this, question, answer](const base::Result<store::StoredRecording>& found) {
        if (!found) return answer(refusal(question, found.error()));
        answer(admin::answer(question, view_of(*ports_.recordings, *found, true)));
      });
}

void ApiDesk::ask(const admin::DeleteRecording& question, const Answer& answer) {
  ports_.recordings->find(
      question.recording, filter_of(std::nullopt, question.own),
      [this, question, answer](const base::Result<store::StoredRecording>& found) {
        if (!found) return answer(refusal(question, found.error()));
        ports_.recordings->remove(question.recording,
                                  [question, answer](const base::Result<void>& removed) {
                                    if (!removed) return answer(refusal(question, removed.error()));
                                    answer(admin::Response{204, "", {}});
                                  });
      });
}

// A ticket is for one file; with one nobody asks who it is that shows it.
std::optional<admin::RecordingFile> ApiDesk::by_ticket(const net::HttpRequest& request) const {
  if (request.method != "GET" && request.method != "HEAD") return std::nullopt;
  constexpr std::string_view kName = "ticket=";
  if (!request.query.starts_with(kName)) return std::nullopt;
  std::string_view path = request.path;
  path.remove_prefix(path.starts_with(admin::kPrefix) ? admin::kPrefix.size() : path.size());
  const std::size_t files = path.find(kFiles);
  if (!path.starts_with(kRecordings) || files == std::string_view::npos) return std::nullopt;
  const std::string_view id = path.substr(kRecordings.size(), files - kRecordings.size());
  const std::string_view name = path.substr(files + kFiles.size());
  if (!base::is_valid_id(id) || !base::is_valid_id(name)) return std::nullopt;
  admin::RecordingFile file{base::JobId(std::string(id)), std::string(name), std::nullopt};
  std::string ticket = request.query.substr(kName.size());
  if (ticket.ends_with(kDownload)) ticket.resize(ticket.size() - kDownload.size());
  if (!ports_.recordings->good_ticket(file.recording, file.file, ticket)) return std::nullopt;
  return file;
}

void ApiDesk::serve_file(const admin::RecordingFile& question, const net::HttpRequest& request,
                         const net::Respond& respond) {
  ports_.recordings->find(
      question.recording, filter_of(std::nullopt, question.own),
      [this, question, request, respond](const base::Result<store::StoredRecording>& found) {
        if (!found) return respond(finish(refusal(question, found.error())));
        ports_.recordings->open(
            *found, question.file,
            [this, question, request, respond](const base::Result<OpenRecordingFile>& file) {
              if (!file) return respond(finish(refusal(question, file.error())));
              net::HttpResponse response = file_response(request, question.file, *file);
              ++answers_[response.status];
              respond(std::move(response));
            });
      });
}

}  // namespace parley::app
