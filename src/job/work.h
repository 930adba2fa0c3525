// What a job does: one of record, mix, out, in. Everything happens on the job's main context;
// GStreamer's threads post to it (wrap::ContextMailbox).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/source.h"
#include "job/spec.h"
#include "pipeline/description.h"

namespace parley::job {

// What the process does for its work. Outlives it.
struct Context {
  const Spec& spec;
  const pipeline::Folders& pipelines;
  std::function<void(const Report&)> report;
  // The work is over: in order (after stop(), or all was said), or why not. Once.
  std::function<void(base::Result<void>)> finished;
  // It has failed and is on its way to its end, which may never come: what hangs may be what it
  // waits for. Then the process ends without, and says so.
  std::function<void(const std::string& why)> failing{};
};

class Work {
 public:
  virtual ~Work() = default;
  // kInvalid, kNotFound, kUnavailable: it cannot begin, and why.
  [[nodiscard]] virtual base::Result<void> start() = 0;
  // What there is in the call, from the media worker. Hidden owners never come here, and are
  // removed when they become hidden. A name that comes again after it was removed is a new track.
  virtual void track_added(const std::string& owner, base::Source source) = 0;
  virtual void track_removed(const std::string& owner, base::Source source) = 0;
  virtual void port_added(const std::string& /*owner*/) {}
  virtual void port_removed(const std::string& /*owner*/) {}
  // To its end in order; finished() follows.
  virtual void stop() = 0;
};

// By the kind of spec.work.
[[nodiscard]] std::unique_ptr<Work> make_record(const Context& context, const Record& record);
[[nodiscard]] std::unique_ptr<Work> make_mix(const Context& context, const Mix& mix);
[[nodiscard]] std::unique_ptr<Work> make_out(const Context& context, const Out& out);
[[nodiscard]] std::unique_ptr<Work> make_in(const Context& context, const In& in);

}  // namespace parley::job
