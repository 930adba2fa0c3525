#include "job/record_composed.h"
#include "job/record_tracks.h"
#include "job/work.h"

namespace parley::job {

std::unique_ptr<Work> make_record(const Context& context, const Record& record) {
  if (record.layout == Layout::kTracks) return std::make_unique<RecordTracks>(context, record);
  return std::make_unique<RecordComposed>(context, record);
}

}  // namespace parley::job
