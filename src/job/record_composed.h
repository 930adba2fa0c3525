// Records a whole call as one picture and one sound, in parts that any player plays.
//
// Lives on the job's main context; what the composer makes on its threads is posted there.
#pragma once

#include <memory>

#include "job/compose.h"
#include "job/record_disk.h"
#include "job/record_series.h"
#include "job/work.h"
#include "wrap/context_thread.h"
#include "wrap/mailbox.h"

namespace parley::job {

class RecordComposed : public Work {
 public:
  RecordComposed(const Context& context, Record record);
  ~RecordComposed() override;

  [[nodiscard]] base::Result<void> start() override;
  void track_added(const std::string& owner, base::Source source) override;
  void track_removed(const std::string& owner, base::Source source) override;
  void stop() override;

 private:
  struct Encoded {
    base::Kind kind = base::Kind::kVideo;
    Frame frame;
  };
  [[nodiscard]] PartSeries::Options series_options();
  [[nodiscard]] Composer::Callbacks callbacks();
  void tick();
  void fail(const base::Error& error);

  const Context& context_;
  const Record record_;
  Descriptor folder_descriptor_;
  std::unique_ptr<Disk> disk_;
  std::unique_ptr<FreeRoom> room_;
  std::unique_ptr<RecordFolder> folder_;
  std::unique_ptr<PartSeries> series_;
  wrap::ContextMailbox<Encoded> encoded_;
  std::unique_ptr<Composer> composer_;
  std::unique_ptr<wrap::RepeatingTimer> timer_;
  ClockErrors clock_errors_;
  base::Result<void> outcome_;
  bool stopping_ = false;
};

}  // namespace parley::job
