#include "app/driver_jobs.h"

#include <utility>

#include "app/hls_folders.h"
#include "app/log.h"
#include "app/translate.h"
#include "base/overloaded.h"
#include "wire/wire.h"

namespace parley::app {
namespace {

job::Layout to_layout(call::RecordLayout layout) {
  switch (layout) {
    case call::RecordLayout::kTracks:
      return job::Layout::kTracks;
    case call::RecordLayout::kGrid:
      return job::Layout::kGrid;
    case call::RecordLayout::kSpeaker:
      return job::Layout::kSpeaker;
  }
  return job::Layout::kTracks;
}

call::JobState to_state(job::State state) {
  switch (state) {
    case job::State::kStarting:
      return call::JobState::kStarting;
    case job::State::kLive:
      return call::JobState::kLive;
    case job::State::kReconnecting:
      return call::JobState::kReconnecting;
    case job::State::kEnded:
      return call::JobState::kEnded;
    case job::State::kFailed:
      return call::JobState::kFailed;
  }
  return call::JobState::kFailed;
}

std::set<std::string> names_of(const std::vector<base::ProfileId>& profiles) {
  std::set<std::string> names;
  for (const base::ProfileId& profile : profiles) names.insert(profile.str());
  return names;
}

constexpr const char* kNoJobs = "this server runs no jobs";

}  // namespace

DriverJobs::DriverJobs(JobPorts ports, std::function<base::Instant()> now,
                       std::function<void(media::Command)> media, Feed feed)
    : ports_(std::move(ports)),
      now_(std::move(now)),
      media_(std::move(media)),
      feed_(std::move(feed)),
      self_(std::make_shared<DriverJobs*>(this)) {}

std::optional<call::Refusal> DriverJobs::refuses(const call::StartBridge& message) const {
  if (!ports_.look_at_target) return std::nullopt;
  const auto direction =
      message.direction == call::Direction::kOut ? net::Direction::kOut : net::Direction::kIn;
  const auto looked =
      ports_.look_at_target(direction, std::string(wire::name_of(message.kind)), message.url);
  return looked ? std::nullopt : std::optional(to_refusal(looked.error()));
}

// ---- effects --------------------------------------------------------------------------------

// The job is admitted before anything else, so that ports can be opened for it at once.
void DriverJobs::perform(const call::StartJob& effect) {
  if (!ports_.start || ports_.socket.empty())
    return feed_(call::JobReported{effect.job, call::JobState::kFailed, kNoJobs, {}});
  Running running;
  job::Spec& spec = running.spec;
  spec.job = effect.job;
  spec.call = effect.call.str();
  spec.socket = ports_.socket;
  spec.secret = ports_.fresh_secret();
  spec.pipelines = ports_.pipelines;
  spec.hidden = names_of(effect.hidden);
  spec.limits = ports_.limits;
  admit(running, spec.hidden);
  running_.insert_or_assign(effect.job, std::move(running));
  std::visit([&](const auto& work) { prepare(effect.job, work); }, effect.work);
}

void DriverJobs::admit(const Running& running, const std::set<std::string>& hidden) {
  media_(media::AdmitJob{running.spec.job, running.spec.secret, running.spec.call, hidden});
}

// The worker cuts the taps; the job is told so that it does not wait for what cannot come.
void DriverJobs::perform(const call::UpdateJob& effect) {
  const auto found = running_.find(effect.job);
  if (found == running_.end()) return;
  Running& running = found->second;
  running.spec.hidden = names_of(effect.hidden);
  admit(running, running.spec.hidden);
  if (running.started) ports_.order(effect.job, job::Hide{running.spec.hidden});
}

void DriverJobs::perform(const call::StopJob& effect) {
  const auto found = running_.find(effect.job);
  if (found == running_.end()) return;
  if (found->second.started)
    ports_.order(effect.job, job::Stop{});
  else
    report(effect.job, job::StateReport{job::State::kEnded, {}});
}

// ---- what each needs before it starts -------------------------------------------------------

void DriverJobs::prepare(const base::JobId& job, const call::RecordWork& work) {
  if (!ports_.prepare_recording)
    return end(job, call::JobState::kFailed, "this server keeps no recordings");
  const auto container =
      work.format == call::RecordFormat::kMp4 ? job::Container::kMp4 : job::Container::kWebm;
  ports_.prepare_recording(
      job, to_layout(work.layout), container, now_().wall,
      [self = self_, job](base::Result<job::Record> record) {
        DriverJobs& jobs = **self;
        const auto found = jobs.running_.find(job);
        if (found == jobs.running_.end()) return;  // stopped meanwhile
        if (!record) {
          log_warning("A recording does not begin: {}", record.error().message);
          return jobs.end(job, call::JobState::kFailed, record.error().message);
        }
        found->second.spec.work = *std::move(record);
        jobs.launch(job);
      });
}

void DriverJobs::prepare(const base::JobId& job, const call::MixWork& /*work*/) {
  running_.at(job).spec.work = job::Mix{};
  launch(job);
}

void DriverJobs::prepare(const base::JobId& job, const call::OutWork& work) {
  job::Out out{.kind = std::string(wire::name_of(work.kind)),
               .url = {},
               .address = {},
               .folder = {},
               .layout = to_layout(work.layout),
               .only = work.only ? std::optional(work.only->str()) : std::nullopt};
  if (work.kind == call::BridgeKind::kHls) {
    if (!ports_.open_hls) return end(job, call::JobState::kFailed, "this server serves no HLS");
    auto folder = ports_.open_hls(job);
    if (!folder) {
      log_warning("An HLS bridge does not begin: {}", folder.error().message);
      return end(job, call::JobState::kFailed, "the server has no folder for it now");
    }
    out.folder = *std::move(folder);
    running_.at(job).spec.work = std::move(out);
    return launch(job);
  }
  const std::string kind = out.kind;
  running_.at(job).spec.work = std::move(out);
  check(job, net::Direction::kOut, kind, work.url, [](job::Spec& spec, const net::Target& target) {
    auto& wanted = std::get<job::Out>(spec.work);
    wanted.url = target.url;
    wanted.address = target.address;
  });
}

void DriverJobs::prepare(const base::JobId& job, const call::InWork& work) {
  job::In in{.kind = std::string(wire::name_of(work.kind)),
             .url = {},
             .address = {},
             .owner = work.owner.str()};
  const std::string kind = in.kind;
  running_.at(job).spec.work = std::move(in);
  check(job, net::Direction::kIn, kind, work.url, [](job::Spec& spec, const net::Target& target) {
    auto& wanted = std::get<job::In>(spec.work);
    wanted.url = target.url;
    wanted.address = target.address;
  });
}

void DriverJobs::check(const base::JobId& job, net::Direction direction, const std::string& kind,
                       const std::string& url,
                       std::function<void(job::Spec&, const net::Target&)> take) {
  if (!ports_.check_target)
    return end(job, call::JobState::kFailed, "this server connects to nothing");
  ports_.check_target(
      direction, kind, url,
      [self = self_, job, take = std::move(take)](const base::Result<net::Target>& target) {
        DriverJobs& jobs = **self;
        const auto found = jobs.running_.find(job);
        if (found == jobs.running_.end()) return;  // stopped meanwhile
        if (!target) return jobs.end(job, call::JobState::kFailed, target.error().message);
        take(found->second.spec, *target);
        jobs.launch(job);
      });
}

void DriverJobs::launch(const base::JobId& job) {
  Running& running = running_.at(job);
  running.started = true;
  if (auto started = ports_.start(running.spec); !started) {
    log_warning("A job does not start: {}", started.error().message);
    // What was prepared for it is over, too.
    report(job, job::StateReport{job::State::kFailed, started.error().code == base::Code::kBusy
                                                          ? "the server runs as many jobs as it may"
                                                          : "the server cannot start it now"});
  }
}

// ---- reports --------------------------------------------------------------------------------

void DriverJobs::report(const base::JobId& job, const job::Report& report) {
  const auto found = running_.find(job);
  if (found == running_.end()) return;
  const job::Spec& spec = found->second.spec;
  if (std::holds_alternative<job::Record>(spec.work) && ports_.recording_reports)
    ports_.recording_reports(job, report);
  const auto* state = std::get_if<job::StateReport>(&report);
  if (state == nullptr) return;
  if (state->state == job::State::kEnded || state->state == job::State::kFailed)
    return end(job, to_state(state->state), state->message);
  call::JobReported input{job, to_state(state->state), state->message, {}};
  const auto* out = std::get_if<job::Out>(&spec.work);
  if (out != nullptr && out->kind == "hls" && input.state == call::JobState::kLive)
    input.watch = HlsFolders::watch_path(job);
  feed_(std::move(input));
}

void DriverJobs::end(const base::JobId& job, call::JobState state, const std::string& message) {
  const auto node = running_.extract(job);
  if (node.empty()) return;
  media_(media::DismissJob{job});
  const auto* out = std::get_if<job::Out>(&node.mapped().spec.work);
  if (out != nullptr && !out->folder.empty() && ports_.close_hls) ports_.close_hls(job);
  feed_(call::JobReported{job, state, message, {}});
}

}  // namespace parley::app
