// Real media through the pipelines that ship: test pictures and tones as RTP, composed, encoded,
// and decoded again.
#include "job/compose.h"

#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "job/fake_elements.h"
#include "job/gst_pipeline.h"
#include "job/layout.h"
#include "job/watching.h"
#include "support/check_main.h"

namespace parley::job {
namespace {

using base::Kind;
using base::Source;
using test::until;

constexpr std::uint32_t kWidth = 640;
constexpr std::uint32_t kHeight = 360;
constexpr std::uint32_t kRed = 0xe02020, kGreen = 0x20c020, kBlue = 0x2020e0, kBlack = 0;
constexpr std::uint32_t kNameTile = 0x303a44;  // pipelines/input-name.pipeline

std::string picture(std::uint32_t colour, int width = 320, int height = 180) {
  return "videotestsrc is-live=true pattern=solid-color foreground-color=" +
         std::to_string(0xff000000U | colour) + " ! video/x-raw,width=" + std::to_string(width) +
         ",height=" + std::to_string(height) + ",framerate=15/1";
}
std::string tone(int hz) {
  return "audiotestsrc is-live=true samplesperbuffer=960 wave=sine volume=0.2 freq=" +
         std::to_string(hz) + " ! audio/x-raw,rate=48000,channels=1";
}

void set_contents() {
  test::set_content("red", "camera", picture(kRed));
  test::set_content("red", "mic", tone(400));
  test::set_content("green", "camera", picture(kGreen, 640, 480));
  test::set_content("green", "mic", tone(700));
  test::set_content("blue", "screen", picture(kBlue, 640, 360));
  test::set_content("blue", "mic", tone(1000));
}

// What came, and whether its time line is whole.
struct Encoded {
  explicit Encoded(Codecs codecs)
      : video(codecs == Codecs::kVp8Opus ? "vp8dec ! videoconvert ! video/x-raw,format=RGB"
                                         : "avdec_h264 ! videoconvert ! video/x-raw,format=RGB",
              [this](GstSample* sample) { eyes.see(sample); }),
        audio(std::string(codecs == Codecs::kVp8Opus ? "opusdec" : "avdec_aac") +
                  " ! audioconvert ! audioresample ! "
                  "audio/x-raw,format=S16LE,rate=48000,channels=1",
              [this](GstSample* sample) { ears.hear(sample); }) {}

  void take(Kind kind, GstSample* sample) {
    GstBuffer* buffer = gst_sample_get_buffer(sample);
    const GstClockTime pts = GST_BUFFER_PTS(buffer);
    const std::scoped_lock lock(mutex);
    auto& track = tracks[kind == Kind::kAudio ? 0 : 1];
    // The first frame of an encoder with a delay is shorter.
    if (track.frames > 1) {
      const GstClockTimeDiff step = GST_CLOCK_DIFF(track.last, pts);
      track.shortest = std::min(track.shortest, step);
      track.longest = std::max(track.longest, step);
      const GstClockTimeDiff frames = (step + 20'000'000) / 40'000'000;
      track.uneven = std::max(track.uneven, std::abs(step - frames * 40'000'000));
    } else if (track.frames == 0) {
      track.first = pts;
    }
    track.last = pts;
    ++track.frames;
    if (kind == Kind::kVideo && !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT))
      ++key_frames;
    (kind == Kind::kAudio ? audio : video).push(sample);
  }

