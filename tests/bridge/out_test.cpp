// Sends what a composer would make to real servers and players: nginx with RTMP, ffmpeg,
// srt-live-transmit; and to some that misbehave.
#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "bridge/bridge_world.h"
#include "bridge/encoder.h"
#include "job/out_feed.h"
#include "job/out_target.h"
#include "job/retry.h"
#include "support/check_main.h"

using namespace parley;
using test::at_port;
using test::has;
using test::run_until;

namespace {

struct Bridge {
  std::vector<job::StateReport> states;
  std::vector<gint64> at;  // when, us
  std::unique_ptr<job::OutTarget> target;
  bool stopped = false;
  [[nodiscard]] bool is(job::State state) const {
    return !states.empty() && states.back().state == state;
  }
  [[nodiscard]] int times(job::State state) const {
    return static_cast<int>(std::count_if(states.begin(), states.end(),
                                          [&](const auto& each) { return each.state == state; }));
  }
  // Between two reports it has waited and tried.
  [[nodiscard]] bool has_waited() const {
    for (std::size_t i = 2; i < states.size(); ++i)
      if (at[i] - at[i - 1] < 790'000) return false;
    return true;
  }
  [[nodiscard]] std::string story() const {
    std::string all;
    for (const auto& state : states)
      all += std::to_string(static_cast<int>(state.state)) + " " + state.message + "; ";
    return all;
  }
};

// One encoder, and every bridge a test has made.
class World {
 public:
  World()
      : pipelines_({PARLEY_PIPELINES}), encoder_([this](base::Kind kind, GstSample* sample) {
          for (const auto& bridge : bridges_) bridge->target->push(kind, sample);
        }) {}
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  Bridge& add(const std::string& kind, const std::string& url, job::OutTarget::Times times = {}) {
    return add(pipelines_, kind, url, times);
  }
  // One whose network is too slow for anything.
  Bridge& add_slow(const std::string& url, job::OutTarget::Times times) {
    std::filesystem::create_directories(folder.path + "/slow");
    std::ofstream(folder.path + "/slow/output-rtp.pipeline")
        << "# Waits.\n#\n# hook video appsrc h264 - pictures\n# hook audio appsrc aac - sound\n"
           "# hook out udpsink any - where they go\n\n"
           "appsrc name=video format=time max-bytes=0 ! identity sleep-time=400000\n"
           "  ! udpsink name=out sync=false async=false\n"
           "appsrc name=audio format=time max-bytes=0 ! fakesink sync=false async=false\n";
    return add(slow_, "rtp", url, times);
  }
  Bridge& add(const pipeline::Folders& pipelines, const std::string& kind, const std::string& url,
              job::OutTarget::Times times) {
    job::Out out;
    out.kind = kind;
    out.url = url;
    out.address = kind == "hls" ? "" : "127.0.0.1";
    out.folder = folder.path + "/hls";
    bridges_.push_back(std::make_unique<Bridge>());
    Bridge& bridge = *bridges_.back();
    bridge.target = std::make_unique<job::OutTarget>(
        pipelines, out,
        job::OutTarget::Callbacks{[&bridge](const job::StateReport& report) {
                                    bridge.states.push_back(report);
                                    bridge.at.push_back(g_get_monotonic_time());
                                  },
                                  [this] { encoder_.request_key_frame(); }},
        times);
    return bridge;
  }
  void start() {
    encoder_.start();
    for (const auto& bridge : bridges_) {
      const auto started = bridge->target->start(encoder_.base_time());
      ck_assert_msg(started.has_value(), "%s", started ? "" : started.error().message.c_str());
    }
  }
  void stop() {
    for (const auto& bridge : bridges_)
      bridge->target->stop([b = bridge.get()] { b->stopped = true; });
    ck_assert(run_until([this] {
      return std::all_of(bridges_.begin(), bridges_.end(),
                         [](const auto& bridge) { return bridge->stopped; });
    }));
    ck_assert(run_until([] { return job::GstPipelineRun::alive() == 0; }));
  }
  [[nodiscard]] std::uint64_t made() const { return encoder_.made(); }
  // What ffprobe says of a stream.
  std::string probe(const std::string& what, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {"/usr/bin/ffprobe", "-v", "error", "-show_entries",
                                          "stream=codec_name,width,height"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    arguments.push_back(what);
    const test::Process ffprobe(arguments, folder.path + "/probe.out");
    ck_assert(run_until([&] { return ffprobe.ended(); }));
    return ffprobe.output();
  }
  test::Folder folder;

 private:
  const pipeline::Folders pipelines_;
  const pipeline::Folders slow_{{folder.path + "/slow"}};
  std::vector<std::unique_ptr<Bridge>> bridges_;
  test::Encoder encoder_;  // ends first
};

void ck_live(const Bridge& bridge) {
  ck_assert_msg(run_until([&] { return bridge.is(job::State::kLive); }), "%s",
                bridge.story().c_str());
}

// A server that takes connections, and nothing else.
struct Deaf {
  std::uint16_t port = test::free_port();
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  Deaf() {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_eq(::bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
    ck_assert_int_eq(::listen(fd, 8), 0);
  }
  ~Deaf() { ::close(fd); }
  Deaf(const Deaf&) = delete;
  Deaf& operator=(const Deaf&) = delete;
};

// docs/bridging.sdp with its ports.
void write_sdp(const std::string& path, std::uint16_t port) {
  std::string sdp = test::contents(PARLEY_SDP);
  for (const auto& [name, value] : {std::pair("5004", port + 0), std::pair("5006", port + 2)})
    sdp.replace(sdp.find(name), 4, std::to_string(value));
  std::ofstream(path) << sdp;
}

// Segments begin with key frames, the list is whole, and a player takes all of it.
void check_hls(const World& world, const std::string& folder) {
  const std::string playlist = folder + "/hls/index.m3u8";
  const std::string list = test::contents(playlist);
  ck_assert_msg(list.starts_with("#EXTM3U") && has(list, "#EXT-X-TARGETDURATION:") &&
                    has(list, "#EXT-X-ENDLIST") && !has(list, "/"),
                "%s", list.c_str());
  for (const char* part : {"/hls/part1-00001.ts", "/hls/part1-00002.ts"}) {
    const std::string frame =
        world.probe(folder + part, {"-select_streams", "v", "-read_intervals", "%+#1",
                                    "-show_entries", "frame=key_frame,pict_type"});
    ck_assert_msg(has(frame, "key_frame=1") && has(frame, "pict_type=I"), "%s", frame.c_str());
  }
  const std::string both = world.probe(playlist);
  ck_assert_msg(has(both, "h264") && has(both, "aac"), "%s", both.c_str());
  const test::Process played(
      {"/usr/bin/ffmpeg", "-v", "error", "-xerror", "-i", playlist, "-f", "null", "-"},
      folder + "/played.out");
  ck_assert(run_until([&] { return played.ended(); }));
  ck_assert_msg(played.succeeded() && played.output().empty(), "%s", played.output().c_str());
}

}  // namespace

START_TEST(waits_longer_each_time_but_not_for_ever) {
  job::Retry retry(7);
  const std::array<double, 8> right = {1e3, 2e3, 4e3, 8e3, 16e3, 30e3, 30e3, 30e3};
  std::vector<double> waits;
  for (const double each : right) {
    waits.push_back(static_cast<double>(retry.next().count()));
    ck_assert(waits.back() >= 0.8 * each - 1 && waits.back() <= 1.2 * each + 1);
  }
  ck_assert(waits[5] != waits[6] && waits[6] != waits[7]);
  retry.held();
  ck_assert(retry.next() <= std::chrono::milliseconds(1200));
}
END_TEST

// What a target does not take is left out by whole groups of pictures, and nobody waits.
START_TEST(a_target_that_takes_nothing_gets_whole_groups_or_nothing) {
  gst_init(nullptr, nullptr);
  auto video = wrap::Ref<GstElement>::sink(gst_element_factory_make("appsrc", nullptr));
  auto audio = wrap::Ref<GstElement>::sink(gst_element_factory_make("appsrc", nullptr));
  for (const auto& appsrc : {video, audio}) {
    g_object_set(appsrc.get(), "format", GST_FORMAT_TIME, "max-bytes", guint64{0}, nullptr);
    gst_element_set_state(appsrc.get(), GST_STATE_PAUSED);
  }
  int asked = 0;
  job::OutFeed feed(video, audio, 10 * GST_SECOND, [&] { ++asked; });
  GstCaps* caps = gst_caps_new_empty_simple("video/x-h264");
  const auto push = [&](base::Kind kind, GstClockTime at, bool key) {
    GstBuffer* buffer = gst_buffer_new_allocate(nullptr, 100, nullptr);
    GST_BUFFER_PTS(buffer) = at;
    GST_BUFFER_DURATION(buffer) = 40 * GST_MSECOND;
    if (!key) GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
    GstSample* sample = gst_sample_new(buffer, caps, nullptr, nullptr);
    gst_buffer_unref(buffer);
    feed.push(kind, sample);
    gst_sample_unref(sample);
  };
  push(base::Kind::kVideo, 9 * GST_SECOND, true);    // before it began
  push(base::Kind::kVideo, 10 * GST_SECOND, false);  // no key frame yet
  push(base::Kind::kAudio, 10 * GST_SECOND, true);   // ... nor a picture
  ck_assert_uint_eq(feed.bytes(), 0);
  ck_assert_int_ge(asked, 1);
  GstClockTime at = 11 * GST_SECOND;
  push(base::Kind::kVideo, at, true);
  ck_assert_uint_eq(feed.bytes(), 100);
  // Nothing takes it: it fills up, and stays so.
  for (int i = 0; i < 1000; ++i) push(base::Kind::kVideo, at += 40 * GST_MSECOND, i % 50 == 49);
  const auto kept = feed.bytes() / 100;
  ck_assert_uint_ge(kept, 70);
  ck_assert_uint_le(kept, 90);  // three seconds
  ck_assert_uint_eq(feed.dropped(), 3 + 1001 - kept);
  feed.end();
  push(base::Kind::kVideo, at, true);
  ck_assert_uint_eq(feed.bytes() / 100, kept);
  gst_caps_unref(caps);
  for (const auto& appsrc : {video, audio}) gst_element_set_state(appsrc.get(), GST_STATE_NULL);
}
END_TEST

START_TEST(real_servers_and_players_take_a_call_and_bad_ones_hold_nobody_up) {
  gst_init(nullptr, nullptr);
  World world;
  const std::string& folder = world.folder.path;
  std::filesystem::create_directories(folder + "/hls");
  const auto rtmp_port = test::free_port();
  const auto srt_port = test::free_port();
  const auto rtp_port = test::free_port(3);
  test::Nginx nginx(folder, rtmp_port, test::free_port());
  ck_assert(nginx.start());
  const test::Process srt({"/usr/bin/srt-live-transmit", "-q",
                           at_port("srt", srt_port, "?mode=listener"), "file://con"},
                          folder + "/srt.ts");
  write_sdp(folder + "/call.sdp", rtp_port);
  const test::Process rtp(
      {"/usr/bin/ffmpeg", "-hide_banner", "-protocol_whitelist", "file,udp,rtp", "-i",
       folder + "/call.sdp", "-t", "2", "-c", "copy", "-f", "matroska", "-y", folder + "/rtp.mkv"},
      folder + "/rtp.out");
  const Deaf deaf;

  Bridge& to_rtmp = world.add("rtmp", at_port("rtmp", rtmp_port, "/live/sekretkey"));
  Bridge& to_srt = world.add("srt", at_port("srt", srt_port, "?latency=100"));
  Bridge& to_rtp = world.add("rtp", at_port("rtp", rtp_port, ""));
  Bridge& to_hls = world.add("hls", "");
  job::OutTarget::Times impatient;
  impatient.connect = std::chrono::milliseconds(1500);
  Bridge& to_deaf = world.add("rtmp", at_port("rtmp", deaf.port, "/live/x"), impatient);
  Bridge& to_nobody = world.add("rtmp", at_port("rtmp", test::free_port(), "/live/x"));
  job::OutTarget::Times hasty;
  hasty.stall = std::chrono::milliseconds(200);
  Bridge& to_slow = world.add_slow(at_port("rtp", test::free_port(3), ""), hasty);
  Bridge& to_no_srt = world.add("srt", at_port("srt", test::free_port(), ""));
  world.start();
  for (const Bridge* bridge : {&to_rtmp, &to_srt, &to_rtp, &to_hls}) ck_live(*bridge);
  for (const Bridge* bridge : {&to_deaf, &to_nobody, &to_no_srt}) {
    ck_assert_msg(run_until([&] { return bridge->times(job::State::kReconnecting) >= 2; }), "%s",
                  bridge->story().c_str());
    ck_assert_int_eq(bridge->times(job::State::kLive), 0);
    ck_assert_msg(bridge->has_waited(), "%s", bridge->story().c_str());
  }
  // One that was live, and stalls.
  ck_assert_msg(run_until([&] { return to_slow.times(job::State::kReconnecting) > 0; }), "%s",
                to_slow.story().c_str());
  ck_assert_int_ge(to_slow.times(job::State::kLive), 1);
  ck_assert(has(to_slow.story(), "the other side takes nothing any more"));
  const std::string live = world.probe(at_port("rtmp", rtmp_port, "/live/sekretkey"));
  ck_assert_msg(has(live, "h264") && has(live, "aac") && has(live, "width=320"), "%s",
                live.c_str());

  // The server dies, and comes back.
  nginx.kill();
  ck_assert(run_until([&] { return to_rtmp.is(job::State::kReconnecting); }));
  const auto made = world.made();
  ck_assert(run_until([&] { return world.made() > made + 50; }));  // nobody was held up
  ck_assert(to_hls.is(job::State::kLive) && to_srt.is(job::State::kLive));
  ck_assert(nginx.start());
  ck_live(to_rtmp);
  ck_assert(has(world.probe(at_port("rtmp", rtmp_port, "/live/sekretkey")), "h264"));

  ck_assert_msg(run_until([&] { return rtp.ended(); }), "%s", rtp.output().c_str());
  const std::string by_rtp = world.probe(folder + "/rtp.mkv");
  ck_assert_msg(has(by_rtp, "h264") && has(by_rtp, "aac") && has(by_rtp, "height=180"), "%s\n%s",
                by_rtp.c_str(), rtp.output().c_str());
  ck_assert(
      run_until([&] { return has(test::contents(folder + "/hls/index.m3u8"), "part1-00003.ts"); }));
  world.stop();
  check_hls(world, folder);
  const std::string by_srt = world.probe(folder + "/srt.ts");
  ck_assert_msg(has(by_srt, "h264") && has(by_srt, "aac"), "%s", by_srt.c_str());
}
END_TEST

int main() {
  return test::run("bridges out",
                   {waits_longer_each_time_but_not_for_ever,
                    a_target_that_takes_nothing_gets_whole_groups_or_nothing,
                    real_servers_and_players_take_a_call_and_bad_ones_hold_nobody_up});
}
