// The supervisor of jobs against programs that behave badly: shell scripts in place of parley-job.
#include "app/jobs.h"

#include <glib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "app/verify_child.h"
#include "support/check_main.h"

namespace {

using namespace parley;
using namespace std::chrono_literals;
using job::State;
using job::StateReport;

constexpr const char* kSecret = "0123456789abcdef0123456789abcdef";

std::string fresh_folder() {
  char name[] = "/tmp/parley-jobs-XXXXXX";
  ck_assert(mkdtemp(name) != nullptr);
  return name;
}

// It has a new parent, who buries it.
void until_gone(int pid) {
  std::string number, name, state;
  do {
    g_usleep(1000);
    std::ifstream status("/proc/" + std::to_string(pid) + "/stat");
    if (!(status >> number >> name >> state)) return;
  } while (state != "Z");
}

class World {
 public:
  explicit World(std::size_t most = 4, app::JobWaits waits = {})
      : jobs_({program(), folder_, most, waits, {}},
              [this](const base::JobId& id, const job::Report& report) { heard(id, report); }) {}
  ~World() { (void)!std::system(("rm -r " + folder_).c_str()); }

  [[nodiscard]] std::string program() const { return folder_ + "/job"; }
  // What the job's program does after it has read its spec into $spec.
  void script(const std::string& text, bool reads_spec = true) {
    std::ofstream(program() + ".new") << "#!/bin/sh\n"
                                      << (reads_spec ? "read -r spec\n" : "") << text << "\n";
    chmod((program() + ".new").c_str(), 0755);
    ck_assert_int_eq(rename((program() + ".new").c_str(), program().c_str()), 0);
  }
  static job::Spec spec(const std::string& id) {
    job::Spec spec;
    spec.job = base::JobId(id);
    spec.call = "c1";
    spec.socket = "/run/x.sock";
    spec.secret = kSecret;
    spec.work = job::Out{
        "rtmp",      "rtmp://live.example/app/streamkey99", "192.0.2.1", "", job::Layout::kGrid,
        std::nullopt};
    return spec;
  }
  void start(const std::string& id) {
    const auto started = jobs_.start(spec(id));
    ck_assert_msg(started.has_value(), "%s", started ? "" : started.error().message.c_str());
  }
  // Until `done`, or the test's time is over.
  static void wait(const std::function<bool()>& done) {
    while (!done()) g_main_context_iteration(nullptr, TRUE);
  }
  const StateReport& end_of(const std::string& id) {
    wait([&] { return ends_.contains(id); });
    return ends_[id];
  }
  void expect_failure(const std::string& id, const char* says) {
    const StateReport& end = end_of(id);
    ck_assert(end.state == State::kFailed);
    ck_assert_msg(end.message.find(says) != std::string::npos, "%s", end.message.c_str());
    ck_assert_uint_eq(jobs_.running(), 0);
  }
  [[nodiscard]] std::string read(const std::string& file) const {
    std::ifstream in(folder_ + "/" + file);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
  }

  const std::string folder_ = fresh_folder();
  std::vector<job::Report> reports_;
  std::map<std::string, StateReport> ends_;
  bool calling_ = false;
  std::function<void(const std::string& id)> on_end_;
  app::Jobs jobs_;

