// A mixed call with real media: who hears whom, and the picture all see.
#include <array>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "job/fake_elements.h"
#include "job/gst_pipeline.h"
#include "job/layout.h"
#include "job/watching.h"
#include "job/work.h"
#include "support/check_main.h"

namespace parley::job {
namespace {

using base::Source;
using test::until;

constexpr std::uint32_t kRed = 0xe02020, kGreen = 0x20c020;
constexpr double kAnna = 400, kBert = 700;  // Hz

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

}  // namespace
}  // namespace parley::job

int main(int argc, char** argv) {
  using namespace parley;
  setenv("CK_FORK", "no", 0);  // GStreamer's threads do not survive a fork
  gst_init(&argc, &argv);
  test::register_fake_elements();
  job::set_contents();
  return test::run("mix", {job::everybody_hears_the_others_and_sees_one_picture});
}
