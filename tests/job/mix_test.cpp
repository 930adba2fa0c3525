// A mixed call with real media: who hears whom, and the picture all see.
#include <array>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "job/fake_elements.h"
#include "job/gst_pipeline.h"
#include "job/layout.h"
#include "job/mix_core.h"
#include "job/watching.h"
#include "job/work.h"
#include "support/check_main.h"

namespace parley::job {
namespace {

using base::Source;
using test::until;

constexpr std::uint32_t kRed = 0xe02020, kGreen = 0x20c020;
constexpr double kAnna = 400, kBert = 700;  // Hz

// Of different sizes and rates.
const std::array<std::string, 2> kPictures{
    "videotestsrc is-live=true ! video/x-raw,width=160,height=120,framerate=30/1",
    "videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=10/1"};

void set_contents() {
  const auto picture = [](std::uint32_t colour) {
    return "videotestsrc is-live=true pattern=solid-color foreground-color=" +
           std::to_string(0xff000000U | colour) +
           " ! video/x-raw,width=320,height=180,framerate=15/1";
  };
  const auto tone = [](int hz, const char* volume) {
    return "audiotestsrc is-live=true samplesperbuffer=960 freq=" + std::to_string(hz) +
           " volume=" + volume + " ! audio/x-raw,rate=48000,channels=1";
  };
  test::set_content("anna", "camera", picture(kRed));
  test::set_content("bert", "camera", picture(kGreen));
  test::set_content("anna", "mic", tone(400, "0.2"));
  test::set_content("bert", "mic", tone(700, "0.2"));
  test::set_content("cleo", "mic", tone(1000, "0"));
}

struct World {
  World()
      : context{spec, folders, [this](const Report& r) { reports.push_back(r); },
                [this](const base::Result<void>& result) { finished = result.has_value(); }} {
    spec.call = "c1";
    spec.pipelines = {PARLEY_PIPELINES};
    spec.picture = {.width = 640, .height = 360, .fps = 25, .kbps = 1500, .audio_kbps = 48};
    test::on_decoded([this](const std::string& profile, GstSample* sample) {
      if (profile == "mix")
        eyes.see(sample);
      else
        ears[profile].hear(sample);
    });
    for (const char* port : {"mix/anna", "mix/bert", "mix/cleo"}) ears[port];
    work = make_mix(context, Mix{});
  }
  ~World() { test::on_decoded({}); }
  bool hears(const std::string& who, double hz) { return ears["mix/" + who].amplitude(hz) > 0.1; }
  // Its own tone has been there, or would be; what is left of it is coding noise.
  bool is_spared(const std::string& who, double hz) {
    const double amplitude = ears["mix/" + who].amplitude(hz);
    return amplitude >= 0 && amplitude < 0.004;
  }

