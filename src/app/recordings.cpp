#include "app/recordings.h"

#include <fmt/format.h>
#include <glib.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "app/log.h"
#include "app/secrets.h"
#include "app/verify_child.h"
#include "wrap/owned.h"

namespace parley::app {
namespace {

using base::Code;
using base::fail;
using base::Result;

// A disk that has not answered by then is not waited for; our choice.
constexpr std::chrono::seconds kDiskPatience{10};
constexpr std::chrono::seconds kTicketLife{3600};
constexpr const char* kServerStopped = "the server stopped";
constexpr std::size_t kSweepAtOnce = 100;
constexpr std::uint64_t kMiB = 1024ULL * 1024;

}  // namespace

std::string gaps_json(const std::vector<job::Part::Gap>& gaps) {
  std::string text = "[";
  for (const job::Part::Gap& gap : gaps) {
    // The words of `why` are ours.
    text += fmt::format(R"({}{{"startMs":{},"durationMs":{},"why":"{}"}})",
                        text.size() > 1 ? "," : "", gap.start_ms, gap.duration_ms,
                        gap.why == "muted" || gap.why == "lost" ? gap.why : "absent");
  }
  return text + "]";
}

Recordings::Recordings(RecordingPorts ports, RecordingSettings settings)
    : ports_(std::move(ports)),
      settings_(std::move(settings)),
      ticket_secret_(random_secret()),
      self_(std::make_shared<Recordings*>(this)) {}

Recordings::~Recordings() { *self_ = nullptr; }

void Recordings::start() {
  ports_.store->stale_recordings(
      [self = self_](const Result<std::vector<store::StoredRecording>>& stale) {
        if (*self == nullptr) return;
        if (!stale) return log_warning("Open recordings cannot be read: {}", stale.error().message);
        (*self)->take_stale(*stale);
      });
  if (settings_.retention_days == 0) return;
  sweeper_ =
      std::make_unique<wrap::RepeatingTimer>(nullptr, settings_.sweep_every, [this] { sweep(); });
  sweep();
}

// ---- a recording that runs ------------------------------------------------------------------

RecordingPlace Recordings::place_of(const base::JobId& recording, base::WallTime began) const {
  return RecordingPlace::of(settings_.folder, recording, began);
}

void Recordings::prepare(const base::JobId& recording, job::Layout layout, job::Container container,
                         base::WallTime began, Prepared done) {
  if (settings_.folder.empty())
    return done(fail(Code::kUnavailable, "This server has no folder for recordings."));
  // Never two points: an id is of characters that a path may hold, but for these.
  if (recording.str().starts_with('.'))
    return done(fail(Code::kInternal, "The id of a recording begins with a point."));
  const RecordingPlace place = place_of(recording, began);
  job::Record record;
  record.folder = place.path();
  record.layout = layout;
  record.container = container;
  record.part_ms = std::int64_t{settings_.part_seconds} * 1000;
  record.keep_free_bytes = settings_.stop_mb * kMiB;
  Live& live = live_[recording];
  live.folder = record.folder;
  const auto answer = [self = self_, recording, done = std::move(done)](Result<job::Record> made) {
    if (*self == nullptr) return;
    const auto found = (*self)->live_.find(recording);
    // It was given up, or this is not the first answer.
    if (found == (*self)->live_.end() || !found->second.patience) return;
    found->second.patience.reset();
    if (!made) (*self)->live_.erase(found);
    done(std::move(made));
  };
  live.patience = std::make_shared<wrap::RepeatingTimer>(nullptr, kDiskPatience, [answer] {
    const auto last = answer;  // which ends this timer
    last(fail(Code::kUnavailable, "The disk of the recordings does not answer."));
  });
  const DiskRoom needed{std::max(settings_.free_mb, settings_.stop_mb), settings_.free_percent};
  off_main([place, needed, record = std::move(record), answer]() -> std::function<void()> {
    const Result<void> made = make_recording_folder(place, needed);
    return [record, answer, made] {
      answer(made ? Result<job::Record>(record) : tl::unexpected(made.error()));
    };
  });
}

void Recordings::report(const base::JobId& job, const job::Report& report) {
  const auto live = live_.find(job);
  if (live == live_.end()) return;
  std::visit([&](const auto& what) { take(job, live->second, what); }, report);
}

void Recordings::take(const base::JobId& job, Live& live, const job::Part& part) {
  store::RecordingPart record{.recording = job,
                              .file = part.file,
                              .owner = part.owner,
                              .source = part.source ? std::string(base::name_of(*part.source)) : "",
                              .codec = part.codec,
                              .start_ms = part.start_ms,
                              .duration_ms = part.duration_ms,
                              .bytes = part.bytes,
                              .closed = part.closed,
                              .recovered = false,
                              .gaps = gaps_json(part.gaps)};
  if (part.closed)
    live.open.erase(part.file);
  else
    live.open[part.file] = record;
  submit({std::move(record)}, "a part of a recording");
}

void Recordings::take(const base::JobId& job, Live& live, const job::Progress& progress) {
  live.bytes = progress.bytes;
  if (!progress.offset_ms) return;
  // Not for a microsecond's sake.
  if (live.measured && std::abs(*progress.offset_ms - live.offset_ms) < 0.5) return;
  live.measured = true;
  live.offset_ms = *progress.offset_ms;
  submit({store::RecordingMeasured{job, live.offset_ms}}, "the offset of a recording");
}

void Recordings::take(const base::JobId& job, Live& live, const job::StateReport& state) {
  if (state.state != job::State::kEnded && state.state != job::State::kFailed) return;
  if (state.state == job::State::kFailed)
    log_warning("Recording {} has failed: {}", job.str(), state.message);
  std::vector<store::RecordingPart> open;
  open.reserve(live.open.size());
  for (auto& [file, part] : live.open) open.push_back(std::move(part));
  bytes_ += live.bytes;
  if (!open.empty()) recover(live.folder, std::move(open));
  live_.erase(job);
}

void Recordings::submit(std::vector<store::Record> records, const char* what) {
  ports_.store->submit(std::move(records), [what](const Result<void>& stored) {
    if (!stored) log_warning("The store did not take {}: {}", what, stored.error().message);
  });
}

// ---- what was left open ---------------------------------------------------------------------

void Recordings::take_stale(const std::vector<store::StoredRecording>& stale) {
  for (const store::StoredRecording& one : stale) {
    const base::JobId& id = one.began.recording;
    if (live_.contains(id)) continue;  // begun since
    std::vector<store::RecordingPart> open;
    for (const store::RecordingPart& part : one.parts)
      if (!part.closed) open.push_back(part);
    if (!one.over) {
      log_warning("Recording {} was cut off by the end of the server.", id.str());
      const call::RecordingOver over{one.began.call, id, true, kServerStopped, ports_.now().wall};
      std::vector<store::Record> records = {
          store::RecordingOver{id, "failed", kServerStopped, over.at}};
      if (ports_.announce)
        for (store::Outgoing& each : ports_.announce(over)) records.emplace_back(std::move(each));
      submit(std::move(records), "the end of a recording");
    }
    if (!open.empty()) recover(place_of(id, one.began.at).path(), std::move(open));
  }
}

// They play up to what was written; a look at them says how much that is. Where nobody can look,
// they are closed with what is known.
void Recordings::recover(const std::string& folder, std::vector<store::RecordingPart> parts) {
  verify_in_child(
      settings_.job_program, folder,
      [self = self_, parts = std::move(parts)](const Result<std::vector<Measured>>& found) mutable {
        if (*self == nullptr) return;
        if (!found)
          log_warning("Parts of recording {} cannot be measured: {}", parts[0].recording.str(),
                      found.error().message);
        std::vector<store::Record> records;
        for (store::RecordingPart& part : parts) {
          part.closed = true;
          part.recovered = true;
          for (const Measured& file : found.value_or(std::vector<Measured>{})) {
            if (file.file != part.file) continue;
            part.start_ms = file.plays ? file.start_ms : part.start_ms;
            part.duration_ms = file.plays ? file.duration_ms : 0;
            part.bytes = file.bytes;
          }
          records.emplace_back(std::move(part));
        }
        (*self)->submit(std::move(records), "recovered parts of a recording");
      });
}

// ---- the end of recordings ------------------------------------------------------------------

// One after the other, the oldest first, until none is left but what cannot be deleted: that is
// said once, and tried again by the next sweep.
struct Recordings::Sweep {
  base::WallTime before;
  std::vector<store::StoredRecording> page;
  std::size_t next = 0;  // of the page
  std::size_t kept = 0;  // of all, which are the first of what is found next
  std::string why;       // of the first that was kept
};

void Recordings::sweep() {
  if (sweep_) return;  // a slow disk
  sweep_ = std::make_shared<Sweep>();
  sweep_->before = ports_.now().wall - std::chrono::hours(24) * settings_.retention_days;
  sweep_page();
}

void Recordings::sweep_page() {
  ports_.store->expired_recordings(
      sweep_->before, sweep_->kept, kSweepAtOnce,
      [self = self_](const Result<std::vector<store::StoredRecording>>& expired) {
        if (*self == nullptr) return;
        Recordings& me = **self;
        if (!expired)
          log_warning("Recordings that are too old cannot be read: {}", expired.error().message);
        if (!expired || expired->empty()) return me.end_sweep();
        me.sweep_->page = *expired;
        me.sweep_->next = 0;
        me.sweep_next();
      });
}

void Recordings::sweep_next() {
  if (sweep_->next == sweep_->page.size()) return sweep_page();
  const base::JobId id = sweep_->page[sweep_->next++].began.recording;
  remove(id, [self = self_, id](const Result<void>& removed) {
    if (*self == nullptr) return;
    Sweep& sweep = *(*self)->sweep_;
    if (removed)
      log_info("Recording {} was old enough, and is deleted.", id.str());
    else if (removed.error().code != Code::kNotFound && sweep.kept++ == 0)
      sweep.why = fmt::format("{}: {}", id.str(), removed.error().message);
    (*self)->sweep_next();
  });
}

void Recordings::end_sweep() {
  const auto over = std::exchange(sweep_, nullptr);
  if (over->kept > 0)
    log_warning("{} recordings are too old and cannot be deleted, the first being {}", over->kept,
                over->why);
}

// The row goes last: while it is there, what is left of the files can be found.
void Recordings::remove(const base::JobId& recording,
                        const std::function<void(Result<void>)>& done) {
  ports_.store->find_recording(
      recording, {}, [self = self_, recording, done](const Result<store::StoredRecording>& found) {
        if (*self == nullptr) return;
        if (!found) return done(tl::unexpected(found.error()));
        if (!found->over || (*self)->live_.contains(recording))
          return done(fail(Code::kConflict, "The recording still runs; stop it first."));
        off_main([self, place = (*self)->place_of(recording, found->began.at), recording,
                  done]() -> std::function<void()> {
          const Result<void> gone = delete_recording_folder(place);
          return [self, recording, done, gone] {
            if (*self == nullptr) return;
            if (!gone) return done(gone);
            (*self)->ports_.store->submit({store::RecordingDeleted{recording}}, done);
          };
        });
      });
}

void Recordings::find(const base::JobId& recording, store::RecordingFilter filter,
                      std::function<void(Result<store::StoredRecording>)> done) const {
  ports_.store->find_recording(recording, std::move(filter), std::move(done));
}

void Recordings::list(store::RecordingFilter filter, std::optional<base::JobId> before,
                      std::size_t limit,
                      std::function<void(Result<store::Page<store::StoredRecording>>)> done) const {
  ports_.store->list_recordings(std::move(filter), std::move(before), limit, std::move(done));
}

// ---- tickets: UNIX-SECONDS.HMAC -------------------------------------------------------------

std::string Recordings::sign(const base::JobId& recording, const std::string& file,
                             const std::string& until) const {
  const std::string text = recording.str() + "/" + file + "/" + until;
  const wrap::Owned<char> mac(g_compute_hmac_for_string(
      G_CHECKSUM_SHA256, reinterpret_cast<const guchar*>(ticket_secret_.data()),
      ticket_secret_.size(), text.data(), static_cast<gssize>(text.size())));
  return until + "." + mac.get();
}

std::string Recordings::ticket(const base::JobId& recording, const std::string& file) const {
  const auto until = std::chrono::floor<std::chrono::seconds>(ports_.now().wall) + kTicketLife;
  return sign(recording, file, std::to_string(until.time_since_epoch().count()));
}

bool Recordings::good_ticket(const base::JobId& recording, const std::string& file,
                             const std::string& ticket) const {
  const std::string until = ticket.substr(0, ticket.find('.'));
  const std::string right = sign(recording, file, until);
  if (ticket.size() != right.size()) return false;
  // Takes as long whichever character is wrong.
  unsigned different = 0;
  for (std::size_t i = 0; i < right.size(); ++i)
    different |= static_cast<unsigned char>(ticket[i]) ^ static_cast<unsigned char>(right[i]);
  const auto now = std::chrono::floor<std::chrono::seconds>(ports_.now().wall);
  return different == 0 &&
         g_ascii_strtoll(until.c_str(), nullptr, 10) >= now.time_since_epoch().count();
}

void Recordings::open(const store::StoredRecording& recording, const std::string& file,
                      std::function<void(Result<OpenRecordingFile>)> done) const {
  const bool known = std::any_of(recording.parts.begin(), recording.parts.end(),
                                 [&](const auto& part) { return part.file == file; });
  if (!known) return done(fail(Code::kNotFound, "The recording has no such file."));
  off_main([place = place_of(recording.began.recording, recording.began.at), file,
            done = std::move(done)]() -> std::function<void()> {
    return [opened = open_recording_file(place, file), done] { done(opened); };
  });
}

}  // namespace parley::app
