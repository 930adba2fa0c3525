// parley-job as a bridge, from its spec to its end: an empty call becomes HLS.
#include <gio/gio.h>
#include <gst/gst.h>

#include <memory>
#include <string>

#include "bridge/bridge_world.h"
#include "job/fake_call.h"
#include "job/spec.h"
#include "support/check_main.h"

using namespace parley;
using test::has;
using test::run_until;

START_TEST(a_job_writes_hls_and_ends_in_order) {
  const test::Folder folder;
  std::filesystem::create_directories(folder.path + "/hls");
  const test::FakeCall call({});
  ck_assert(call.good());
  job::Spec spec;
  spec.job = base::JobId("bridge-1");
  spec.call = "call";
  spec.socket = call.path();
  spec.secret = "open sesame";
  spec.pipelines = {PARLEY_PIPELINES};
  spec.picture.width = 320;
  spec.picture.height = 180;
  job::Out out;
  out.kind = "hls";
  out.folder = folder.path + "/hls";
  spec.work = out;
  const std::string reports = folder.path + "/reports";
  GSubprocessLauncher* launcher = g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDIN_PIPE);
  g_subprocess_launcher_set_stdout_file_path(launcher, reports.c_str());
  GSubprocess* process = g_subprocess_launcher_spawn(launcher, nullptr, PARLEY_JOB, nullptr);
  ck_assert_ptr_nonnull(process);
  const std::string line = job::encode(spec) + "\n";
  GOutputStream* orders = g_subprocess_get_stdin_pipe(process);
  ck_assert(g_output_stream_write_all(orders, line.data(), line.size(), nullptr, nullptr,
                                      nullptr) != FALSE);
  const std::string playlist = out.folder + "/index.m3u8";
  ck_assert_msg(run_until([&] { return has(test::contents(playlist), "part1-00001.ts"); }), "%s",
                test::contents(reports).c_str());
  ck_assert(g_output_stream_close(orders, nullptr, nullptr) != FALSE);
  ck_assert(g_subprocess_wait(process, nullptr, nullptr) != FALSE);
  ck_assert_msg(g_subprocess_get_successful(process) != FALSE, "%s",
                test::contents(reports).c_str());
  ck_assert(has(test::contents(playlist), "#EXT-X-ENDLIST"));
  int live = 0;
  std::istringstream lines(test::contents(reports));
  std::optional<job::State> last;
  for (std::string each; std::getline(lines, each);) {
    const auto report = job::parse_report(each);
    ck_assert_msg(report.has_value(), "%s", each.c_str());
    if (const auto* state = std::get_if<job::StateReport>(&*report)) {
      last = state->state;
      live += state->state == job::State::kLive ? 1 : 0;
    }
  }
  ck_assert_int_eq(live, 1);
  ck_assert(last == job::State::kEnded);
  const test::Process ffprobe(
      {"/usr/bin/ffprobe", "-v", "error", "-show_entries", "stream=codec_name,width", playlist},
      folder.path + "/probe.out");
  ck_assert(run_until([&] { return ffprobe.ended(); }));
  const std::string streams = ffprobe.output();
  ck_assert_msg(has(streams, "h264") && has(streams, "width=320") && has(streams, "aac"), "%s",
                streams.c_str());
  g_object_unref(process);
  g_object_unref(launcher);
}
END_TEST

int main() { return test::run("bridge job", {a_job_writes_hls_and_ends_in_order}); }
