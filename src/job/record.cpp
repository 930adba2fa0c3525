#include "job/record_tracks.h"
#include "job/work.h"

namespace parley::job {
namespace {

class Refusal : public Work {
 public:
  base::Result<void> start() override {
    return base::fail(base::Code::kUnavailable, "this build records tracks only");
  }
  void track_added(const std::string& /*owner*/, base::Source /*source*/) override {}
  void track_removed(const std::string& /*owner*/, base::Source /*source*/) override {}
  void stop() override {}
};

}  // namespace

std::unique_ptr<Work> make_record(const Context& context, const Record& record) {
  if (record.layout == Layout::kTracks) return std::make_unique<RecordTracks>(context, record);
  return std::make_unique<Refusal>();
}

}  // namespace parley::job
