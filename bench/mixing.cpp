// What mixing and composing cost: the mixer and composer of jobs, fed with packets that were
// encoded before, as fast as they would come from a call. bench/README.md has the commands.
//
//   mixing audio PARTICIPANTS SECONDS
//   mixing composite|voices vp8|h264 COUNT PARTICIPANTS SECONDS    voices: without cameras
#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/gst.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "job/compose.h"
#include "job/gst_pipeline.h"
#include "job/mix_sound.h"
#include "job/work.h"

namespace {

using namespace parley;
using base::Kind;
using base::Source;

struct Packet {
  GstClockTime time;
  GstBuffer* buffer;
};
// A stream that is repeated: RTP as a payloader makes it.
struct Stream {
  std::vector<Packet> packets;
  GstCaps* caps = nullptr;
  GstClockTime length = 0;
};

Stream encode(const std::string& launch, GstClockTime length) {
  Stream stream{.packets = {}, .caps = nullptr, .length = length};
  GstElement* pipeline =
      gst_parse_launch((launch + " ! appsink name=out sync=false").c_str(), nullptr);
  GstElement* out = gst_bin_get_by_name(GST_BIN(pipeline), "out");
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  while (GstSample* sample = gst_app_sink_pull_sample(GST_APP_SINK(out))) {
    GstBuffer* buffer = gst_sample_get_buffer(sample);
    if (stream.caps == nullptr) stream.caps = gst_caps_ref(gst_sample_get_caps(sample));
    stream.packets.push_back({GST_BUFFER_PTS(buffer), gst_buffer_ref(buffer)});
    gst_sample_unref(sample);
  }
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(out);
  gst_object_unref(pipeline);
  return stream;
}

Stream audio_stream;
Stream video_stream;

// ---- parleysrc and parleysink without a media worker -------------------------------------------

struct Tap {
  GstBin parent;
  GstElement* inner;
  gboolean video;
};
struct TapClass {
  GstBinClass parent_class;
};

std::mutex taps_mutex;
std::vector<Tap*> taps;               // guarded by taps_mutex: sources that run
std::atomic<std::uint64_t> heard{0};  // packets that came to a sink

void set_property(GObject* object, guint id, const GValue* value, GParamSpec* /*spec*/) {
  if (id == 3)
    reinterpret_cast<Tap*>(object)->video =
        g_strcmp0(g_value_get_string(value), "camera") == 0 ? TRUE : FALSE;
}
void get_property(GObject* /*object*/, guint /*id*/, GValue* /*value*/, GParamSpec* /*spec*/) {}

void class_init(gpointer g_class, gpointer /*data*/) {
  auto* object_class = G_OBJECT_CLASS(g_class);
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  guint id = 0;
  for (const char* name : {"call", "profile", "source"})
    g_object_class_install_property(
        object_class, ++id,
        g_param_spec_string(name, name, name, "", static_cast<GParamFlags>(G_PARAM_READWRITE)));
  g_object_class_install_property(object_class, ++id,
                                  g_param_spec_uint("latency", "latency", "ms", 0, 10'000, 200,
                                                    static_cast<GParamFlags>(G_PARAM_READWRITE)));
  g_object_class_install_property(
      object_class, ++id,
      g_param_spec_boolean("patient", "patient", "", FALSE,
                           static_cast<GParamFlags>(G_PARAM_READWRITE)));
  gst_element_class_set_static_metadata(GST_ELEMENT_CLASS(g_class), "bench", "bench", "-", "-");
}

void init_with(GTypeInstance* instance, const char* factory, const char* pad) {
  auto* self = reinterpret_cast<Tap*>(instance);
  self->inner = gst_element_factory_make(factory, nullptr);
  gst_bin_add(GST_BIN(self), self->inner);
  GstPad* target = gst_element_get_static_pad(self->inner, pad);
  gst_element_add_pad(GST_ELEMENT(self), gst_ghost_pad_new(pad, target));
  gst_object_unref(target);
}
void init_source(GTypeInstance* instance, gpointer /*g_class*/) {
  init_with(instance, "appsrc", "src");
  g_object_set(reinterpret_cast<Tap*>(instance)->inner, "is-live", TRUE, "format", GST_FORMAT_TIME,
               nullptr);
}
void init_sink(GTypeInstance* instance, gpointer /*g_class*/) {
  init_with(instance, "fakesink", "sink");
  GstElement* sink = reinterpret_cast<Tap*>(instance)->inner;
  g_object_set(sink, "signal-handoffs", TRUE, "async", FALSE, nullptr);
  g_signal_connect(sink, "handoff",
                   G_CALLBACK(+[](GstElement*, GstBuffer*, GstPad*, gpointer) { ++heard; }),
                   nullptr);
}
GstStateChangeReturn change_source(GstElement* element, GstStateChange change) {
  auto* self = reinterpret_cast<Tap*>(element);
  const std::scoped_lock lock(taps_mutex);
  if (change == GST_STATE_CHANGE_READY_TO_PAUSED) {
    gst_app_src_set_caps(GST_APP_SRC(self->inner),
                         self->video == TRUE ? video_stream.caps : audio_stream.caps);
    taps.push_back(self);
  }
  if (change == GST_STATE_CHANGE_PAUSED_TO_READY) std::erase(taps, self);
  return GST_ELEMENT_CLASS(g_type_class_peek_static(GST_TYPE_BIN))->change_state(element, change);
}
void source_class_init(gpointer g_class, gpointer data) {
  class_init(g_class, data);
  GST_ELEMENT_CLASS(g_class)->change_state = change_source;
}

void register_elements() {
  const auto make = [](const char* name, GClassInitFunc class_init, GInstanceInitFunc init) {
    return g_type_register_static_simple(GST_TYPE_BIN, name, sizeof(TapClass), class_init,
                                         sizeof(Tap), init, static_cast<GTypeFlags>(0));
  };
  gst_element_register(nullptr, "parleysrc", GST_RANK_NONE,
                       make("BenchSource", source_class_init, init_source));
  gst_element_register(nullptr, "parleysink", GST_RANK_NONE,
                       make("BenchSink", class_init, init_sink));
}

// Every packet to every source when its time has come.
void feed(GstClockTime base, bool video, const std::atomic<bool>& over) {
  const Stream& stream = video ? video_stream : audio_stream;
  for (std::uint64_t round = 0; !over; ++round) {
    for (const Packet& packet : stream.packets) {
      const GstClockTime time = round * stream.length + packet.time;
      std::this_thread::sleep_until(
          std::chrono::steady_clock::time_point(std::chrono::nanoseconds(base + time)));
      if (over) return;
      const std::scoped_lock lock(taps_mutex);
      for (Tap* tap : taps) {
        if ((tap->video == TRUE) != video) continue;
        GstBuffer* buffer = gst_buffer_copy(packet.buffer);
        GST_BUFFER_PTS(buffer) =
            base + time - gst_element_get_base_time(GST_ELEMENT(tap));  // of its own pipeline
        gst_app_src_push_buffer(GST_APP_SRC(tap->inner), buffer);
      }
    }
  }
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void run_for(int seconds) {
  GMainLoop* loop = g_main_loop_new(nullptr, FALSE);
  g_timeout_add_seconds(
      static_cast<guint>(seconds),
      +[](gpointer data) -> gboolean {
        g_main_loop_quit(static_cast<GMainLoop*>(data));
        return G_SOURCE_REMOVE;
      },
      loop);
  g_main_loop_run(loop);
  g_main_loop_unref(loop);
}

struct Feeders {
  Feeders() : base(job::monotonic_now()) {
    for (const bool video : {false, true})
      threads.emplace_back([this, video] { feed(base, video, over); });
  }
  ~Feeders() {
    over = true;
    for (std::thread& thread : threads) thread.join();
  }
  Feeders(const Feeders&) = delete;
  Feeders& operator=(const Feeders&) = delete;
  GstClockTime base;
  std::atomic<bool> over{false};
  std::vector<std::thread> threads;
};

struct World {
  World()
      : folders({PARLEY_PIPELINES}),
        context{spec, folders, [](const job::Report&) {}, [](auto) {}} {
    spec.call = "bench";
    spec.pipelines = {PARLEY_PIPELINES};
  }
  job::Spec spec;
  pipeline::Folders folders;
  job::Context context;
};

constexpr int kWarmUp = 3;  // seconds

int audio(int participants, int seconds) {
  World world;
  job::MixSound sound(world.context, 48, job::monotonic_now(), [](const std::string&, double) {});
  if (auto started = sound.start(); !started) {
    std::fprintf(stderr, "%s\n", started.error().message.c_str());
    return 1;
  }
  for (int i = 0; i < participants; ++i) {
    const std::string owner = "p" + std::to_string(i);
    sound.track_added(owner, Source::kMic);
    sound.port_added("mix/" + owner, owner);
  }
  const Feeders feeders;
  run_for(kWarmUp);
  const double before = cpu_seconds();
  const std::uint64_t heard_before = heard;
  const auto begin = std::chrono::steady_clock::now();
  run_for(seconds);
  const double wall =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::printf("audio: %d participants, %.1f %% of a core; each heard %.1f packets/s\n",
              participants, 100 * (cpu_seconds() - before) / wall,
              static_cast<double>(heard - heard_before) / wall / participants);
  return 0;
}

int composite(job::Codecs codecs, int count, int participants, bool cameras, int seconds) {
  World world;
  std::vector<std::unique_ptr<job::Composer>> composers;
  std::vector<std::atomic<int>> frames(static_cast<std::size_t>(count));
  std::atomic<std::uint64_t> bytes{0};
  for (auto& counter : frames) {
    composers.push_back(std::make_unique<job::Composer>(
        world.context, job::Composer::Options{.codecs = codecs},
        job::Composer::Callbacks{
            .on_encoded =
                [&counter, &bytes](Kind kind, const wrap::Ref<GstSample>& sample) {
                  if (kind != Kind::kVideo) return;
                  ++counter;
                  bytes += gst_buffer_get_size(gst_sample_get_buffer(sample.get()));
                },
            .on_failed = {}}));
    if (auto started = composers.back()->start(); !started) {
      std::fprintf(stderr, "%s\n", started.error().message.c_str());
      return 1;
    }
    for (int i = 0; i < participants; ++i) {
      composers.back()->track_added("p" + std::to_string(i), Source::kMic);
      if (cameras) composers.back()->track_added("p" + std::to_string(i), Source::kCamera);
    }
  }
  const Feeders feeders;
  run_for(kWarmUp);
  for (auto& counter : frames) counter = 0;
  bytes = 0;
  const double before = cpu_seconds();
  const auto begin = std::chrono::steady_clock::now();
  run_for(seconds);
  const double wall =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const double cpu = cpu_seconds() - before;
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  const auto threads = std::distance(std::filesystem::begin(tasks), std::filesystem::end(tasks));
  int least = frames[0];
  for (auto& counter : frames) least = std::min(least, counter.load());
  std::printf(
      "composite: %d of %d participants, %.1f %% of a core; slowest made %.1f frames/s; "
      "%.0f kbit/s each; %td threads\n",
      count, participants, 100 * cpu / wall, least / wall,
      static_cast<double>(bytes) * 8 / 1000 / wall / count, threads);
  composers.clear();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  gst_init(&argc, &argv);
  register_elements();
  const std::string what = argc > 1 ? argv[1] : "";
  if (!(what == "audio" && argc == 4) &&
      !((what == "composite" || what == "voices") && argc == 6)) {
    std::fprintf(stderr,
                 "mixing audio PARTICIPANTS SECONDS\n"
                 "mixing composite|voices vp8|h264 COUNT PARTICIPANTS SECONDS\n");
    return 64;
  }
  // Everybody makes a sound all the time, and all pictures move.
  audio_stream = encode(
      "audiotestsrc num-buffers=250 samplesperbuffer=960 wave=pink-noise volume=0.3 ! "
      "audio/x-raw,rate=48000,channels=1 ! opusenc bitrate=32000 ! rtpopuspay",
      5 * GST_SECOND);
  video_stream = encode(
      "videotestsrc num-buffers=50 pattern=zone-plate kx2=8 ky2=8 kt=15 ! "
      "video/x-raw,format=I420,width=640,height=360,framerate=25/1 ! "
      "vp8enc deadline=1 cpu-used=8 target-bitrate=800000 keyframe-max-dist=50 ! "
      "rtpvp8pay picture-id-mode=15-bit",
      2 * GST_SECOND);
  if (what == "audio") return audio(std::atoi(argv[2]), std::atoi(argv[3]));
  return composite(std::string(argv[2]) == "h264" ? job::Codecs::kH264Aac : job::Codecs::kVp8Opus,
                   std::atoi(argv[3]), std::atoi(argv[4]), what == "composite", std::atoi(argv[5]));
}
