// What the machine wants made of calls, as jobs: admitted, started, told, dismissed.
#include "app/driver_jobs.h"

#include <string>
#include <utility>
#include <vector>

#include "support/check_main.h"

using namespace parley;       // NOLINT(google-build-using-namespace)
using namespace parley::app;  // NOLINT(google-build-using-namespace)
using base::JobId;
using call::JobState;

namespace {

tl::unexpected<base::Error> failure(base::Code code, std::string message) {
  return tl::unexpected(base::Error{code, std::move(message)});
}

struct World {
  std::vector<media::Command> commands;
  std::vector<job::Spec> started;
  std::vector<std::string> orders;
  std::vector<call::JobReported> reported;
  std::vector<std::string> hls;
  std::vector<std::pair<std::string, net::Targets::Done>> checks;
  base::Result<void> starts;
  base::Result<job::Record> room = job::Record{.folder = "/recordings/r"};
  std::size_t recording_reports = 0;
  DriverJobs jobs{ports(), [] { return base::Instant{}; },
                  [this](media::Command c) { commands.push_back(std::move(c)); },
                  [this](call::Input i) { reported.push_back(std::get<call::JobReported>(i)); }};

  JobPorts ports() {
    return {
        .start =
            [this](const job::Spec& spec) {
              started.push_back(spec);
              return starts;
            },
        .order = [this](
                     const JobId& job,
                     const job::Order& order) { orders.push_back(job.str() + job::encode(order)); },
        .fresh_secret = [] { return std::string("secret"); },
        .check_target =
            [this](net::Direction, const std::string& kind, const std::string& url,
                   net::Targets::Done done) {
              checks.emplace_back(kind + " " + url, std::move(done));
            },
        .look_at_target = [](net::Direction, const std::string& kind,
                             const std::string&) -> base::Result<void> {
          if (kind == "rtmp") return {};
          return failure(base::Code::kForbidden, "no " + kind);
        },
        .prepare_recording = [this](const JobId&, job::Layout, job::Container, base::WallTime,
                                    const auto& done) { done(room); },
        .recording_reports = [this](const JobId&, const job::Report&) { ++recording_reports; },
        .open_hls =
            [this](const JobId& job) {
              hls.push_back("open " + job.str());
              return base::Result<std::string>("/hls/" + job.str());
            },
        .close_hls = [this](const JobId& job) { hls.push_back("close " + job.str()); },
        .socket = "/run/media.sock",
        .pipelines = {"/own", "/ours"},
        .limits = {.memory_bytes = 300'000'000, .seconds = 60},
    };
  }
  void start(call::JobWork work, std::vector<base::ProfileId> hidden = {}) {
    jobs.perform(call::StartJob{JobId("j"), call::CallId("k"), std::move(work), std::move(hidden)});
  }
  void says(job::State state, const std::string& message = "") {
    jobs.report(JobId("j"), job::StateReport{state, message});
  }
  template <class T>
  [[nodiscard]] std::size_t count() const {
    std::size_t n = 0;
    for (const media::Command& c : commands) n += std::holds_alternative<T>(c) ? 1 : 0;
    return n;
  }
};

call::OutWork rtmp() {
  return {.kind = call::BridgeKind::kRtmp,
          .url = "rtmp://live.example/app/stream-key",
          .layout = call::RecordLayout::kGrid,
          .only = {}};
}

}  // namespace

START_TEST(a_job_is_admitted_before_it_starts_and_dismissed_when_it_is_over) {
  World w;
  w.start(call::RecordWork{}, {base::ProfileId("bob")});
  const auto& admitted = std::get<media::AdmitJob>(w.commands.at(0));
  ck_assert(admitted.secret == "secret" && admitted.group == "k" &&
            admitted.hidden == std::set<std::string>{"bob"});
  ck_assert_uint_eq(w.started.size(), 1);
  const job::Spec& spec = w.started[0];
  ck_assert(spec.call == "k" && spec.socket == "/run/media.sock" && spec.secret == "secret" &&
            spec.pipelines.size() == 2 && spec.hidden == admitted.hidden);
  ck_assert(spec.limits.memory_bytes == 300'000'000 && spec.limits.seconds == 60);
  ck_assert_str_eq(std::get<job::Record>(spec.work).folder.c_str(), "/recordings/r");
  w.jobs.perform(call::UpdateJob{JobId("j"), {}});
  ck_assert(std::get<media::AdmitJob>(w.commands.at(1)).hidden.empty());
  w.jobs.perform(call::StopJob{JobId("j")});
  ck_assert_uint_eq(w.orders.size(), 2);
  w.says(job::State::kLive);
  w.jobs.report(JobId("j"), job::Progress{});
  ck_assert(!w.jobs.idle());
  w.says(job::State::kEnded);
  ck_assert(w.jobs.idle() && w.count<media::DismissJob>() == 1 && w.recording_reports == 3);
  ck_assert(w.reported.size() == 2 && w.reported[0].state == JobState::kLive &&
            w.reported[1].state == JobState::kEnded);
  w.says(job::State::kEnded);  // nobody it could be of
  w.jobs.perform(call::StopJob{JobId("j")});
  ck_assert_uint_eq(w.reported.size(), 2);
}
END_TEST

