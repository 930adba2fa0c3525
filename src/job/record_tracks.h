// Records every track of a call by itself, as it was sent.
//
// Lives on the job's main context.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "job/part_writer.h"
#include "job/record_disk.h"
#include "job/record_series.h"
#include "job/record_track.h"
#include "job/work.h"
#include "wrap/context_thread.h"

namespace parley::job {

// The folder of a recording, opened. kUnavailable: it is not there or cannot be written to, and
// why.
[[nodiscard]] base::Result<Descriptor> open_record_folder(const std::string& path);
// It was made just now, and its day's folder perhaps: a file is on disk when all names above it
// are. Before the process is confined to the folder.
[[nodiscard]] base::Result<void> sync_above(const std::string& path);

class RecordTracks : public Work {
 public:
  RecordTracks(const Context& context, Record record);
  ~RecordTracks() override;

  [[nodiscard]] base::Result<void> start() override;
  void track_added(const std::string& owner, base::Source source) override;
  void track_removed(const std::string& owner, base::Source source) override;
  void stop() override;

 private:
  using Key = std::pair<std::string, base::Source>;
  void tick();
  void end(std::unique_ptr<RecordTrack> track);
  void finish_if_done();

  const Context& context_;
  const Record record_;
  Descriptor folder_descriptor_;
  std::unique_ptr<Disk> disk_;
  std::unique_ptr<FreeRoom> room_;
  std::unique_ptr<RecordFolder> folder_;
  GstClockTime base_time_ = 0;
  std::unique_ptr<wrap::RepeatingTimer> timer_;
  std::map<Key, std::unique_ptr<RecordTrack>> tracks_;
  std::vector<std::unique_ptr<RecordTrack>> ending_;
  int next_ = 1;
  std::uint64_t ended_bytes_ = 0;
  std::uint64_t ended_dropped_ = 0;
  ClockErrors clock_errors_;    // of all tracks
  base::Result<void> outcome_;  // the first thing that went wrong
  bool stopping_ = false;
  bool told_ = false;
};

}  // namespace parley::job
