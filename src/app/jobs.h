// Starts `parley-job` processes and hears what becomes of them. None of them is ever waited for.
//
// Main thread only.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "app/job_process.h"
#include "base/ids.h"
#include "base/result.h"
#include "job/spec.h"

namespace parley::app {

struct JobSettings {
  std::string program;    // path of parley-job; empty: beside this program
  std::string plugins;    // folder with our elements; empty: where they were installed or built
  std::size_t most = 16;  // at a time
  JobWaits waits;
  job::Sandbox sandbox;
};

// NAME=VALUE of a job: little of parleyd's own, and no secret.
[[nodiscard]] std::vector<std::string> job_environment(const std::string& plugins);

class Jobs {
 public:
  // `on_report` hears everything a job says, in order, and last of all exactly one StateReport
  // kEnded or kFailed, which is made up when the process died without a word: then its message says
  // how. Called from the main loop, never from within start() or stop().
  using OnReport = std::function<void(const base::JobId&, const job::Report&)>;
  Jobs(JobSettings settings, OnReport on_report);
  // Kills what is left.
  ~Jobs();
  Jobs(const Jobs&) = delete;
  Jobs& operator=(const Jobs&) = delete;

  // GStreamer's first look at its plugins takes seconds: a process of its own looks now, so that
  // the first job finds it done. Waits for nothing.
  void look_at_plugins() const;
  // Its sandbox is that of the settings. kBusy: `most` of them run; kConflict: one of that id does;
  // kUnavailable: the program cannot be started, and why.
  [[nodiscard]] base::Result<void> start(const job::Spec& spec);
  void order(const base::JobId& job, const job::Order& order);  // unknown ones are ignored
  void stop_all();                                              // in order; the ends are reported
  [[nodiscard]] std::size_t running() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace parley::app
