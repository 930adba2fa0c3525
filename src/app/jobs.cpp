#include "app/jobs.h"

#include <fmt/format.h>
#include <glib.h>

#include <map>
#include <utility>

#include "app/log.h"
#include "app/places.h"
#include "job/confine.h"
#include "wrap/owned.h"

namespace parley::app {
namespace {

// What a job needs to know of the surroundings of parleyd, where they have it.
constexpr const char* kPassedOn[] = {"PATH",
                                     "HOME",
                                     "LANG",
                                     "LC_ALL",
                                     "TZ",
                                     "TMPDIR",
                                     "XDG_CACHE_HOME",
                                     "XDG_DATA_HOME",
                                     "XDG_RUNTIME_DIR",
                                     "LD_LIBRARY_PATH",
                                     "GST_PLUGIN_PATH",
                                     "GST_REGISTRY",
                                     "ASAN_OPTIONS",
                                     "LSAN_OPTIONS",
                                     "GST_PLUGIN_SYSTEM_PATH",
                                     "GST_PLUGIN_SCANNER"};

std::map<std::string, std::string> passed_on() {
  std::map<std::string, std::string> all;
  for (const char* name : kPassedOn)
    if (const char* value = g_getenv(name)) all[name] = value;
  return all;
}

}  // namespace

std::vector<std::string> job_environment(const std::string& plugins) {
  std::map<std::string, std::string> all = passed_on();
  std::string& path = all["GST_PLUGIN_PATH"];
  path = path.empty() ? plugins : plugins + ":" + path;
  // GStreamer's file of what plugins there are. One of our own: it is made anew whenever somebody
  // looks who has other folders of plugins than the one before.
  if (!all.contains("GST_REGISTRY")) {
    const wrap::Owned<char> file(
        g_build_filename(g_get_user_cache_dir(), "parley", "plugins.bin", nullptr));
    all["GST_REGISTRY"] = file.get();
  }
  std::vector<std::string> environment;
  environment.reserve(all.size());
  for (const auto& [name, value] : all) environment.push_back(fmt::format("{}={}", name, value));
  return environment;
}

class Jobs::Impl {
 public:
  Impl(JobSettings settings, OnReport on_report)
      : settings_(std::move(settings)), on_report_(std::move(on_report)) {
    if (settings_.program.empty()) settings_.program = job_program();
    if (settings_.plugins.empty()) settings_.plugins = plugin_folder();
  }

  base::Result<void> start(const job::Spec& spec);
  void order(const base::JobId& job, const job::Order& order) {
    if (const auto found = processes_.find(job); found != processes_.end())
      found->second->order(order);
  }
  void look_at_plugins() const;
  void warn_without_sandbox() const;
  void stop_all() {
    for (const auto& [job, process] : processes_) process->order(job::Stop{});
  }
  [[nodiscard]] std::size_t running() const { return processes_.size(); }

 private:
  void ended(const base::JobId& job, const job::StateReport& last) {
    // Its entry is free before the word is out: who hears it may start the next one.
    const auto process = processes_.extract(job);
    const OnReport tell = on_report_;
    tell(job, last);
  }

  JobSettings settings_;
  const OnReport on_report_;
  std::map<base::JobId, std::unique_ptr<JobProcess>> processes_;
};

void Jobs::Impl::warn_without_sandbox() const {
  if (settings_.sandbox.mode == job::Sandbox::Mode::kOff || job::landlock_version() > 0) return;
  if (settings_.sandbox.mode == job::Sandbox::Mode::kRequire)
    log_warning(
        "No job will run: this kernel has no Landlock, which 'sandbox = require' in [jobs] asks "
        "for");
  else
    log_warning(
        "Jobs run without a sandbox, for this kernel has no Landlock: they can read what parleyd "
        "can");
}

void Jobs::Impl::look_at_plugins() const {
  if (settings_.program.empty() || settings_.most == 0) return;
  warn_without_sandbox();
  std::vector<std::string> environment = job_environment(settings_.plugins);
  std::vector<char*> variables;
  variables.reserve(environment.size() + 1);
  for (std::string& variable : environment) variables.push_back(variable.data());
  variables.push_back(nullptr);
  std::string program = settings_.program;
  std::string word = "look";
  char* arguments[] = {program.data(), word.data(), nullptr};
  wrap::Owned<GError> error;
  constexpr auto kFlags =
      static_cast<GSpawnFlags>(G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL);
  if (!g_spawn_async(nullptr, arguments, variables.data(), kFlags, nullptr, nullptr, nullptr,
                     wrap::OutParam(error)))
    log_warning("{} cannot be started: {}", settings_.program, error->message);
}

base::Result<void> Jobs::Impl::start(const job::Spec& spec) {
  if (settings_.program.empty())
    return base::fail(base::Code::kUnavailable,
                      "parley-job is not beside parleyd; 'program' in [jobs] names it");
  if (processes_.contains(spec.job))
    return base::fail(base::Code::kConflict, fmt::format("job {} runs already", spec.job.str()));
  if (processes_.size() >= settings_.most)
    return base::fail(
        base::Code::kBusy,
        fmt::format("{} jobs run, and no more may ('most' in [jobs])", processes_.size()));
  const base::JobId id = spec.job;
  job::Spec confined = spec;
  confined.sandbox = settings_.sandbox;
  auto process = JobProcess::start(
      settings_.program, job_environment(settings_.plugins), confined, settings_.waits,
      {.report = [this, id](const job::Report& report) { on_report_(id, report); },
       .ended = [this, id](const job::StateReport& last) { ended(id, last); }});
  if (!process) return tl::unexpected(process.error());
  processes_.emplace(id, std::move(*process));
  return {};
}

Jobs::Jobs(JobSettings settings, OnReport on_report)
    : impl_(std::make_unique<Impl>(std::move(settings), std::move(on_report))) {}
Jobs::~Jobs() = default;

base::Result<void> Jobs::start(const job::Spec& spec) { return impl_->start(spec); }
void Jobs::order(const base::JobId& job, const job::Order& order) { impl_->order(job, order); }
void Jobs::look_at_plugins() const { impl_->look_at_plugins(); }
void Jobs::stop_all() { impl_->stop_all(); }
std::size_t Jobs::running() const { return impl_->running(); }

}  // namespace parley::app