  struct Track {
    int frames = 0;
    GstClockTime first = 0;
    GstClockTime last = 0;
    GstClockTimeDiff shortest = G_MAXINT64;
    GstClockTimeDiff longest = 0;
    GstClockTimeDiff uneven = 0;  // from a multiple of 40 ms
  };
  std::mutex mutex;
  std::array<Track, 2> tracks;  // audio, video; guarded by mutex
  std::atomic<int> key_frames{0};
  test::Eyes eyes;
  test::Ears ears;
  test::Decoder video;
  test::Decoder audio;
};

struct World {
  explicit World(Composer::Options options)
      : context{spec, folders, [](const Report&) {}, [](const base::Result<void>&) {}},
        encoded(options.codecs) {
    spec.call = "c1";
    spec.pipelines = {PARLEY_PIPELINES};
    spec.names = {{"red", "Rosa & <b>Rot</b>"}};
    options.picture = {.width = kWidth, .height = kHeight, .fps = 25, .kbps = 1500};
    composer = std::make_unique<Composer>(
        context, std::move(options),
        Composer::Callbacks{
            .on_encoded =
                [this](Kind kind, const wrap::Ref<GstSample>& sample) {
                  encoded.take(kind, sample.get());
                },
            .on_failed = [this](const base::Error& error) { failure = error.message; }});
  }
  ~World() {
    composer.reset();
    ck_assert(until([] { return GstPipelineRun::alive() == 0; }));
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  void start() {
    const auto started = composer->start();
    ck_assert_msg(started.has_value(), "%s", started ? "" : started.error().message.c_str());
  }
  void join(const std::string& owner) {
    composer->track_added(owner, Source::kMic);
    if (owner != "blue") composer->track_added(owner, Source::kCamera);
  }
  [[nodiscard]] std::vector<Rectangle> places(std::vector<Candidate> candidates) const {
    const std::array<std::string, 1> layouts{PARLEY_PIPELINES "/layouts"};
    std::vector<Rectangle> found(candidates.size());
    for (const Place& place :
         LayoutText::load(layouts, "grid")->arrange(candidates, kWidth, kHeight))
      found[place.candidate] = place.at;
    return found;
  }
  // In the middle, above what is written.
  [[nodiscard]] bool shows(const Rectangle& at, std::uint32_t colour) const {
    return encoded.eyes.is(at.x + at.width / 2, at.y + at.height / 3, colour);
  }

  Spec spec;
  pipeline::Folders folders{{PARLEY_PIPELINES}};
  Context context;
  Encoded encoded;
  std::string failure;
  std::unique_ptr<Composer> composer;
};

// Sound without a hole; pictures at whole frames, though an encoder that is starved leaves some
// out.
void check_time_lines(World& world) {
  const std::scoped_lock lock(world.encoded.mutex);
  const auto& [audio, video] = world.encoded.tracks;
  ck_assert_msg(video.shortest >= 39'900'000 && video.uneven <= 100'000,
                "video %" G_GINT64_FORMAT " ns, off by %" G_GINT64_FORMAT, video.shortest,
                video.uneven);
  // AAC: 1024 samples, 21.33 ms.
  ck_assert_msg(audio.shortest >= 19'900'000 && audio.longest <= 21'500'000,
                "audio %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT " ns", audio.shortest,
                audio.longest);
}

START_TEST(who_comes_is_seen_in_place_and_heard_and_who_goes_is_not) {
  World world({.codecs = Codecs::kVp8Opus});
  world.start();
  // Nobody is there: black and silent, but there.
  ck_assert(until([&] { return world.encoded.eyes.frames() > 10; }));
  ck_assert(world.encoded.eyes.is(kWidth / 2, kHeight / 2, kBlack));

  world.join("red");
  const Rectangle whole = world.places({{}})[0];
  ck_assert(until([&] { return world.shows(whole, kRed); }));
  // With the name.
  ck_assert(
      until([&] { return world.encoded.eyes.white_in(0, kHeight * 3 / 4, 200, kHeight / 4); }));
  ck_assert(until([&] { return world.encoded.ears.amplitude(400) > 0.1; }));

  world.join("green");  // 4:3, in a place of 16:9
  const auto two = world.places({{}, {}});
  ck_assert(until([&] { return world.shows(two[0], kRed) && world.shows(two[1], kGreen); }));
  ck_assert(world.encoded.eyes.is(two[1].x + 4, two[1].y + two[1].height / 2, kBlack));
  ck_assert(until([&] { return world.encoded.ears.amplitude(700) > 0.1; }));
  ck_assert(world.encoded.ears.amplitude(400) > 0.1);

  // Somebody without a camera is there by name, with a screen that takes most of the place.
  world.join("blue");
  world.composer->track_added("blue", Source::kScreen);
  const auto shared = world.places({{}, {}, {}, {.screen = true}});
  ck_assert(until([&] {
    return world.shows(shared[3], kBlue) && world.shows(shared[0], kRed) &&
           world.encoded.eyes.is(shared[2].x + 6, shared[2].y + 6, kNameTile);
  }));

  // A key frame on request.
  const int before = world.encoded.key_frames;
  world.composer->request_key_frame();
  ck_assert(until([&] { return world.encoded.key_frames > before; }));

  world.composer->track_removed("blue", Source::kScreen);
  world.composer->track_removed("blue", Source::kMic);
  world.composer->track_removed("green", Source::kMic);
  world.composer->track_removed("green", Source::kCamera);
  ck_assert(until([&] { return world.shows(whole, kRed); }));
  ck_assert(until([&] { return world.encoded.ears.amplitude(700) < 0.01; }));
  ck_assert(world.encoded.ears.amplitude(400) > 0.1);
  ck_assert_int_eq(test::running("green", "camera") + test::running("blue", "screen"), 0);
  check_time_lines(world);
  ck_assert_str_eq(world.failure.c_str(), "");
}
END_TEST

START_TEST(a_silent_or_broken_input_delays_nothing_and_shows_a_name) {
  // On a time line that began long ago.
  const GstClockTime base = monotonic_now() - 3600 * GST_SECOND;
  test::set_content("broken", "camera",
                    "videotestsrc is-live=true ! video/x-raw,width=320,height=180 ! identity "
                    "error-after=2");
  World world({.codecs = Codecs::kH264Aac, .base_time = base});
  world.composer->track_added("red", Source::kMic);  // before the start, too
  world.start();
  world.composer->track_added("red", Source::kCamera);
  world.composer->track_added("broken", Source::kCamera);
  const auto two = world.places({{}, {}});
  ck_assert(until([&] {
    return world.shows(two[0], kRed) &&
           world.encoded.eyes.is(two[1].x + 6, two[1].y + 6, kNameTile);
  }));
  test::stall("red", "camera", true);
  test::stall("red", "mic", true);
  ck_assert(until([&] { return world.encoded.eyes.is(two[0].x + 6, two[0].y + 6, kNameTile); }));
  ck_assert(until([&] { return world.encoded.ears.amplitude(400) < 0.01; }));
  test::stall("red", "camera", false);
  ck_assert(until([&] { return world.shows(two[0], kRed); }));
  // A track that ends and is still said to be there is tried again.
  const int opened = test::opened("red", "camera");
  test::end("red", "camera");
  ck_assert(until([&] { return test::opened("red", "camera") > opened; }));
  ck_assert(until([&] { return world.shows(two[0], kRed); }));
  check_time_lines(world);
  {
    const std::scoped_lock lock(world.encoded.mutex);
    for (const auto& track : world.encoded.tracks) {
      ck_assert_uint_ge(track.first, 3599 * GST_SECOND);
      ck_assert_uint_le(track.first, 3700 * GST_SECOND);
    }
  }
  const auto caps = world.composer->caps(Kind::kVideo);
  ck_assert(gst_structure_has_field(gst_caps_get_structure(caps.get(), 0), "codec_data"));
  world.composer->stop();
  int frames = 0;
  {
    const std::scoped_lock lock(world.encoded.mutex);
    frames = world.encoded.tracks[1].frames;
  }
  ck_assert(until([] { return GstPipelineRun::alive() == 0; }));
  ck_assert_int_eq(frames, world.encoded.tracks[1].frames);
}
END_TEST

START_TEST(only_one_participant_is_taken_when_asked_for) {
  World world({.only = "green"});
  world.start();
  world.join("red");
  world.join("green");
  const Rectangle whole = world.places({{}})[0];
  ck_assert(until([&] { return world.shows(whole, kGreen); }));
  ck_assert(until([&] { return world.encoded.ears.amplitude(700) > 0.1; }));
  ck_assert(world.encoded.ears.amplitude(400) < 0.01);
  ck_assert_int_eq(test::running("red", "camera"), 0);
}
END_TEST

START_TEST(an_encoder_that_stands_still_is_told) {
  char own[] = "/tmp/parley-compose-XXXXXX";
  ck_assert(mkdtemp(own) != nullptr);
  std::ifstream in(PARLEY_PIPELINES "/compose-vp8-opus.pipeline");
  std::string text{std::istreambuf_iterator<char>(in), {}};
  const std::string sink = "! appsink name=video_out";
  ck_assert(text.find(sink) != std::string::npos);
  text.replace(text.find(sink), 0, "! valve drop=true ");
  std::ofstream(std::string(own) + "/compose-vp8-opus.pipeline") << text;
  World world({.stall = std::chrono::milliseconds(1000)});
  world.folders = pipeline::Folders({own, PARLEY_PIPELINES});
  world.start();
  ck_assert(until([&] { return !world.failure.empty(); }));
  ck_assert_str_eq(world.failure.c_str(),
                   "the composing pipeline failed: nothing comes out of it any more");
  std::filesystem::remove_all(own);
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
  return test::run("compose", {job::who_comes_is_seen_in_place_and_heard_and_who_goes_is_not,
                               job::a_silent_or_broken_input_delays_nothing_and_shows_a_name,
                               job::only_one_participant_is_taken_when_asked_for,
                               job::an_encoder_that_stands_still_is_told});
}
