// The recordings of this server: their folders, what the store knows of them, and their end.
//
// What a recording job reports goes to the store; what a dead job or a dead server left open is
// looked at by a process of its own (parley-job verify) and marked as recovered. Main thread only;
// nothing here waits for the disk.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/recording_files.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "call/machine.h"
#include "job/spec.h"
#include "store/store.h"
#include "wrap/context_thread.h"

namespace parley::app {

struct RecordingSettings {
  std::string folder;                // empty: beside the store
  std::uint32_t retention_days = 0;  // 0: for ever
  std::uint32_t part_seconds = 60;
  // A recording does not begin with less than this on the disk, whichever is more.
  std::uint64_t free_mb = 1024;
  std::uint32_t free_percent = 5;
  // One that runs ends when less is left, before whatever else is on the disk is in want of room.
  std::uint64_t stop_mb = 256;
  std::chrono::milliseconds sweep_every = std::chrono::hours(1);  // for what is too old
  std::string job_program;                                        // parley-job
};

struct RecordingPorts {
  std::function<base::Instant()> now;
  store::Store* store = nullptr;  // outlives it
  // What is to be sent to the application's server of an end that no call tells of; may be empty.
  std::function<std::vector<store::Outgoing>(const call::RecordingOver&)> announce = nullptr;
};

class Recordings {
 public:
  Recordings(RecordingPorts ports, RecordingSettings settings);
  ~Recordings();
  Recordings(const Recordings&) = delete;
  Recordings& operator=(const Recordings&) = delete;

  // Looks for what the last run left open, and deletes what is too old, now and every hour.
  void start();

  // For the spec of a job that is about to start: its folder, made now. kUnavailable: there is no
  // room on the disk, the folder cannot be made, or the disk does not answer, and why, in words
  // that the call may hear (no paths). Nobody is told when the job is reported as over first.
  using Prepared = std::function<void(base::Result<job::Record>)>;
  void prepare(const base::JobId& recording, job::Layout layout, job::Container container,
               base::WallTime began, Prepared done);
  // All that the job of a recording reports, to its end; those of other jobs are ignored. That the
  // recording began and is over comes to the store from the call.
  void report(const base::JobId& job, const job::Report& report);

  // As Store's.
  void find(const base::JobId& recording, store::RecordingFilter filter,
            std::function<void(base::Result<store::StoredRecording>)> done) const;
  void list(store::RecordingFilter filter, std::optional<base::JobId> before, std::size_t limit,
            std::function<void(base::Result<store::Page<store::StoredRecording>>)> done) const;
  // Files and rows. kNotFound; kConflict: it runs; kUnavailable: the disk.
  void remove(const base::JobId& recording, const std::function<void(base::Result<void>)>& done);
  // A file that a listing names; kNotFound: it has no such file.
  void open(const store::StoredRecording& recording, const std::string& file,
            std::function<void(base::Result<OpenRecordingFile>)> done) const;
  // Lets its bearer read one file for an hour, and until the server ends: for <video> and <a>,
  // which send no Authorization.
  [[nodiscard]] std::string ticket(const base::JobId& recording, const std::string& file) const;
  [[nodiscard]] bool good_ticket(const base::JobId& recording, const std::string& file,
                                 const std::string& ticket) const;
  [[nodiscard]] std::uint64_t bytes_written() const { return bytes_; }  // by jobs that have ended
  [[nodiscard]] std::size_t running() const { return live_.size(); }

 private:
  struct Live {
    std::map<std::string, store::RecordingPart> open;  // parts that nobody has closed
    double offset_ms = 0;
    bool measured = false;
    std::uint64_t bytes = 0;
    std::string folder;
    std::shared_ptr<wrap::RepeatingTimer> patience;  // while its folder is made
  };
  struct Sweep;
  void take(const base::JobId& job, Live& live, const job::StateReport& state);
  void take(const base::JobId& job, Live& live, const job::Part& part);
  void take(const base::JobId& job, Live& live, const job::Progress& progress);
  void take(const base::JobId& /*job*/, Live& /*live*/, const job::Beat& /*beat*/) {}
  void submit(std::vector<store::Record> records, const char* what);
  [[nodiscard]] RecordingPlace place_of(const base::JobId& recording, base::WallTime began) const;
  void take_stale(const std::vector<store::StoredRecording>& stale);
  void recover(const std::string& folder, std::vector<store::RecordingPart> parts);
  void sweep();
  void sweep_page();
  void sweep_next();
  void end_sweep();
  [[nodiscard]] std::string sign(const base::JobId& recording, const std::string& file,
                                 const std::string& until) const;

  const RecordingPorts ports_;
  const RecordingSettings settings_;
  const std::string ticket_secret_;
  std::map<base::JobId, Live> live_;
  std::unique_ptr<wrap::RepeatingTimer> sweeper_;
  std::shared_ptr<Sweep> sweep_;  // while it runs
  std::uint64_t bytes_ = 0;
  std::shared_ptr<Recordings*> self_;  // for answers that come late
};

// [{"startMs", "durationMs", "why"}, …], as the store and the HTTP API have it.
[[nodiscard]] std::string gaps_json(const std::vector<job::Part::Gap>& gaps);

}  // namespace parley::app