 private:
  void heard(const base::JobId& id, const job::Report& report) {
    ck_assert(!calling_);
    ck_assert_msg(!ends_.contains(id.str()), "a report after the last one");
    reports_.push_back(report);
    const auto* state = std::get_if<StateReport>(&report);
    if (state == nullptr || (state->state != State::kEnded && state->state != State::kFailed))
      return;
    ends_[id.str()] = *state;
    if (on_end_) on_end_(id.str());
  }
};

constexpr const char* kSayLive = "echo '{\"report\":\"state\",\"state\":\"live\"}'\n";
constexpr const char* kSayEnded = "echo '{\"report\":\"state\",\"state\":\"ended\"}'\n";

START_TEST(what_a_job_says_is_heard_in_order) {
  World world;
  world.script(std::string("echo \"$spec\" > spec\nenv | cut -d= -f1 > environment\n") + kSayLive +
               "echo '{\"report\":\"progress\",\"runningMs\":1,\"bytes\":2,\"dropped\":3}'\n"
               "while read -r order; do echo \"$order\" >> orders\n"
               "  case $order in *stop*) " +
               kSayEnded + " exit 0;; esac; done");
  ck_assert_int_eq(chdir(world.folder_.c_str()), 0);
  setenv("PARLEY_TEST_PRIVATE", "nobody's business", 1);
  world.start("j1");
  world.wait([&] { return world.reports_.size() == 2; });
  ck_assert(std::get<StateReport>(world.reports_[0]).state == State::kLive);
  ck_assert_uint_eq(std::get<job::Progress>(world.reports_[1]).dropped, 3);
  ck_assert(world.jobs_.start(World::spec("j1")).error().code == base::Code::kConflict);
  world.jobs_.order(base::JobId("j1"), job::Hide{{"bob"}});
  world.jobs_.order(base::JobId("unknown"), job::Stop{});
  world.jobs_.order(base::JobId("j1"), job::Stop{});
  world.jobs_.order(base::JobId("j1"), job::Stop{});  // twice is once
  ck_assert(world.end_of("j1").state == State::kEnded);
  ck_assert_uint_eq(world.reports_.size(), 3);
  ck_assert(
      job::parse_spec(world.read("spec").substr(0, world.read("spec").size() - 1)).has_value());
  const std::string orders = world.read("orders");
  ck_assert_str_eq(orders.c_str(),
                   "{\"order\":\"hide\",\"profiles\":[\"bob\"]}\n{\"order\":\"stop\"}\n");
  // Only what it needs of the surroundings, and no secret.
  const std::string environment = world.read("environment");
  ck_assert_msg(environment.find("GST_PLUGIN_PATH") != std::string::npos, "%s",
                environment.c_str());
  ck_assert(environment.find("PARLEY") == std::string::npos);
}
END_TEST

START_TEST(every_death_is_told_once) {
  World world;
  world.script("exit 0");
  world.start("zero");
  world.expect_failure("zero", "it ended without a word, with code 0");
  world.script("exit 3");
  world.start("three");
  world.expect_failure("three", "with code 3");
  world.script("kill -SEGV $$");
  world.start("crash");
  world.expect_failure("crash", "signal 11");
  world.script("exit 0", false);  // has not even read what it is to do
  world.start("deaf");
  world.expect_failure("deaf", "without a word");
  world.script(std::string(kSayEnded) + kSayLive + "exit 9");
  world.start("late");
  ck_assert(world.end_of("late").state == State::kEnded);
  ck_assert_uint_eq(world.reports_.size(), 5);
}
END_TEST

START_TEST(what_cannot_be_started_is_refused) {
  World world(1);
  const auto none = world.jobs_.start(World::spec("none"));
  ck_assert(none.error().code == base::Code::kUnavailable);
  ck_assert_msg(none.error().message.find("No such file") != std::string::npos, "%s",
                none.error().message.c_str());
  world.script("read -r order");
  world.start("first");
  ck_assert(world.jobs_.start(World::spec("second")).error().code == base::Code::kBusy);
  // Its place is free when its end is told.
  bool started = false;
  world.on_end_ = [&](const std::string& id) {
    if (id == "first") started = world.jobs_.start(World::spec("second")).has_value();
  };
  world.jobs_.stop_all();
  ck_assert(world.end_of("first").state == State::kFailed);
  ck_assert(started);
}
END_TEST

START_TEST(floods_and_garbage_end_nobody_else) {
  World world;
  // Some garbage is passed over …
  world.script(std::string("echo hello\necho '{}'\nprintf '\\377\\376\\n'\n") + kSayLive +
               kSayEnded);
  world.start("garbage");
  ck_assert(world.end_of("garbage").state == State::kEnded);
  ck_assert_uint_eq(world.reports_.size(), 2);
  // … more of it than a job has to say is not, whether it is lines or one without an end.
  world.script("yes hello");
  world.start("lines");
  world.expect_failure("lines", "it reported too much");
  world.script("tr '\\0' x < /dev/zero");
  world.start("line");
  world.expect_failure("line", "a line of more than 65536 bytes");
  // Standard error is read and forgotten, however much there is.
  world.script(std::string("yes | head -c 3000000 >&2\nhead -c 300000 /dev/zero >&2\n") +
               kSayEnded);
  world.start("errors");
  ck_assert(world.end_of("errors").state == State::kEnded);
}
END_TEST

START_TEST(who_does_not_stop_is_killed_with_all_it_has_started) {
  World world(4, {.stop = 200ms});
  ck_assert_int_eq(chdir(world.folder_.c_str()), 0);
  world.script("trap '' TERM INT HUP\nsleep 1000 &\necho $! > child\n" + std::string(kSayLive) +
               "while :; do sleep 1000; done");
  world.start("stubborn");
  world.wait([&] { return !world.reports_.empty(); });
  world.jobs_.order(base::JobId("stubborn"), job::Stop{});
  world.expect_failure("stubborn", "it did not stop in time");
  until_gone(std::stoi(world.read("child")));
  // Who has said that it is over, and stays, is killed too; its word holds.
  world.script(std::string(kSayEnded) + "while :; do sleep 1000; done");
  world.start("lingering");
  ck_assert(world.end_of("lingering").state == State::kEnded);
}
END_TEST

START_TEST(who_gives_no_sign_of_life_is_killed_with_all_it_has_started) {
  // Silent after it was live: told as its end, and its children go with it.
  World world(4, {.silence = 300ms, .first_report = 60s});
  ck_assert_int_eq(chdir(world.folder_.c_str()), 0);
  world.script("sleep 1000 &\necho $! > child\n" + std::string(kSayLive) + "kill -STOP $$");
  world.start("stopped");
  world.expect_failure("stopped", "it gave no sign of life for 0.3 s, and was killed");
  ck_assert_uint_eq(world.reports_.size(), 2);
  until_gone(std::stoi(world.read("child")));
}
END_TEST

START_TEST(who_never_says_a_word_is_killed_later) {
  World world(4, {.silence = 10ms, .first_report = 300ms});
  world.script("while :; do echo hello; sleep 0.1; done");  // which is no report
  world.start("mute");
  world.expect_failure("mute", "it gave no sign of life for 0.3 s");
}
END_TEST

START_TEST(a_beat_keeps_alive_and_is_told_to_nobody) {
  World world(4, {.silence = 1500ms, .first_report = 60s});
  world.script(std::string("for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.2\n"
                           "echo '{\"report\":\"beat\"}'; done\n") +
               kSayEnded);
  world.start("steady");
  ck_assert(world.end_of("steady").state == State::kEnded);
  ck_assert_uint_eq(world.reports_.size(), 1);
  // What it says while nobody here listens counts as soon as somebody does.
  world.reports_.clear();
  world.script(std::string(kSayLive) + "sleep 0.2\n" + kSayLive + "read -r order\n" + kSayEnded);
  world.start("unheard");
  world.wait([&] { return !world.reports_.empty(); });
  g_usleep(1'600'000);
  g_main_context_iteration(nullptr, FALSE);
  ck_assert_uint_eq(world.jobs_.running(), 1);
  world.jobs_.order(base::JobId("unheard"), job::Stop{});
  ck_assert(world.end_of("unheard").state == State::kEnded);
}
END_TEST

START_TEST(who_never_reads_keeps_nobody_waiting) {
  World world(4, {.stop = 200ms});
  world.script("while :; do sleep 1000; done", false);
  auto spec = World::spec("deaf");
  for (int i = 0; i < 20'000; ++i) spec.names["profile" + std::to_string(i)] = "somebody";
  ck_assert(world.jobs_.start(spec).has_value());
  job::Hide hide;
  for (int i = 0; i < 1'000; ++i) hide.profiles.insert("profile" + std::to_string(i));
  for (int i = 0; i < 1'000; ++i) world.jobs_.order(spec.job, hide);
  world.jobs_.order(spec.job, job::Stop{});
  world.expect_failure("deaf", "it did not stop in time");
}
END_TEST

START_TEST(a_few_recordings_at_a_time_are_looked_at) {
  World world;
  ck_assert_int_eq(chdir(world.folder_.c_str()), 0);
  setenv("PARLEY_TEST_PRIVATE", "nobody's business", 1);
  world.script(
      "echo + >> log\nenv >> environment\nsleep 0.1\necho - >> log\n"
      "echo \"{\\\"files\\\":[{\\\"file\\\":\\\"$3\\\",\\\"plays\\\":true,\\\"startMs\\\":1,"
      "\\\"durationMs\\\":2,\\\"bytes\\\":3}]}\"",
      false);
  std::set<std::string> seen;
  constexpr std::size_t kAll = 5;
  for (std::size_t i = 0; i < kAll; ++i)
    app::verify_in_child(world.program(), "r" + std::to_string(i), [&](const auto& measured) {
      ck_assert_msg(measured.has_value(), "%s", measured ? "" : measured.error().message.c_str());
      seen.insert(measured->at(0).file);
    });
  World::wait([&] { return seen.size() == kAll; });
  std::size_t running = 0;
  std::size_t most = 0;
  for (const char c : world.read("log")) {
    if (c == '+') most = std::max(most, ++running);
    if (c == '-') --running;
  }
  ck_assert_uint_eq(most, app::kVerifiersAtATime);
  ck_assert(world.read("environment").find("PARLEY_TEST") == std::string::npos);
  // Who cannot be started keeps nobody's place.
  std::size_t refused = 0;
  for (std::size_t i = 0; i < kAll; ++i)
    app::verify_in_child(world.folder_ + "/none", "r", [&](const auto& measured) {
      if (!measured) ++refused;
    });
  ck_assert_uint_eq(refused, kAll);
}
END_TEST

START_TEST(nothing_secret_is_passed_on) {
  World world;
  // As GStreamer's elements write their errors.
  world.script(
      "echo 'rtmp://live.example/app/streamkey99 refused' >&2\n"
      "echo '{\"report\":\"state\",\"state\":\"failed\",\"message\":\"no streamkey99 at "
      "rtmp://live.example/app/streamkey99 with " +
      std::string(kSecret) + "\"}'");
  world.start("leaky");
  ck_assert_str_eq(world.end_of("leaky").message.c_str(), "no *** at rtmp://****** with ***");
}
END_TEST

START_TEST(the_end_of_the_supervisor_ends_its_jobs) {
  World outer;
  ck_assert_int_eq(chdir(outer.folder_.c_str()), 0);
  outer.script("echo $$ > own\n" + std::string(kSayLive) + "while :; do sleep 1000; done");
  bool live = false;
  {
    app::Jobs jobs({outer.program(), outer.folder_, 1, {.stop = 1s}, {}},
                   [&](const base::JobId&, const job::Report&) { live = true; });
    ck_assert(jobs.start(World::spec("left")).has_value());
    World::wait([&] { return live; });
  }
  const int pid = std::stoi(outer.read("own"));
  ck_assert_int_eq(kill(pid, 0), -1);  // dead and buried
}
END_TEST

}  // namespace

int main() {
  return parley::test::run(
      "jobs", {what_a_job_says_is_heard_in_order, every_death_is_told_once,
               what_cannot_be_started_is_refused, floods_and_garbage_end_nobody_else,
               who_does_not_stop_is_killed_with_all_it_has_started,
               who_gives_no_sign_of_life_is_killed_with_all_it_has_started,
               who_never_says_a_word_is_killed_later, a_beat_keeps_alive_and_is_told_to_nobody,
               who_never_reads_keeps_nobody_waiting, a_few_recordings_at_a_time_are_looked_at,
               nothing_secret_is_passed_on, the_end_of_the_supervisor_ends_its_jobs});
}