  Spec spec;
  pipeline::Folders folders{{PARLEY_PIPELINES}};
  std::vector<Report> reports;
  bool finished = false;
  Context context;
  test::Eyes eyes;
  std::map<std::string, test::Ears> ears;  // all are there before the first sample
  std::unique_ptr<Work> work;
};

START_TEST(everybody_hears_the_others_and_sees_one_picture) {
  World world;
  const auto started = world.work->start();
  ck_assert_msg(started.has_value(), "%s", started ? "" : started.error().message.c_str());
  ck_assert(std::holds_alternative<StateReport>(world.reports.at(0)));
  for (const char* owner : {"anna", "bert", "cleo"}) {
    world.work->track_added(owner, Source::kMic);
    if (std::string(owner) != "cleo") world.work->track_added(owner, Source::kCamera);
    world.work->port_added("mix/" + std::string(owner));
  }
  // What a mixer makes is no input of it.
  world.work->track_added("mix", Source::kMixVideo);
  world.work->port_added("mix");

  ck_assert(until([&] { return world.hears("anna", kBert) && world.is_spared("anna", kAnna); }));
  ck_assert(until([&] { return world.hears("bert", kAnna) && world.is_spared("bert", kBert); }));
  // She says nothing, and hears what all hear.
  ck_assert(until([&] { return world.hears("cleo", kAnna) && world.hears("cleo", kBert); }));

  const std::array<std::string, 1> layouts{PARLEY_PIPELINES "/layouts"};
  const std::vector<Candidate> three(3);
  const auto places = LayoutText::load(layouts, "grid")->arrange(three, 640, 360);
  const auto shows = [&](std::size_t i, std::uint32_t colour) {
    const Rectangle& at = places.at(i).at;
    return world.eyes.is(at.x + at.width / 2, at.y + at.height / 3, colour);
  };
  ck_assert(until([&] { return shows(0, kRed) && shows(1, kGreen); }));

  // Who falls silent hears the common stream, and the others no more of him.
  test::stall("anna", "mic", true);
  ck_assert(until([&] {
    return world.is_spared("bert", kAnna) && world.is_spared("cleo", kAnna) &&
           world.hears("cleo", kBert) && world.hears("anna", kBert);
  }));
  test::stall("anna", "mic", false);
  ck_assert(until([&] { return world.hears("bert", kAnna) && world.hears("cleo", kAnna); }));
  ck_assert(until([&] { return world.is_spared("anna", kAnna); }));

  // Ports and tracks go while the rest goes on.
  world.work->port_removed("mix/cleo");
  world.work->track_removed("bert", Source::kMic);
  world.work->track_removed("bert", Source::kCamera);
  ck_assert(until([&] { return world.is_spared("anna", kBert) && world.hears("bert", kAnna); }));
  world.work->port_removed("mix");
  world.work->stop();
  ck_assert(world.finished);
  ck_assert(until([] { return GstPipelineRun::alive() == 0; }));
}
END_TEST

// What one who hears by `port` of a MixCore has got.
struct Listener {
  Listener(MixCore& core, const std::string& owner)
      : pipeline(wrap::Ref<GstElement>::sink(gst_parse_launch(
            "appsrc name=in format=time ! appsink name=out sync=false async=false", nullptr))) {
    const auto in =
        wrap::Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "in"));
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    core.add_port("mix/" + owner, owner, in.get());
  }
  ~Listener() { gst_element_set_state(pipeline.get(), GST_STATE_NULL); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  void take() {
    const auto out =
        wrap::Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "out"));
    while (GstSample* sample = gst_app_sink_try_pull_sample(GST_APP_SINK(out.get()), 0)) {
      frames.insert(GST_BUFFER_PTS(gst_sample_get_buffer(sample)) / (20 * GST_MSECOND));
      gst_sample_unref(sample);
    }
  }
  wrap::Ref<GstElement> pipeline;
  std::set<std::uint64_t> frames;
};

void say(MixCore& core, MixMinus::Input input, float loud, std::uint64_t from, std::uint64_t to) {
  for (std::uint64_t i = from; i < to; ++i) {
    const auto buffer = wrap::Ref<GstBuffer>::adopt(
        gst_buffer_new_allocate(nullptr, kMixFrame * sizeof(float), nullptr));
    const std::vector<float> samples(kMixFrame, loud);
    gst_buffer_fill(buffer.get(), 0, samples.data(), kMixFrame * sizeof(float));
    GST_BUFFER_PTS(buffer.get()) = i * 20 * GST_MSECOND;
    const auto sample =
        wrap::Ref<GstSample>::adopt(gst_sample_new(buffer.get(), nullptr, nullptr, nullptr));
    core.push(input, sample.get());
  }
}