START_TEST(a_bridge_starts_when_its_target_is_known_and_allowed) {
  World w;
  w.start(rtmp());
  ck_assert(w.started.empty() && w.count<media::AdmitJob>() == 1);
  w.checks.at(0).second(net::Target{.kind = "rtmp",
                                    .url = "rtmp://live.example:1935/app/stream-key",
                                    .address = "203.0.113.7",
                                    .host = "live.example",
                                    .port = 1935});
  const auto& out = std::get<job::Out>(w.started.at(0).work);
  ck_assert_str_eq(out.address.c_str(), "203.0.113.7");
  ck_assert_str_eq(out.url.c_str(), "rtmp://live.example:1935/app/stream-key");

  World refused;
  refused.start(rtmp());
  refused.checks.at(0).second(failure(base::Code::kForbidden, "the operator allows no such rtmp"));
  ck_assert(refused.started.empty() && refused.count<media::DismissJob>() == 1);
  ck_assert(refused.reported.at(0).state == JobState::kFailed);
  ck_assert(refused.reported.at(0).message.find("stream-key") == std::string::npos);

  World stopped;
  stopped.start(call::InWork{call::BridgeKind::kSrt, "srt://there:9000", base::ProfileId("srt-1")});
  stopped.jobs.perform(call::StopJob{JobId("j")});
  ck_assert(stopped.reported.at(0).state == JobState::kEnded);
  stopped.checks.at(0).second(net::Target{});
  ck_assert(stopped.started.empty() && stopped.reported.size() == 1);
}
END_TEST

START_TEST(what_is_not_allowed_is_refused_before_it_is_started) {
  World w;
  call::StartBridge message{.call = call::CallId("k"), .url = "rtmp://live.example/a/b"};
  ck_assert(!w.jobs.refuses(message).has_value());
  message.kind = call::BridgeKind::kSrt;
  const auto refusal = w.jobs.refuses(message);
  ck_assert(refusal->code == call::ErrorCode::kForbidden && refusal->message == "no srt");
}
END_TEST

START_TEST(hls_has_a_folder_while_it_lives_and_says_where_to_watch) {
  World w;
  auto work = rtmp();
  work.kind = call::BridgeKind::kHls;
  work.url.clear();
  w.start(work);
  ck_assert_str_eq(std::get<job::Out>(w.started.at(0).work).folder.c_str(), "/hls/j");
  w.says(job::State::kStarting);
  w.says(job::State::kLive);
  ck_assert(w.reported.at(0).watch.empty());
  ck_assert_str_eq(w.reported.at(1).watch.c_str(), "/hls/j/index.m3u8");
  w.says(job::State::kFailed, "killed");
  ck_assert(w.hls == std::vector<std::string>({"open j", "close j"}));
}
END_TEST

START_TEST(what_cannot_start_has_failed_and_says_little) {
  World busy;
  busy.starts = failure(base::Code::kBusy, "16 run");
  busy.start(call::MixWork{});
  ck_assert(busy.reported.at(0).state == JobState::kFailed && busy.jobs.idle());
  ck_assert(busy.count<media::DismissJob>() == 1);
  World full;
  full.room = failure(base::Code::kUnavailable, "The disk is full.");
  full.start(call::RecordWork{});
  ck_assert(full.started.empty() && full.reported.at(0).state == JobState::kFailed);
  ck_assert_str_eq(full.reported.at(0).message.c_str(), "The disk is full.");
  ck_assert_uint_eq(full.recording_reports, 0);
  // What was prepared for a job that does not start is over.
  busy.start(call::RecordWork{});
  ck_assert(busy.recording_reports == 1 && busy.jobs.idle());
  std::vector<call::JobReported> reported;
  DriverJobs none(
      {}, [] { return base::Instant{}; }, [](const media::Command&) {},
      [&](call::Input i) { reported.push_back(std::get<call::JobReported>(i)); });
  none.perform(call::StartJob{JobId("j"), call::CallId("k"), call::MixWork{}, {}});
  ck_assert(reported.at(0).state == JobState::kFailed);
}
END_TEST

int main() {
  return test::run("driver jobs", {a_job_is_admitted_before_it_starts_and_dismissed_when_it_is_over,
                                   a_bridge_starts_when_its_target_is_known_and_allowed,
                                   what_is_not_allowed_is_refused_before_it_is_started,
                                   hls_has_a_folder_while_it_lives_and_says_where_to_watch,
                                   what_cannot_start_has_failed_and_says_little});
}
