// The driver and its jobs: what the call machine wants made of calls, as processes; what they
// report, as inputs of the machine.
//
// Here the addresses of bridges become known to a job, and nowhere else: no message of this file
// holds one. Main thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "call/machine.h"
#include "job/spec.h"
#include "media/command.h"
#include "net/targets.h"

namespace parley::app {

// What it uses of the world. What is missing is refused as unavailable.
struct JobPorts {
  std::function<base::Result<void>(const job::Spec&)> start;
  std::function<void(const base::JobId&, const job::Order&)> order;
  std::function<std::string()> fresh_secret;
  // Where a bridge may go: net::Targets::check.
  std::function<void(net::Direction, const std::string& kind, const std::string& url,
                     net::Targets::Done)>
      check_target;
  // What can be said of that at once: net::Targets::look_at.
  std::function<base::Result<void>(net::Direction, const std::string& kind, const std::string& url)>
      look_at_target;
  // Recordings: the folder of one that is about to begin, and all that its job says.
  std::function<void(const base::JobId&, job::Layout, job::Container, base::WallTime,
                     std::function<void(base::Result<job::Record>)> done)>
      prepare_recording;
  std::function<void(const base::JobId&, const job::Report&)> recording_reports;
  // HLS: a folder for a bridge, and what clients are told to watch.
  std::function<base::Result<std::string>(const base::JobId&)> open_hls;
  std::function<void(const base::JobId&)> close_hls;
  std::string socket;                  // of the media worker; empty: there are no jobs
  std::vector<std::string> pipelines;  // folders
  job::Limits limits;
};

class DriverJobs {
 public:
  using Feed = std::function<void(call::Input)>;
  // `feed` is called from within start() and stop() as well.
  DriverJobs(JobPorts ports, std::function<base::Instant()> now,
             std::function<void(media::Command)> media, Feed feed);

  // What is asked for goes where no bridge of this server may, as far as its text says.
  [[nodiscard]] std::optional<call::Refusal> refuses(const call::StartBridge& message) const;
  void perform(const call::StartJob& effect);
  void perform(const call::UpdateJob& effect);
  void perform(const call::StopJob& effect);
  // From app::Jobs.
  void report(const base::JobId& job, const job::Report& report);
  // Nothing runs, or is about to.
  [[nodiscard]] bool idle() const { return running_.empty(); }

 private:
  struct Running {
    job::Spec spec;
    bool started = false;  // else its target is looked at
  };

  void prepare(const base::JobId& job, const call::RecordWork& work);
  void prepare(const base::JobId& job, const call::MixWork& work);
  void prepare(const base::JobId& job, const call::OutWork& work);
  void prepare(const base::JobId& job, const call::InWork& work);
  void check(const base::JobId& job, net::Direction direction, const std::string& kind,
             const std::string& url, std::function<void(job::Spec&, const net::Target&)> take);
  void launch(const base::JobId& job);
  void admit(const Running& running, const std::set<std::string>& hidden);
  // It is over, before or after it began.
  void end(const base::JobId& job, call::JobState state, const std::string& message);

  const JobPorts ports_;
  const std::function<base::Instant()> now_;
  const std::function<void(media::Command)> media_;
  const Feed feed_;
  std::map<base::JobId, Running> running_;
  std::shared_ptr<DriverJobs*> self_;  // for targets that are known late
};

}  // namespace parley::app