START_TEST(who_speak_hear_on_when_all_of_them_change_at_once) {
  constexpr std::uint64_t kChange = 20, kEnd = 40;  // frames
  const pipeline::Folders folders{{PARLEY_PIPELINES}};
  MixCore core(monotonic_now());
  Listener listener(core, "listener");
  std::vector<std::unique_ptr<Listener>> speakers;
  for (std::size_t i = 0; i < 2 * MixCore::kLoudest; ++i) {
    const std::string owner = "speaker" + std::to_string(i);
    speakers.push_back(std::make_unique<Listener>(core, owner));
    const bool later = i >= MixCore::kLoudest;  // and louder
    say(core, core.add(owner), later ? 0.4F : 0.1F, later ? kChange : 0, kEnd + 5);
  }
  ck_assert(core.start(folders, 48).has_value());
  ck_assert(until([&] {
    listener.take();
    return !listener.frames.empty() && *listener.frames.rbegin() > kEnd;
  }));
  core.stop();
  for (const auto& speaker : speakers) {
    speaker->take();
    std::size_t lost = 0;
    for (const std::uint64_t frame : listener.frames)
      if (frame < kEnd && !speaker->frames.contains(frame)) ++lost;
    // The frame in which the others fade out.
    ck_assert_msg(lost <= 1, "%zu of %zu frames are lost", lost, listener.frames.size());
  }
}
END_TEST

// Threads, or open files, of this process.
std::ptrdiff_t entries(const char* folder) {
  const std::filesystem::directory_iterator all(folder);
  return std::distance(begin(all), end(all));
}

// Each for a shorter time than its pipelines take to start, some a little longer.
START_TEST(who_come_and_go_faster_than_pipelines_start_leave_nothing_behind) {
  const char* rounds_text = std::getenv("PARLEY_ROUNDS");
  const int rounds = rounds_text == nullptr ? 20 : std::atoi(rounds_text);
  World world;
  ck_assert(world.work->start().has_value());
  world.work->track_added("anna", Source::kMic);
  world.work->track_added("anna", Source::kCamera);
  world.work->port_added("mix/bert");
  world.work->port_added("mix");
  const auto reds = [&] {
    return world.eyes.is(320, 120, kRed) && world.hears("bert", kAnna) && world.eyes.frames() > 0;
  };
  ck_assert(until(reds));
  const auto pause = [&](int ms) {
    const gint64 end = g_get_monotonic_time() + ms * 1000;
    until([&] { return g_get_monotonic_time() >= end; });
  };
  const auto threads = entries("/proc/self/task");
  const auto files = entries("/proc/self/fd");
  for (int round = 0; round < rounds; ++round) {
    world.work->track_added("bert", Source::kMic);
    world.work->track_added("bert", Source::kCamera);
    world.work->port_added("mix/cleo");
    pause(round * 37 % 120);
    test::stall("bert", "mic", round % 2 == 0);  // muted
    // Another codec: the track is another one.
    world.work->track_removed("bert", Source::kCamera);
    test::set_content("bert", "camera", kPictures[round % 2]);
    world.work->track_added("bert", Source::kCamera);
    pause(round * 23 % 90);
    world.work->track_removed("bert", Source::kMic);
    world.work->port_removed("mix/cleo");
    if (round % 8 == 7) {
      world.work->port_removed("mix");
      world.work->port_added("mix");
    }
    pause(round * 11 % 60);
    world.work->track_removed("bert", Source::kCamera);
  }
  ck_assert(until(reds));
  ck_assert(until([&] {
    // Pools of threads, and what they have opened, may be a little larger.
    return entries("/proc/self/task") <= threads + 4 && entries("/proc/self/fd") <= files + 4;
  }));
  ck_assert(
      until([] { return test::running("bert", "mic") + test::running("bert", "camera") == 0; }));
  for (const Report& report : world.reports)
    if (const auto* state = std::get_if<StateReport>(&report))
      ck_assert(state->state == State::kLive);
  world.work->stop();
  ck_assert(until([] { return GstPipelineRun::alive() == 0; }));
}
END_TEST

}  // namespace
}  // namespace parley::job

int main(int argc, char** argv) {
  using namespace parley;
  setenv("CK_FORK", "no", 0);  // GStreamer's threads do not survive a fork
  gst_init(&argc, &argv);
  test::register_fake_elements();
  job::set_contents();
  return test::run("mix", {job::everybody_hears_the_others_and_sees_one_picture,
                           job::who_speak_hear_on_when_all_of_them_change_at_once,
                           job::who_come_and_go_faster_than_pipelines_start_leave_nothing_behind});
}
